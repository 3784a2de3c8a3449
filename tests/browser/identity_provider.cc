// The tests' own identity provider as a program, for browsers to log in at:
//
//   identity_provider PORT_FILE CLIENT_ID CLIENT_SECRET NAME:PASSWORD:SUBJECT...
//
// Listens on any free port of 127.0.0.1 without TLS, writes its address to PORT_FILE, and serves
// until SIGTERM.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "shared/base/file.h"
#include "tests/support/identity_provider.h"

namespace edcsync::testing {
namespace {

int Serve(const std::vector<std::string>& arguments) {
  IdentityProvider::Options options;
  options.client_id = arguments[1];
  options.client_secret = arguments[2];
  const SystemClock clock;
  IdentityProvider provider(options, clock);
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::string& person = arguments[i];
    const std::size_t first = person.find(':');
    const std::size_t second = person.find(':', first + 1);
    if (second == std::string::npos) return 2;
    provider.Know({person.substr(0, first), person.substr(first + 1, second - first - 1),
                   person.substr(second + 1)});
  }
  Status started = provider.Start();
  if (started.ok()) started = WriteFile(arguments[0], provider.issuer() + "\n", 0644, false);
  if (!started.ok()) {
    std::fprintf(stderr, "%s\n", started.error().ToString().c_str());
    return 1;
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  return 0;
}

}  // namespace
}  // namespace edcsync::testing

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);  // Before any thread begins.
  return edcsync::testing::Serve({argv + 1, argv + argc});
}
