#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "shared/base/check.h"

namespace edcsync::testing {
namespace {

constexpr int kFirstPort = 20'000;
constexpr int kPortCount = 12'000;  // Up to 32,000; Linux gives connections 32,768 and more.

bool IsFree(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

int FreePort() {
  static std::atomic<unsigned> next = static_cast<unsigned>(::getpid()) * 997U;
  for (int i = 0; i < kPortCount; ++i) {
    const int port = kFirstPort + static_cast<int>(next++ % kPortCount);
    if (IsFree(port)) return port;
  }
  CHECK(false);
  return 0;
}

}  // namespace edcsync::testing
