#include "central-gateway/app/commands.h"

int main(int argc, char** argv) { return edcsync::central::RunCommandLine(argc, argv); }
