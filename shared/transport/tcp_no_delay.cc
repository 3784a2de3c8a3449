#include "shared/transport/tcp_no_delay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

namespace edcsync {
namespace {

// The port of the peer of `fd`, or 0 if it is no connected TCP socket.
int PeerPort(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return 0;
  if (peer.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&peer)->sin_port);
  if (peer.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&peer)->sin6_port);
  return 0;
}

}  // namespace

void SetTcpNoDelay(int peer_port) {
  std::error_code error;
  std::filesystem::directory_iterator files("/proc/self/fd", error);
  const std::filesystem::directory_iterator end;
  while (!error && files != end) {
    const std::string name = files->path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (fd >= 0 && PeerPort(fd) == peer_port) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    files.increment(error);
  }
}

}  // namespace edcsync
