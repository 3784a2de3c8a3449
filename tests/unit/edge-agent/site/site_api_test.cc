#include "edge-agent/site/site_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "shared/http/http_client.h"
#include "shared/model/submission.h"
#include "tests/support/edge_world.h"

namespace edcsync::edge {
namespace {

using ::testing::HasSubstr;

// An agent without its link that holds one record.
class SiteApiTest : public ::testing::Test {
 protected:
  SiteApiTest() {
    EXPECT_TRUE(world_.Open().ok());
    capture_.emplace(world_.store(), nullptr);
    capture_->SubmitAll({ParseSubmission(
        R"({"studyOID":"S","siteOID":"SITE.702","subjectKey":"1","studyEventOID":"E",)"
        R"("formOID":"F","itemGroups":[{"itemGroupOID":"G","items":{"I":"v"}}],"user":"u"})")});
    SyncControl control;
    control.view = [] { return SyncView(); };
    control.set_paused = [](bool) { return Ok(); };
    control.sync_now = [] {};
    control.new_incarnation = [] { return Ok(); };
    api_.emplace(world_.store(), *capture_, control, [] {});
    HttpServerOptions options;
    options.thread_count = 2;
    server_.emplace(options);
    api_->AddRoutes(*server_);
    EXPECT_TRUE(server_->Start().ok());
  }

  HttpResponse Get(const std::string& path) {
    HttpClientOptions options;
    options.base_url = "http://127.0.0.1:" + std::to_string(server_->port());
    const auto response = HttpClient(options).Get(path);
    EXPECT_TRUE(response.ok());
    return response.ok() ? *response : HttpResponse();
  }

  EdgeWorld world_;
  std::optional<Capture> capture_;
  std::optional<SiteApi> api_;
  std::optional<HttpServer> server_;
};

TEST_F(SiteApiTest, OutboxIsListedAfterTheSequenceGiven) {
  EXPECT_EQ(nlohmann::json::parse(Get("/v1/outbox").body)["rows"].size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(Get("/v1/outbox?after=1").body)["rows"].size(), 0u);
}

// Seen in the answers to the HTTP fuzzer's first inputs: after=9223372036854775808 was taken,
// became the most negative number in SQLite, and the list began again at its first row.
TEST_F(SiteApiTest, ASequenceBeyondAllSequencesIsRefused) {
  EXPECT_EQ(nlohmann::json::parse(Get("/v1/outbox?after=9223372036854775807").body)["rows"].size(),
            0u);
  for (const char* after : {"9223372036854775808", "18446744073709551615", "-1", "1x"}) {
    const HttpResponse response = Get(std::string("/v1/outbox?after=") + after);
    EXPECT_EQ(response.status, 422) << after;
    EXPECT_THAT(response.body, HasSubstr("after is not a number"));
  }
}

// A site's API with guards of the test's own, and a writer with a thread, as in the agent.
class SiteGuardsTest : public ::testing::Test {
 protected:
  void Serve(double submissions_per_second_max, std::size_t body_bytes_total_max) {
    EXPECT_TRUE(world_.Open().ok());
    world_.store().writer().Start();
    capture_.emplace(world_.store(), nullptr);
    SyncControl control;
    control.view = [] { return SyncView(); };
    api_.emplace(world_.store(), *capture_, control, [] {}, submissions_per_second_max);
    HttpServerOptions options;
    options.thread_count = 4;
    options.body_bytes_total_max = body_bytes_total_max;
    server_.emplace(options);
    api_->AddRoutes(*server_);
    EXPECT_TRUE(server_->Start().ok());
  }
  // So many records with subjects from `first` on, each with a value of so many bytes.
  static std::string Lines(int first, int count, std::size_t value_bytes = 1) {
    std::string lines;
    for (int i = first; i < first + count; ++i) {
      lines += R"({"studyOID":"S","siteOID":"SITE.702","subjectKey":")" + std::to_string(i) +
               R"(","studyEventOID":"E","formOID":"F","itemGroups":[{"itemGroupOID":"G","items":)" +
               R"({"I":")" + std::string(value_bytes, 'v') + R"("}}],"user":"u"})" + "\n";
    }
    return lines;
  }
  HttpResponse Submit(const std::string& lines) {
    HttpClientOptions options;
    options.base_url = "http://127.0.0.1:" + std::to_string(server_->port());
    auto response = HttpClient(options).Post("/v1/submissions", lines, "application/x-ndjson");
    EXPECT_TRUE(response.ok());
    return response.ok() ? *response : HttpResponse();
  }
  static std::string RetryAfter(const HttpResponse& response) {
    const auto found = response.headers.find("Retry-After");
    return found == response.headers.end() ? "" : found->second;
  }
  std::uint64_t Captured() {
    std::uint64_t last = 0;
    EXPECT_TRUE(world_.store()
                    .Read([&](EdgeTables& tables) -> Status {
                      EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables.outbox.ReadTail());
                      last = tail.last.value();
                      return Ok();
                    })
                    .ok());
    return last;
  }
  void TearDown() override {
    server_->Stop();
    world_.store().writer().Stop();
  }

  EdgeWorld world_;
  std::optional<Capture> capture_;
  std::optional<SiteApi> api_;
  std::optional<HttpServer> server_;
};

TEST_F(SiteGuardsTest, MoreThanTheRateIsToldWhenToComeAgainAndIsThenCaptured) {
  Serve(/*submissions_per_second_max=*/10, 1'000'000);
  EXPECT_EQ(Submit(Lines(0, 20)).status, 200);  // The burst: twice the rate.
  const HttpResponse refused = Submit(Lines(20, 15));
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("submissions_per_second_max"));
  EXPECT_EQ(RetryAfter(refused), "2");  // 15 of them at 10 a second.
  EXPECT_EQ(Captured(), 20u);           // Nothing of it was taken.
  world_.clock.Advance(1000);
  EXPECT_EQ(RetryAfter(Submit(Lines(20, 15))), "1");
  EXPECT_EQ(Submit(Lines(20, 10)).status, 200);  // So many fit by now.
  world_.clock.Advance(500);
  EXPECT_EQ(Submit(Lines(30, 5)).status, 200);
  EXPECT_EQ(Captured(), 35u);
  // A batch larger than any burst waits for a whole one, and not for ever.
  EXPECT_EQ(RetryAfter(Submit(Lines(35, 100))), "2");
  world_.clock.Advance(2000);
  EXPECT_EQ(Submit(Lines(35, 100)).status, 200);
  EXPECT_EQ(Captured(), 135u);
}

TEST_F(SiteGuardsTest, BodiesBeyondTheMemoryAreRefusedWholeAndCapturedOnceSentAgain) {
  Serve(/*submissions_per_second_max=*/0, 1'000'000);
  std::latch disk(1);  // A commit that does not end holds the bodies that wait for it.
  std::latch held(1);
  ASSERT_TRUE(world_.store()
                  .writer()
                  .Submit(
                      [&]() -> Status {
                        held.count_down();
                        disk.wait();
                        return Ok();
                      },
                      [](Status) {})
                  .ok());
  held.wait();
  const std::string first = Lines(0, 10, 60'000);
  const std::string second = Lines(10, 10, 60'000);
  std::jthread waits([&] { EXPECT_EQ(Submit(first).status, 200); });
  while (world_.store().writer().waiting() == 0) std::this_thread::yield();
  const HttpResponse refused = Submit(second);
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("urn:edcsync:error:busy"));
  EXPECT_EQ(RetryAfter(refused), "1");
  disk.count_down();
  waits.join();
  EXPECT_EQ(Captured(), 10u);
  EXPECT_EQ(Submit(second).status, 200);
  EXPECT_EQ(Captured(), 20u);
}

}  // namespace
}  // namespace edcsync::edge
