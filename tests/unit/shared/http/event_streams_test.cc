// Server-sent events from the real server: streams that hold no thread, and how each ends.
#include "shared/http/event_streams.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "shared/http/http_client.h"
#include "shared/http/http_server.h"
#include "tests/unit/shared/http/raw_connection.h"

namespace edcsync {
namespace {

constexpr std::size_t kThreads = 2;

class EventStreamsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpServerOptions options;
    options.thread_count = kThreads;
    server_.emplace(options);
    server_->Route("GET", "/health", HttpServer::Access::kOpen,
                   [](const HttpRequest&) { return HttpResponse{200, "text/plain", {}, "up"}; });
    server_->Route("GET", "/events", HttpServer::Access::kOpen, [this](const HttpRequest&) {
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.body = "retry: 3000\n\n";
      response.events = &streams_;
      response.may_go_on = [this] { return may_go_on_.load(); };
      return response;
    });
    ASSERT_TRUE(server_->Start().ok());
  }
  std::unique_ptr<RawConnection> Open() {
    auto connection = std::make_unique<RawConnection>(server_->port());
    EXPECT_TRUE(connection->Send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n"));
    return connection;
  }

  std::atomic<int> version_{1};
  std::atomic<bool> may_go_on_{true};
  EventStreams streams_{{.count_max = 8, .look_ms = 10, .heartbeat_ms = 50},
                        [this] { return Result<std::string>(std::to_string(version_)); }};
  std::optional<HttpServer> server_;
};

TEST_F(EventStreamsTest, ANewStreamHearsWhatIsAndThenEachChange) {
  const auto stream = Open();
  const std::string head = stream->ReadUntil("data: 1\n\n");
  EXPECT_NE(head.find("HTTP/1.1 200"), std::string::npos) << head;
  EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos) << head;
  EXPECT_NE(head.find("retry: 3000"), std::string::npos) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  version_ = 2;
  EXPECT_NE(stream->ReadUntil("data: 2\n\n").find("data: 2"), std::string::npos);
}

TEST_F(EventStreamsTest, MoreStreamsThanThreadsLeaveEveryThreadFree) {
  std::vector<std::unique_ptr<RawConnection>> streams;
  for (std::size_t i = 0; i < 3 * kThreads; ++i) {
    streams.push_back(Open());
    EXPECT_NE(streams.back()->ReadUntil("data: 1\n\n"), "");
  }
  const auto answer =
      HttpClient({.base_url = "http://127.0.0.1:" + std::to_string(server_->port()),
                  .ca_file = "",
                  .bearer_token = "",
                  .timeout_s = 20})
          .Get("/health");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, "up");
  version_ = 7;
  for (const auto& stream : streams) {
    EXPECT_NE(stream->ReadUntil("data: 7\n\n").find("data: 7"), std::string::npos);
  }
}

TEST_F(EventStreamsTest, AStreamEndsWhenItsHolderMayNoLongerHear) {
  const auto stream = Open();
  stream->ReadUntil("data: 1\n\n");
  may_go_on_ = false;
  stream->ReadToEnd();  // Returns when the server has closed it.
  EXPECT_TRUE(streams_.HasRoom());
}

TEST_F(EventStreamsTest, OneTooManyIsClosedAndThoseThatLeaveMakeRoom) {
  std::vector<std::unique_ptr<RawConnection>> streams;
  for (int i = 0; i < 8; ++i) {
    streams.push_back(Open());
    streams.back()->ReadUntil("data: 1\n\n");
  }
  EXPECT_FALSE(streams_.HasRoom());
  Open()->ReadToEnd();
  streams.clear();
  while (!streams_.HasRoom()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_NE(Open()->ReadUntil("data: 1\n\n").find("data: 1"), std::string::npos);
}

}  // namespace
}  // namespace edcsync
