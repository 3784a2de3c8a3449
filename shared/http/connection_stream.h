// One accepted connection as cpp-httplib's Stream, plain or TLS, with what its own lacks: a bound
// on the bytes of a request (its line reader takes lines of any length), a deadline on the head
// (a client that sends one byte now and then holds a thread for ever), and an end when the server
// stops. The socket is non-blocking and waited on together with the server's stop event.
//
//   served by   shared/http/http_connection.h
//
// Threads: the connection's own.
#pragma once

#include <httplib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edcsync {

class ConnectionStream final : public httplib::Stream {
 public:
  struct Options {
    int stop_fd;
    int read_timeout_ms;   // For the whole head; for each wait within a body, and for the whole of
                           // it beyond what it takes at 4 KiB/s.
    int write_timeout_ms;  // For each wait.
    int keep_alive_ms;
  };

  // `fd` stays the caller's. `tls` (null: plain) makes an SSL of its own for the connection.
  ConnectionStream(int fd, SSL_CTX* tls, Options options);
  ~ConnectionStream() override;
  ConnectionStream(const ConnectionStream&) = delete;
  ConnectionStream& operator=(const ConnectionStream&) = delete;

  // Completes the TLS handshake, if there is one. False if it failed or took too long.
  bool Accept();
  // PEM of the certificate that the peer gave in the handshake; empty if none.
  std::string PeerCertificatePem() const;
  // Waits until a request begins. False if the peer closed, idled too long, or the server stops.
  bool AwaitRequest();
  // From here at most `size_bytes_max` further bytes are read; then reading fails.
  void BeginHead(std::size_t size_bytes_max);
  void BeginBody(std::size_t size_bytes_max);
  // Writes all of a short text without waiting; false, and nothing more is written ever, if the
  // peer does not take it now.
  bool TryWrite(std::string_view text);
  // Ends the sending side and takes in what the peer still sends, for a bounded time: a socket
  // closed with bytes unread resets the connection, and the peer may lose the answer.
  void Linger();

  bool is_readable() const override { return true; }
  bool is_writable() const override { return !broken_; }
  ssize_t read(char* ptr, std::size_t size) override;
  ssize_t write(const char* ptr, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return fd_; }

 private:
  enum class Wait { kReady, kFailed };
  Wait WaitFor(short events, int timeout_ms, bool until_stop);
  // Waits as the failed SSL call `code` asks for; false if the connection is at its end.
  bool WaitForTls(int code, int timeout_ms, bool until_stop);
  int ReadTimeoutMs() const;
  ssize_t ReadSome(char* ptr, std::size_t size);

  const int fd_;
  SSL* ssl_ = nullptr;
  const Options options_;
  bool broken_ = false;
  bool in_head_ = true;
  std::int64_t head_deadline_ms_ = 0;
  std::int64_t body_began_ms_ = 0;
  std::int64_t body_received_bytes_ = 0;
  std::size_t left_bytes_ = 0;
  std::array<char, 16 * 1024> buffer_;
  std::size_t buffer_at_ = 0;
  std::size_t buffer_end_ = 0;
};

}  // namespace edcsync
