// The proxy in a link's place: what a connection sees of it.
#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace edcsync::testing {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

// A listener that takes connections and says nothing.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof address;
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(fd_, 8);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  int port() const { return port_; }

 private:
  int fd_;
  int port_ = 0;
};

class Caller {
 public:
  explicit Caller(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = Loopback(port);
    const bool open = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address),
                                sizeof address) == 0;
    error_ = open ? 0 : errno;
  }
  ~Caller() { ::close(fd_); }
  int error() const { return error_; }
  // 0 or less once the other side is gone.
  ssize_t Read() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, 0);
  }

 private:
  int fd_;
  int error_ = 0;
};

TEST(TcpProxy, RefusesAtOnceWhileRefusingAndPassesAgainOnTheSamePort) {
  const Listener broker;
  TcpProxy link(broker.port());
  const Caller before(link.port());
  ASSERT_EQ(before.error(), 0);
  for (int round = 0; round < 3; ++round) {
    link.Refuse();
    EXPECT_EQ(Caller(link.port()).error(), ECONNREFUSED);
    link.Refuse();  // Again changes nothing.
    EXPECT_EQ(Caller(link.port()).error(), ECONNREFUSED);
    link.Restore();
    EXPECT_EQ(Caller(link.port()).error(), 0);
  }
  EXPECT_LE(before.Read(), 0) << "A connection outlived the refusal";
}

TEST(TcpProxy, BreaksNewConnectionsAtOnceWhileCut) {
  const Listener broker;
  TcpProxy link(broker.port());
  link.Cut();
  const Caller cut(link.port());
  EXPECT_LE(cut.Read(), 0);
}

}  // namespace
}  // namespace edcsync::testing
