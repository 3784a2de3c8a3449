#include "shared/http/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <thread>

namespace edcsync {
namespace {

// Takes one connection and does with it what a server should not.
class BadServer {
 public:
  explicit BadServer(std::function<void(int fd, const std::atomic<bool>& over)> serve) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const int connection = ::accept(fd_, nullptr, nullptr);
      serve(connection, over_);
      ::close(connection);
    });
  }
  ~BadServer() {
    over_ = true;
    thread_.join();
    ::close(fd_);
  }
  HttpClientOptions Options() const {
    HttpClientOptions options;
    options.base_url = "http://127.0.0.1:" + std::to_string(port_);
    options.timeout_s = 60;  // Each wait is far from it.
    options.deadline_s = 1;
    return options;
  }

 private:
  int fd_ = -1;
  int port_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

bool Send(int fd, const std::string& bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

// cpp-httplib bounds each wait, not their sum: such a server held its caller for ever.
TEST(HttpClientDeadline, AHeadThatDripsIsGivenUp) {
  const BadServer server([](int fd, const std::atomic<bool>& over) {
    Send(fd, "HTTP/1.1 200 OK\r\nX-Slow: ");
    while (!over && Send(fd, "a")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  const auto answer = HttpClient(server.Options()).Get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

TEST(HttpClientDeadline, ABodyThatDripsIsGivenUp) {
  const BadServer server([](int fd, const std::atomic<bool>& over) {
    Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!over && Send(fd, "a")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  const auto answer = HttpClient(server.Options()).Post("/", "a=b", "text/plain", {{"X-A", "b"}});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

TEST(HttpClientDeadline, AnAnswerBeyondTheLimitIsNotKept) {
  const BadServer server([](int fd, const std::atomic<bool>&) {
    Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'a'));
  });
  HttpClientOptions options = server.Options();
  options.response_bytes_max = 4096;
  const auto answer = HttpClient(options).Get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kTooLarge);
}

TEST(HttpClient, ARequestThatNobodyAnswersEndsWhenItIsCancelledAndSoDoesALaterOne) {
  std::latch asked(1);
  const BadServer server([&](int fd, const std::atomic<bool>&) {
    char byte = 0;
    EXPECT_EQ(::recv(fd, &byte, 1, 0), 1);
    asked.count_down();
    while (::recv(fd, &byte, 1, 0) > 0) {
    }  // Until the client has gone: it is never answered.
  });
  HttpClientOptions options = server.Options();
  options.deadline_s = 3600;
  options.timeout_s = 3600;
  HttpClient client(options);
  std::jthread stops([&] {
    asked.wait();
    client.Cancel();
  });
  EXPECT_EQ(client.Get("/").error().code, ErrorCode::kStopped);
  EXPECT_EQ(client.Get("/").error().code, ErrorCode::kStopped);
}

TEST(HttpClient, ANameIsLookedUpBeforeTheDeadlineCounts) {
  const BadServer server([](int fd, const std::atomic<bool>&) {
    (void)Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup");
  });
  HttpClientOptions options = server.Options();
  options.deadline_s = 60;
  options.base_url.replace(options.base_url.find("127.0.0.1"), 9, "localhost");
  const auto answer = HttpClient(options).Get("/");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "up");
}

}  // namespace
}  // namespace edcsync
