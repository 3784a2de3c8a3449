#include "edge-agent/app/commands.h"

int main(int argc, char** argv) { return edcsync::edge::RunCommandLine(argc, argv); }
