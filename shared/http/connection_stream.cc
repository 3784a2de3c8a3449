#include "shared/http/connection_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace edcsync {
namespace {

constexpr int kLingerMs = 3000;
// A line so poor carries a decision in seconds; a client that sends a byte now and then, to hold a
// thread, is at an end.
constexpr std::int64_t kBodyBytesPerSecondMin = 4 * 1024;
constexpr std::size_t kLingerBytesMax = 64 * 1024 * 1024;

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void NumericName(const sockaddr_storage& address, socklen_t size, std::string& ip, int& port) {
  char host[NI_MAXHOST] = "";
  char service[NI_MAXSERV] = "0";
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, service,
              sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
  ip = host;
  port = std::atoi(service);
}

}  // namespace

ConnectionStream::ConnectionStream(int fd, SSL_CTX* tls, Options options)
    : fd_(fd), options_(options) {
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls);
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd) != 1) broken_ = true;
}

ConnectionStream::~ConnectionStream() {
  ERR_clear_error();
  if (ssl_ != nullptr) SSL_free(ssl_);
}

ConnectionStream::Wait ConnectionStream::WaitFor(short events, int timeout_ms, bool until_stop) {
  const std::int64_t deadline_ms = NowMs() + timeout_ms;
  while (true) {
    pollfd waits[] = {{fd_, events, 0}, {options_.stop_fd, POLLIN, 0}};
    const auto left_ms = static_cast<int>(std::max<std::int64_t>(0, deadline_ms - NowMs()));
    const int count = poll(waits, until_stop ? 2 : 1, left_ms);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || (until_stop && waits[1].revents != 0)) return Wait::kFailed;
    return Wait::kReady;  // An error on the socket shows at the next call on it.
  }
}

bool ConnectionStream::WaitForTls(int code, int timeout_ms, bool until_stop) {
  switch (SSL_get_error(ssl_, code)) {
    case SSL_ERROR_WANT_READ: return WaitFor(POLLIN, timeout_ms, until_stop) == Wait::kReady;
    case SSL_ERROR_WANT_WRITE: return WaitFor(POLLOUT, timeout_ms, until_stop) == Wait::kReady;
    default: return false;
  }
}

bool ConnectionStream::Accept() {
  if (broken_) return false;
  if (ssl_ == nullptr) return true;
  const std::int64_t deadline_ms = NowMs() + options_.read_timeout_ms;
  while (true) {
    ERR_clear_error();
    const int code = SSL_accept(ssl_);
    if (code == 1) return true;
    const auto left_ms = static_cast<int>(deadline_ms - NowMs());
    if (left_ms <= 0 || !WaitForTls(code, left_ms, true)) {
      broken_ = true;
      return false;
    }
  }
}

std::string ConnectionStream::PeerCertificatePem() const {
  if (ssl_ == nullptr || broken_) return {};
  const std::unique_ptr<X509, decltype(&X509_free)> x509(SSL_get1_peer_certificate(ssl_),
                                                         &X509_free);
  if (x509 == nullptr) return {};
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  char* data = nullptr;
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), x509.get()) != 1) return {};
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

bool ConnectionStream::AwaitRequest() {
  if (broken_) return false;
  if (buffer_at_ < buffer_end_) return true;
  if (ssl_ != nullptr && SSL_pending(ssl_) > 0) return true;
  return WaitFor(POLLIN, options_.keep_alive_ms, true) == Wait::kReady;
}

void ConnectionStream::BeginHead(std::size_t size_bytes_max) {
  in_head_ = true;
  head_deadline_ms_ = NowMs() + options_.read_timeout_ms;
  left_bytes_ = size_bytes_max;
}

void ConnectionStream::BeginBody(std::size_t size_bytes_max) {
  in_head_ = false;
  body_began_ms_ = NowMs();
  body_received_bytes_ = 0;
  left_bytes_ = size_bytes_max;
}

int ConnectionStream::ReadTimeoutMs() const {
  std::int64_t deadline_ms = head_deadline_ms_;
  if (!in_head_) {
    deadline_ms = body_began_ms_ + options_.read_timeout_ms +
                  body_received_bytes_ * 1000 / kBodyBytesPerSecondMin;
  }
  return static_cast<int>(
      std::clamp<std::int64_t>(deadline_ms - NowMs(), 0, options_.read_timeout_ms));
}

ssize_t ConnectionStream::ReadSome(char* ptr, std::size_t size) {
  const auto count_max = static_cast<int>(std::min<std::size_t>(size, 1 << 20));
  while (!broken_) {
    const int timeout_ms = ReadTimeoutMs();
    if (timeout_ms == 0) break;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int count = SSL_read(ssl_, ptr, count_max);
      body_received_bytes_ += std::max(count, 0);
      if (count > 0) return count;
      if (!WaitForTls(count, timeout_ms, true)) break;
      continue;
    }
    const ssize_t count = recv(fd_, ptr, static_cast<std::size_t>(count_max), 0);
    body_received_bytes_ += std::max<ssize_t>(count, 0);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) break;
    if (WaitFor(POLLIN, timeout_ms, true) != Wait::kReady) break;
  }
  return -1;
}

ssize_t ConnectionStream::read(char* ptr, std::size_t size) {
  size = std::min(size, left_bytes_);
  if (size == 0) return -1;
  if (buffer_at_ == buffer_end_) {
    if (size >= buffer_.size()) {  // A body goes to its place without a copy.
      const ssize_t count = ReadSome(ptr, size);
      if (count > 0) left_bytes_ -= static_cast<std::size_t>(count);
      return count;
    }
    const ssize_t count = ReadSome(buffer_.data(), buffer_.size());
    if (count <= 0) return count;
    buffer_at_ = 0;
    buffer_end_ = static_cast<std::size_t>(count);
  }
  size = std::min(size, buffer_end_ - buffer_at_);
  std::memcpy(ptr, buffer_.data() + buffer_at_, size);
  buffer_at_ += size;
  left_bytes_ -= size;
  return static_cast<ssize_t>(size);
}

// Writes all of it: cpp-httplib does not look for a short count when it sends a head.
ssize_t ConnectionStream::write(const char* ptr, std::size_t size) {
  std::size_t done = 0;
  while (done < size && !broken_) {
    const auto part = std::min<std::size_t>(size - done, 1 << 20);
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int count = SSL_write(ssl_, ptr + done, static_cast<int>(part));
      if (count > 0) {
        done += static_cast<std::size_t>(count);
      } else if (!WaitForTls(count, options_.write_timeout_ms, false)) {
        broken_ = true;
      }
      continue;
    }
    const ssize_t count = send(fd_, ptr + done, part, MSG_NOSIGNAL);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR && ((errno != EAGAIN && errno != EWOULDBLOCK) ||
                                  WaitFor(POLLOUT, options_.write_timeout_ms, false) !=
                                      Wait::kReady)) {
      broken_ = true;
    }
  }
  return broken_ ? -1 : static_cast<ssize_t>(size);
}

bool ConnectionStream::TryWrite(std::string_view text) {
  if (broken_) return false;
  ERR_clear_error();
  const ssize_t count =
      ssl_ != nullptr ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                      : send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  broken_ = count != static_cast<ssize_t>(text.size());
  return !broken_;
}

void ConnectionStream::Linger() {
  if (broken_) return;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
  shutdown(fd_, SHUT_WR);
  const std::int64_t deadline_ms = NowMs() + kLingerMs;
  for (std::size_t taken = 0; taken < kLingerBytesMax;) {
    const auto left_ms = static_cast<int>(deadline_ms - NowMs());
    if (left_ms <= 0 || WaitFor(POLLIN, left_ms, true) != Wait::kReady) return;
    const ssize_t count = recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return;
    if (count > 0) taken += static_cast<std::size_t>(count);
  }
}

void ConnectionStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    NumericName(address, size, ip, port);
  }
}

void ConnectionStream::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    NumericName(address, size, ip, port);
  }
}

}  // namespace edcsync
