#include "edge-agent/site/site_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

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

}  // namespace
}  // namespace edcsync::edge
