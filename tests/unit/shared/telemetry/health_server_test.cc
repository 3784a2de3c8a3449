#include "shared/telemetry/health_server.h"

#include <gmock/gmock.h>

#include <atomic>

#include "shared/http/http_client.h"
#include "shared/http/http_server.h"
#include "shared/telemetry/telemetry_settings.h"
#include "tests/support/submissions.h"

namespace edcsync {
namespace {

using ::testing::HasSubstr;
using testing::SortedJson;

class HealthServerTest : public ::testing::Test {
 protected:
  void Start(std::vector<HealthCheck> live, std::vector<HealthCheck> ready) {
    HealthSettings settings;
    settings.enabled = true;
    server_ = std::make_unique<HealthServer>(settings, clock_, metrics_, std::move(live),
                                             std::move(ready));
    const Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started.error().ToString();
  }
  HttpResponse Get(const std::string& path) {
    HttpClientOptions options;
    options.base_url = "http://127.0.0.1:" + std::to_string(server_->port());
    Result<HttpResponse> response = HttpClient(options).Get(path);
    EXPECT_TRUE(response.ok()) << response.error().ToString();
    return response.ok() ? *response : HttpResponse{};
  }

  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<HealthServer> server_;
};

TEST_F(HealthServerTest, ReadyNamesTheCheckThatFailsAndWhy) {
  std::atomic<bool> broker = true;
  Start({}, {{"store", [] { return Ok(); }},
             {"broker",
              [&]() -> Status {
                if (broker) return Ok();
                return Fail(ErrorCode::kBroker, "no connection to the broker");
              }},
             {"link", []() -> Status { return Fail(ErrorCode::kNotConnected, "offline"); },
              /*required=*/false}});
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/readyz").status, 200);
  broker = false;
  const HttpResponse response = Get("/readyz");
  EXPECT_EQ(response.status, 503);
  const SortedJson json = SortedJson::parse(response.body);
  EXPECT_EQ(json["status"], "failing");
  ASSERT_EQ(json["checks"].size(), 3u);
  EXPECT_EQ(json["checks"][0]["ok"], true);
  EXPECT_EQ(json["checks"][1]["name"], "broker");
  EXPECT_EQ(json["checks"][1]["ok"], false);
  EXPECT_THAT(json["checks"][1]["why"].get<std::string>(), HasSubstr("no connection"));
  EXPECT_EQ(json["checks"][2]["required"], false);
}

TEST_F(HealthServerTest, ALoopThatHangsIsSeenWithoutPilingUpQuestions) {
  EventLoop loop(clock_);
  loop.Start();
  LoopProbe probe(loop);
  EXPECT_TRUE(probe.Answers(10'000).ok());
  std::mutex hold;
  hold.lock();
  loop.Post([&] { const std::lock_guard wait(hold); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(probe.Answers(20).error().code, ErrorCode::kTimeout);
  bool read = false;
  EXPECT_FALSE(probe.Ask(20, [&] { read = true; }));
  hold.unlock();
  EXPECT_TRUE(probe.Answers(10'000).ok());
  EXPECT_FALSE(read) << "A question given up was answered later";
  EXPECT_TRUE(probe.Ask(10'000, [&] { read = true; }));
  EXPECT_TRUE(read);
}

TEST_F(HealthServerTest, ManyWhoAskForMetricsCostOneLook) {
  std::atomic<int> looks = 0;
  metrics_.OnCollect([&](MetricSamples& samples) {
    ++looks;
    samples.Gauge("edcsync_edge_outbox_waiting", "Waiting.", 3);
  });
  Start({}, {});
  const MonoTime begun = clock_.Mono();
  int asked = 0;
  HttpResponse response;
  while (clock_.Mono().us - begun.us < HealthServer::kMetricsKeptMs * 500) {
    response = Get("/metrics");
    ++asked;
  }
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("\nedcsync_edge_outbox_waiting 3\n"));
  EXPECT_GT(asked, 1);
  EXPECT_LE(looks, 2);
}

TEST_F(HealthServerTest, APortThatIsTakenIsSaidAndAnAddressOfTheNetworkIsRefused) {
  Start({}, {});
  HealthSettings settings;
  settings.port = server_->port();
  EXPECT_EQ(HealthServer(settings, clock_, metrics_, {}, {}).Start().error().code, ErrorCode::kIo);
  settings.address = "0.0.0.0";
  EXPECT_EQ(HealthServer(settings, clock_, metrics_, {}, {}).Start().error().code,
            ErrorCode::kConfiguration);
}

TEST(TelemetrySettings, SpansLeaveTheMachineOnlyByHttps) {
  const auto read = [](const std::string& endpoint) {
    auto toml = TomlFile::Parse("[telemetry]\notlp_endpoint = \"" + endpoint + "\"\n", "x.toml");
    (void)ReadTelemetrySettings(*toml, [](const std::string& name) { return name; });
    return toml->Finish();
  };
  for (const char* good : {"", "http://127.0.0.1:4318", "http://localhost:4318",
                           "http://[::1]:4318", "https://collector.example.org"}) {
    EXPECT_TRUE(read(good).ok()) << good;
  }
  for (const char* wrong : {"http://collector.example.org:4318", "collector:4318", "ftp://x",
                            "https://", "https://a/b", "http://127.0.0.1@evil.org:1",
                            "http://localhost.evil.org"}) {
    const Status status = read(wrong);
    ASSERT_FALSE(status.ok()) << wrong;
    EXPECT_THAT(status.error().message, HasSubstr("otlp_endpoint"));
  }
}

}  // namespace
}  // namespace edcsync
