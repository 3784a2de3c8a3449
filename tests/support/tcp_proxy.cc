#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace edcsync::testing {
namespace {

constexpr std::size_t kBufferBytes = 16 * 1024;
constexpr int kWaitingMax = 64;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

void NoDelay(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// The peer sees a reset, as when a network goes away under a connection.
void Reset(int socket) {
  if (socket < 0) return;
  const linger hard{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(socket);
}

}  // namespace

TcpProxy::TcpProxy(int target_port) : target_port_(target_port) {
  Bind(0);
  ::listen(listener_, kWaitingMax);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { Run(); });
}

TcpProxy::~TcpProxy() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  CloseAll();
  ::close(listener_);
  ::close(wake_);
}

void TcpProxy::Wake() const {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void TcpProxy::Cut() {
  std::lock_guard lock(mutex_);
  cut_ = true;
  CloseAll();
  Wake();
}

void TcpProxy::Bind(int port) {
  if (listener_ >= 0) {
    ::shutdown(listener_, SHUT_RDWR);  // The thread may be polling it, which keeps it open.
    ::close(listener_);
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = Loopback(port);
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// The port stays ours meanwhile: a bound socket that does not listen refuses.
void TcpProxy::Refuse() {
  std::lock_guard lock(mutex_);
  if (!refusing_) Bind(port_);
  refusing_ = true;
  CloseAll();
  Wake();
}

void TcpProxy::Restore() {
  std::lock_guard lock(mutex_);
  if (refusing_) ::listen(listener_, kWaitingMax);
  refusing_ = false;
  cut_ = false;
  rules_[0] = rules_[1] = Rule();
  Wake();
}

void TcpProxy::Stall(Way way) {
  std::lock_guard lock(mutex_);
  rules_[Index(way)].stalled = true;
  Wake();
}

void TcpProxy::BreakAfter(Way way, std::int64_t bytes) {
  std::lock_guard lock(mutex_);
  rules_[Index(way)] = {bytes, Then::kBreak, false};
}

void TcpProxy::StallAfter(Way way, std::int64_t bytes) {
  std::lock_guard lock(mutex_);
  rules_[Index(way)] = {bytes, Then::kStall, false};
}

bool TcpProxy::stalled(Way way) const {
  std::lock_guard lock(mutex_);
  return rules_[Index(way)].stalled;
}

void TcpProxy::CloseAll() {
  for (Pair& pair : pairs_) {
    Reset(pair.edge);
    Reset(pair.broker);
  }
  pairs_.clear();
}

void TcpProxy::Accept() {
  while (true) {
    const int edge = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (edge < 0) return;
    ++accepted_;
    if (cut_) {
      Reset(edge);
      continue;
    }
    const int broker = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(target_port_);
    if (::connect(broker, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(broker);
      Reset(edge);
      continue;
    }
    NoDelay(edge);
    NoDelay(broker);
    pairs_.push_back({edge, broker, {}, {}});
  }
}

// Counts what went, and acts where a rule comes true. False if the way is now closed.
bool TcpProxy::Spend(Way way, std::int64_t bytes) {
  moved_[Index(way)] += static_cast<std::uint64_t>(bytes);
  Rule& rule = rules_[Index(way)];
  if (rule.then == Then::kNothing) return true;
  rule.bytes_left -= bytes;
  if (rule.bytes_left > 0) return true;
  if (rule.then == Then::kBreak) {
    ++breaks_;
    break_now_ = true;
  } else {
    rule.stalled = true;
  }
  rule.then = Then::kNothing;
  return false;
}

bool TcpProxy::Move(Pair& pair, Way way) {
  const int from = way == Way::kUp ? pair.edge : pair.broker;
  const int to = way == Way::kUp ? pair.broker : pair.edge;
  Pipe& pipe = way == Way::kUp ? pair.up : pair.down;
  const Rule& rule = rules_[Index(way)];
  if (rule.stalled) return true;
  if (pipe.waiting.empty()) {
    std::array<char, kBufferBytes> buffer;
    std::size_t room = buffer.size();
    if (rule.then != Then::kNothing) {
      room = std::min(room, static_cast<std::size_t>(std::max<std::int64_t>(rule.bytes_left, 1)));
    }
    const ssize_t count = ::recv(from, buffer.data(), room, MSG_DONTWAIT);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    pipe.waiting.assign(buffer.data(), buffer.data() + count);
  }
  const ssize_t sent =
      ::send(to, pipe.waiting.data(), pipe.waiting.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  pipe.waiting.erase(pipe.waiting.begin(), pipe.waiting.begin() + sent);
  (void)Spend(way, sent);
  return true;
}

void TcpProxy::Run() {
  std::vector<pollfd> polled;
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      polled.assign({{refusing_ ? -1 : listener_, POLLIN, 0}, {wake_, POLLIN, 0}});
      for (const Pair& pair : pairs_) {
        const auto events = [this](const Pipe& in, Way in_way, const Pipe& out, Way out_way) {
          const bool read = in.waiting.empty() && !rules_[Index(in_way)].stalled;
          const bool write = !out.waiting.empty() && !rules_[Index(out_way)].stalled;
          return static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
        };
        // Nothing to ask of it: a hang-up would be reported again and again.
        const auto watch = [&polled](int socket, short wanted) {
          polled.push_back({wanted == 0 ? -1 : socket, wanted, 0});
        };
        watch(pair.edge, events(pair.up, Way::kUp, pair.down, Way::kDown));
        watch(pair.broker, events(pair.down, Way::kDown, pair.up, Way::kUp));
      }
    }
    ::poll(polled.data(), polled.size(), -1);
    std::lock_guard lock(mutex_);
    std::uint64_t drained = 0;
    (void)!::read(wake_, &drained, sizeof drained);
    Accept();
    for (auto pair = pairs_.begin(); pair != pairs_.end();) {
      const bool open = Move(*pair, Way::kUp) && Move(*pair, Way::kDown);
      if (break_now_) break;
      if (open) {
        ++pair;
        continue;
      }
      Reset(pair->edge);
      Reset(pair->broker);
      pair = pairs_.erase(pair);
    }
    if (break_now_) {
      CloseAll();
      break_now_ = false;
    }
  }
}

}  // namespace edcsync::testing
