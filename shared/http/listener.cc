#include "shared/http/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "shared/base/check.h"
#include "shared/base/log.h"

namespace edcsync {
namespace {

constexpr int kBacklog = 128;  // Enough for every site's browser tabs after a restart.

int BoundPort(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

Listener::Listener(std::size_t thread_count, Serve serve)
    : thread_count_(thread_count), serve_(std::move(serve)) {
  CHECK(thread_count > 0);
}

Listener::~Listener() { Stop(); }

Status Listener::Start(const std::string& address, int port) {
  CHECK(listen_fd_ < 0 && threads_.empty());
  EDCSYNC_TRY(Bind(address, port));
  stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd_ < 0) {
    close(listen_fd_);
    listen_fd_ = -1;
    return Fail(ErrorCode::kIo, std::string("No event descriptor: ") + std::strerror(errno));
  }
  threads_.emplace_back([this] { Accept(); });
  for (std::size_t i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { Work(); });
  return Ok();
}

Status Listener::Bind(const std::string& address, int port) {
  const std::string place = address + " port " + std::to_string(port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
      code != 0) {
    return Fail(ErrorCode::kIo, "Cannot listen on " + place + ": " + gai_strerror(code));
  }
  int error = EADDRNOTAVAIL;
  for (const addrinfo* one = found; one != nullptr && listen_fd_ < 0; one = one->ai_next) {
    const int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    const int on = 1;  // A restart need not wait for the old connections' TIME_WAIT.
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, one->ai_addr, one->ai_addrlen) == 0 && listen(fd, kBacklog) == 0) {
      listen_fd_ = fd;
      port_ = BoundPort(fd);
    } else {
      error = errno;
      close(fd);
    }
  }
  freeaddrinfo(found);
  if (listen_fd_ >= 0) return Ok();
  return Fail(ErrorCode::kIo, "Cannot listen on " + place + ": " + std::strerror(error));
}

void Listener::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  room_.notify_all();
  if (stop_fd_ >= 0) {
    const std::uint64_t one = 1;
    CHECK(write(stop_fd_, &one, sizeof one) == sizeof one || errno == EAGAIN);
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (int fd : waiting_) close(fd);
  waiting_.clear();
  if (listen_fd_ >= 0) close(listen_fd_);
  if (stop_fd_ >= 0) close(stop_fd_);
  listen_fd_ = stop_fd_ = -1;
}

bool Listener::Crowded() const {
  std::lock_guard lock(mutex_);
  return waiting_.size() > idle_count_;
}

void Listener::Accept() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return stopping_ || waiting_.size() < thread_count_; });
      if (stopping_) return;
    }
    pollfd waits[] = {{listen_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    poll(waits, 2, -1);
    if (waits[1].revents != 0) return;
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection stays in the backlog; without the pause this would spin.
        Log(LogLevel::kWarn, "http.accept_failed", {{"error", std::strerror(errno)}});
        pollfd stop{stop_fd_, POLLIN, 0};
        poll(&stop, 1, 100);
      }
      continue;
    }
    const int on = 1;  // Otherwise a large answer waits for the reader's delayed ACK.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    {
      std::lock_guard lock(mutex_);
      waiting_.push_back(fd);
    }
    work_.notify_one();
  }
}

void Listener::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_count_;
    work_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_count_;
    if (stopping_) return;
    const int fd = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    room_.notify_one();
    if (!serve_(fd)) close(fd);
    lock.lock();
  }
}

bool IsLoopback(const std::string& address) {
  if (address == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace edcsync
