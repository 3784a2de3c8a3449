#include "shared/http/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <fstream>
#include <latch>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "shared/http/http_client.h"
#include "tests/unit/shared/http/raw_connection.h"

namespace edcsync {
namespace {

using Access = HttpServer::Access;
constexpr std::string_view kToken = "kisumu-7f3a";

HttpResponse Text(std::string body) { return {200, "text/plain", {}, std::move(body)}; }

std::string Name(const HttpResponse& problem) {
  if (problem.content_type != "application/problem+json") return "no problem: " + problem.body;
  return nlohmann::json::parse(problem.body).at("type").get<std::string>();
}

// A server of the routes every test needs.
class Site {
 public:
  explicit Site(HttpServerOptions options = {}) : server_(Complete(std::move(options))) {
    server_.Route("GET", "/v1/records/([^/]+)/([^/]+)", Access::kToken,
                  [](const HttpRequest& request) {
                    return Text(request.captures.at(0) + "|" + request.captures.at(1) + "|" +
                                request.path + "|" + request.Query("form") + "|" +
                                request.Header("x-site"));
                  });
    server_.Route("POST", "/v1/records", Access::kToken, [this](const HttpRequest& request) {
      ++posts;
      return Text(std::to_string(request.body.size()) + ":" + request.body.substr(0, 64));
    });
    server_.Route("GET", "/health", Access::kOpen, [](const HttpRequest&) { return Text("up"); });
    server_.Route("GET", "/large", Access::kOpen,
                  [](const HttpRequest&) { return Text(std::string(3'000'000, 'x')); });
    server_.Route("GET", "/throws", Access::kOpen, [](const HttpRequest&) -> HttpResponse {
      throw std::runtime_error("WEIGHT=71.2");
    });
    server_.Route("GET", "/throws-a-number", Access::kOpen,
                  [](const HttpRequest&) -> HttpResponse { throw 7; });
  }

  Status Start() { return server_.Start(); }
  void Stop() { server_.Stop(); }
  int port() const { return server_.port(); }
  HttpClient Client(std::string_view token = kToken, int timeout_s = 20) const {
    return HttpClient({.base_url = "http://127.0.0.1:" + std::to_string(port()),
                       .ca_file = "",
                       .bearer_token = std::string(token),
                       .timeout_s = timeout_s});
  }
  std::atomic<int> posts = 0;

 private:
  static HttpServerOptions Complete(HttpServerOptions options) {
    options.bearer_token = kToken;
    return options;
  }
  HttpServer server_;
};

TEST(HttpServer, PercentEncodedKeysReachTheHandlerRaw) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  const auto response = site.Client().Get("/v1/records/CDISC%2FPILOT/701-1015%20a?form=A%20E&x=1");
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body,
            "CDISC%2FPILOT|701-1015%20a|/v1/records/CDISC%2FPILOT/701-1015%20a|A E|");
  EXPECT_EQ(response->content_type, "text/plain");
}

TEST(HttpServer, TheLongestPathIsMatchedAndALongerOneRefused) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  EXPECT_EQ(site.Client().Get("/v1/records/a/" + std::string(6 * 1024 - 14, 'k'))->status, 200);
  EXPECT_EQ(site.Client().Get("/v1/records/a/" + std::string(6 * 1024 - 13, 'k'))->status, 413);
}

TEST(HttpServer, ARouteAnswersItsWholePathAndItsMethodOnly) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  HttpClient client = site.Client();
  for (const char* path : {"/", "/health/", "/healthy", "/x/health", "/v1/records", "/%68ealth"}) {
    const auto response = client.Get(path);
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response->status, 404) << path;
    EXPECT_EQ(Name(*response), "urn:edcsync:error:not_found");
  }
  EXPECT_EQ(client.Post("/health", "", "text/plain")->status, 404);
}

TEST(HttpServer, WithoutTheRightTokenOnlyOpenRoutesAnswer) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  for (const char* token : {"", "kisumu-7f3", "kisumu-7f3aa", "kisumu-7f3b", "x"}) {
    HttpClient client = site.Client(token);
    const auto refused = client.Post("/v1/records", "{}", "application/json");
    ASSERT_TRUE(refused.ok());
    EXPECT_EQ(refused->status, 401) << token;
    EXPECT_EQ(Name(*refused), "urn:edcsync:error:unauthorized");
    EXPECT_EQ(client.Get("/health")->body, "up");
  }
  EXPECT_EQ(site.posts, 0);
  EXPECT_EQ(site.Client().Post("/v1/records", "{}", "application/json")->body, "2:{}");
}

TEST(HttpServer, SixtyFourClientsKeepTheirConnectionsAtOnce) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  constexpr int kClients = 64;
  constexpr int kRequests = 20;
  std::barrier together(kClients);
  std::atomic<int> right = 0;
  std::vector<std::jthread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&, c] {
      RawConnection connection(site.port());
      for (int r = 0; r < kRequests; ++r) {
        together.arrive_and_wait();  // All 64 connections live while each request is made.
        const std::string body = std::to_string(c) + "-" + std::to_string(r) + ".";
        connection.Send("POST /v1/records HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                        std::string(kToken) + "\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + body);
        const std::string answer = connection.ReadUntil(body);
        right += answer.find("HTTP/1.1 200") == 0 && answer.find(":" + body) != std::string::npos;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, kClients * kRequests);
}

TEST(HttpServer, MoreClientsThanThreadsAreAllServed) {
  Site site({.thread_count = 2});
  ASSERT_TRUE(site.Start().ok());
  std::atomic<int> right = 0;
  std::vector<std::jthread> threads;
  for (int c = 0; c < 24; ++c) {
    threads.emplace_back([&] {
      HttpClient client = site.Client();
      const auto first = client.Get("/health");
      right += first.ok() && first->body == "up";
    });
  }
  threads.clear();
  EXPECT_EQ(right, 24);
}

TEST(HttpServer, AnAnnouncedOversizedBodyIsRefusedBeforeItIsSent) {
  Site site({.body_bytes_max = 1000});
  ASSERT_TRUE(site.Start().ok());
  for (const char* size : {"1001", "1099511627776", "99999999999999999999999"}) {
    RawConnection connection(site.port());
    connection.Send("POST /v1/records HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                    std::string(kToken) + "\r\nContent-Length: " + size + "\r\n\r\n");
    const std::string answer = connection.ReadUntil("\"code\":104");
    EXPECT_EQ(answer.find("HTTP/1.1 413"), 0u) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  }
  EXPECT_EQ(site.Client().Post("/v1/records", std::string(1000, 'b'), "text/plain")->status, 200);
  EXPECT_EQ(site.posts, 1);
}

TEST(HttpServer, AChunkedBodyIsRefusedAsSoonAsItPassesTheLimit) {
  Site site({.body_bytes_max = 100'000});
  ASSERT_TRUE(site.Start().ok());
  RawConnection connection(site.port());
  connection.Send("POST /v1/records HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                  std::string(kToken) + "\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'c') + "\r\n";
  for (int i = 0; i < 7; ++i) connection.Send(chunk);  // The last chunk never comes.
  const std::string answer = connection.ReadUntil("\"code\":104");
  EXPECT_EQ(answer.find("HTTP/1.1 413"), 0u) << answer;
  EXPECT_EQ(site.posts, 0);
}

TEST(HttpServer, ARefusedUploadStillLetsTheClientReadWhy) {
  Site site({.body_bytes_max = 1000});
  ASSERT_TRUE(site.Start().ok());
  const auto response = site.Client().Post("/v1/records", std::string(5'000'000, 'b'), "text/csv");
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(Name(*response), "urn:edcsync:error:too_large");
}

TEST(HttpServer, ABodyOfOtherFormsIsHandedOverAsItCame) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  HttpClient client = site.Client();
  const std::string form = "a=1&b=%20" + std::string(20'000, 'f');
  EXPECT_EQ(client.Post("/v1/records", form, "application/x-www-form-urlencoded")->body,
            "20009:" + form.substr(0, 64));
  const std::string parts =
      "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--\r\n";
  EXPECT_EQ(client.Post("/v1/records", parts, "multipart/form-data; boundary=b")->body,
            std::to_string(parts.size()) + ":" + parts.substr(0, 64));
}

TEST(HttpServer, ARequestHiddenInAnAmbiguousBodyIsNeverServed) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  const std::string token = "Authorization: Bearer " + std::string(kToken) + "\r\n";
  const std::string hidden = "POST /v1/records HTTP/1.1\r\nHost: a\r\n" + token +
                             "Content-Length: 1\r\n\r\nx";
  for (const std::string& head :
       {"GET /health HTTP/1.1\r\nContent-Length: " + std::to_string(hidden.size()),
        std::string("POST /v1/records HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked"),
        std::string("POST /v1/records HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 0"),
        std::string("POST /v1/records HTTP/1.1\r\nContent-Length: +4"),
        std::string("POST /v1/records HTTP/1.1\r\nTransfer-Encoding: gzip, chunked")}) {
    RawConnection connection(site.port());
    connection.Send(head + "\r\nHost: a\r\n" + token + "\r\n" + hidden);
    connection.EndSending();
    const std::string answer = connection.ReadToEnd();
    EXPECT_EQ(answer.find("HTTP/1.1 400"), 0u) << head << "\n" << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos) << head;
  }
  EXPECT_EQ(site.posts, 0);
}

TEST(HttpServer, AnEndlessHeadIsCutOffAtItsLimit) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  for (const char* begin : {"GET /", "GET /health HTTP/1.1\r\nX-Long: ", ""}) {
    RawConnection connection(site.port());
    connection.Send(begin);
    const std::string part(64 * 1024, 'h');
    for (int i = 0; i < 4; ++i) connection.Send(part);
    connection.EndSending();
    EXPECT_EQ(connection.ReadToEnd().find("HTTP/1.1 200"), std::string::npos);
  }
  EXPECT_EQ(site.Client().Get("/health")->body, "up");
}

TEST(HttpServer, BytesThatAreNoRequestDoNoHarm) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  for (std::string_view bytes :
       {std::string_view("\0\0\0\0\r\n\r\n", 8), std::string_view("\r\n"),
        std::string_view("\x16\x03\x01\x02"), std::string_view("GET\r\n\r\n"),
        std::string_view("GET /health HTTP/9.9\r\n\r\n")}) {
    RawConnection connection(site.port());
    connection.Send(bytes);
    connection.EndSending();
    EXPECT_EQ(connection.ReadToEnd().find("HTTP/1.1 200"), std::string::npos);
  }
  EXPECT_EQ(site.Client().Get("/health")->body, "up");
}

TEST(HttpServer, AHandlersExceptionBecomesAProblemThatTellsNoValue) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  HttpClient client = site.Client();
  for (const char* path : {"/throws", "/throws-a-number"}) {
    const auto response = client.Get(path);
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response->status, 500);
    EXPECT_EQ(Name(*response), "urn:edcsync:error:internal");
    EXPECT_EQ(response->body.find("71.2"), std::string::npos);
  }
  EXPECT_EQ(client.Get("/health")->body, "up");
}

TEST(HttpServer, ALargeAnswerArrivesWhole) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  EXPECT_EQ(site.Client().Get("/large")->body, std::string(3'000'000, 'x'));
}

// A server whose handler keeps the body it was given until the test lets it go.
class FullHands {
 public:
  explicit FullHands(std::size_t body_bytes_total_max) : server_(Options(body_bytes_total_max)) {
    server_.Route("POST", "/records", Access::kOpen, [this](const HttpRequest& request) {
      if (request.body.front() == 'w') {
        arrived.count_down();
        may_go_on.wait();
      }
      const std::lock_guard lock(mutex_);
      taken_.insert(request.body.substr(0, 8));
      return Text("taken");
    });
    EXPECT_TRUE(server_.Start().ok());
  }
  int port() const { return server_.port(); }
  Result<HttpResponse> Post(const std::string& body) const {
    return HttpClient({.base_url = "http://127.0.0.1:" + std::to_string(port())})
        .Post("/records", body, "text/plain");
  }
  std::multiset<std::string> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

  std::latch arrived{1};
  std::latch may_go_on{1};

 private:
  static HttpServerOptions Options(std::size_t body_bytes_total_max) {
    HttpServerOptions options;
    options.body_bytes_max = 700'000;
    options.body_bytes_total_max = body_bytes_total_max;
    return options;
  }
  std::mutex mutex_;
  std::multiset<std::string> taken_;
  HttpServer server_;  // Last: its threads end first.
};

TEST(HttpServerMemory, AllBodiesTogetherMayHold128MiBUnlessToldOtherwise) {
  EXPECT_EQ(HttpServerOptions().body_bytes_total_max, 128u * 1024 * 1024);
}

TEST(HttpServerMemory, WhoComesWhileOthersHoldItIsToldWhenToComeAgainAndIsThenTaken) {
  FullHands server(1'000'000);
  const auto body = [](const std::string& name) { return name + std::string(599'992, 'b'); };
  std::jthread first([&] {
    const auto answer = server.Post(body("waits-01"));
    EXPECT_TRUE(answer.ok() && answer->status == 200);
  });
  server.arrived.wait();  // 600,000 of 1,000,000 bytes are held.
  for (int i = 0; i < 3; ++i) {
    const auto refused = server.Post(body("late-001"));
    ASSERT_TRUE(refused.ok()) << refused.error().message;
    EXPECT_EQ(refused->status, 503);
    EXPECT_EQ(Name(*refused), "urn:edcsync:error:busy");
    EXPECT_EQ(refused->headers.find("Retry-After")->second, "1");
  }
  EXPECT_EQ(server.Post("small-01")->status, 200);  // There is room for that.
  server.may_go_on.count_down();
  first.join();
  const auto taken = server.Post(body("late-001"));
  ASSERT_TRUE(taken.ok()) << taken.error().message;
  EXPECT_EQ(taken->status, 200);
  EXPECT_EQ(server.taken(), (std::multiset<std::string>{"waits-01", "late-001", "small-01"}));
}

TEST(HttpServerMemory, WhatBrokeOffOrWasRefusedHoldsNothing) {
  FullHands server(1'000'000);
  for (int i = 0; i < 8; ++i) {
    RawConnection connection(server.port());
    connection.Send("POST /records HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\n" +
                    std::string(400'000, 'b'));
  }  // The rest never comes.
  for (int i = 0; i < 8; ++i) EXPECT_EQ(server.Post(std::string(700'001, 'b'))->status, 413);
  // Those connections end in the server's own time; from then on there is room again.
  int status = 503;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (status == 503 && std::chrono::steady_clock::now() < until) {
    status = server.Post("a-fit-01" + std::string(650'000, 'b'))->status;
  }
  EXPECT_EQ(status, 200);
  EXPECT_EQ(server.taken(), (std::multiset<std::string>{"a-fit-01"}));
}

TEST(HttpServer, PlainHttpIsServedOnLoopbackOnly) {
  for (const char* address : {"0.0.0.0", "::", "192.0.2.7", "gateway.example"}) {
    Site site({.address = address});
    const Status status = site.Start();
    ASSERT_FALSE(status.ok()) << address;
    EXPECT_EQ(status.error().code, ErrorCode::kConfiguration);
    EXPECT_NE(status.error().message.find(address), std::string::npos);
  }
}

TEST(HttpServer, APortInUseIsNamed) {
  Site first;
  ASSERT_TRUE(first.Start().ok());
  Site second({.port = first.port()});
  const Status status = second.Start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_NE(status.error().message.find(std::to_string(first.port())), std::string::npos);
  first.Stop();
  Site third({.port = first.port()});
  EXPECT_TRUE(third.Start().ok());
}

TEST(HttpServer, StopEndsIdleAndHalfSentRequests) {
  Site site({.read_timeout_s = 3600, .keep_alive_s = 3600});
  ASSERT_TRUE(site.Start().ok());
  RawConnection idle(site.port());
  RawConnection half(site.port());
  RawConnection used(site.port());
  half.Send("POST /v1/records HTTP/1.1\r\nHost");
  used.Send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(used.ReadUntil("up").find("200"), std::string::npos);
  site.Stop();  // Would take an hour if it waited for them.
  EXPECT_EQ(idle.ReadToEnd(), "");
}

TEST(HttpServer, ServesHttpsToWhoTrustsItsCertificate) {
  const std::string base = testing::TempDir() + "edcsync_http_" + std::to_string(getpid());
  ASSERT_EQ(std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                         "-days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "
                         "-keyout " + base + ".key -out " + base + ".crt 2>/dev/null").c_str()),
            0);
  Site site({.certificate_file = base + ".crt", .key_file = base + ".key"});
  const Status started = site.Start();
  ASSERT_TRUE(started.ok()) << started.error().message;
  const std::string url = "https://127.0.0.1:" + std::to_string(site.port());
  HttpClient trusting({url, base + ".crt", std::string(kToken), 20});
  const auto answer = trusting.Post("/v1/records", std::string(300'000, 's'), "text/plain");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "300000:" + std::string(64, 's'));
  EXPECT_EQ(trusting.Get("/large")->body.size(), 3'000'000u);
  HttpClient stranger({url, "", "", 20});
  ASSERT_FALSE(stranger.Get("/health").ok());
  EXPECT_EQ(stranger.Get("/health").error().code, ErrorCode::kCertificate);
  RawConnection plain(site.port());
  plain.Send("GET /health HTTP/1.1\r\n\r\n");
  EXPECT_EQ(plain.ReadToEnd().find("HTTP/1.1 200"), std::string::npos);

  Site broken({.certificate_file = base + ".key", .key_file = base + ".key"});
  const Status refused = broken.Start();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfiguration);
}

TEST(HttpClient, SaysThatNobodyListens) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  HttpClient client = site.Client();
  site.Stop();
  EXPECT_EQ(client.Get("/health").error().code, ErrorCode::kUnavailable);
}

TEST(HttpClient, SaysThatTheAnswerDidNotComeInTime) {
  std::atomic<bool> let_go = false;
  HttpServer server({});
  server.Route("GET", "/slow", Access::kOpen, [&](const HttpRequest&) {
    let_go.wait(false);
    return Text("late");
  });
  ASSERT_TRUE(server.Start().ok());
  HttpClient client({"http://127.0.0.1:" + std::to_string(server.port()), "", "", 1});
  EXPECT_EQ(client.Get("/slow").error().code, ErrorCode::kTimeout);
  let_go = true;
  let_go.notify_all();
}

TEST(HttpClient, APathThatWouldSmuggleAHeaderIsRefused) {
  Site site;
  ASSERT_TRUE(site.Start().ok());
  for (const char* path : {"", "health", "/health HTTP/1.1\r\nX: y", "/a b", "/\xC3\xA9"}) {
    EXPECT_EQ(site.Client().Get(path).error().code, ErrorCode::kMalformed) << path;
  }
}

}  // namespace
}  // namespace edcsync
