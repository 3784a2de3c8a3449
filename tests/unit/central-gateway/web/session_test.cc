// Logging in and out, as a browser sees it.
#include <gmock/gmock.h>

#include "shared/http/http_client.h"
#include "tests/unit/central-gateway/web/desk_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DeskSession : public DeskServerTest {
 protected:
  void SetUp() override {
    DeskServerTest::SetUp();
    AddUser("dm", {kAllManager});
  }
};

TEST_F(DeskSession, WhoLogsInIsToldWhoTheyAreAndGetsACookieNoScriptCanRead) {
  DeskClient client = Anonymous();
  const Answer answer = LogIn(client, "DM", kPassword);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json session = answer.json();
  EXPECT_EQ(session["user"], "dm");
  EXPECT_EQ(session["fullName"], "Rose Nakato");
  EXPECT_EQ(session["mustChangePassword"], false);
  EXPECT_EQ(session["idleMinutes"], 30);
  EXPECT_EQ(session["rights"], Json::parse(R"([{"role": "data_manager", "studyOID": null,
                                                    "siteOID": null, "seesBlinded": true}])"));
  const std::string cookie = answer.Header("set-cookie");
  EXPECT_THAT(cookie, StartsWith("edcsync_session="));
  for (const char* attribute : {"; Path=/", "; HttpOnly", "; SameSite=Strict"}) {
    EXPECT_THAT(cookie, HasSubstr(attribute));
  }
  EXPECT_THAT(cookie, Not(HasSubstr("Domain")));
  EXPECT_THAT(answer.body, Not(HasSubstr(cookie.substr(16, 32))));  // Scripts read the body.
  client.Keep(answer);
  EXPECT_EQ(client.Get("/api/v1/session").json()["user"], "dm");
}

TEST_F(DeskSession, OverHttpsTheCookieIsSecureAndBoundToTheHost) {
  SystemClock clock;  // OpenSSL holds certificates against the machine's own.
  const CertificateAuthority authority =
      *CertificateAuthority::Create("edcsync", clock.Wall(), 2, system_random_);
  const PrivateKey key = Must(PrivateKey::Generate());
  CertificateAuthority::Request request;
  request.common_name = "localhost";
  request.ip_addresses = {"127.0.0.1"};
  request.purpose = CertificateAuthority::Purpose::kBroker;
  request.not_before = clock.Wall();
  request.valid_days = 1;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  };
  options_.certificate_file =
      write("desk.crt", Must(authority.Issue(key, request, system_random_)).ToPem());
  options_.key_file = write("desk.key", key.ToPem());
  StartServer();
  HttpClient client({.base_url = "https://127.0.0.1:" + std::to_string(server_->port()),
                     .ca_file = write("ca.crt", authority.certificate().ToPem()),
                     .bearer_token = "",
                     .timeout_s = 20});
  const auto answer =
      client.Post("/api/v1/session", Json({{"user", "dm"}, {"password", kPassword}}).dump(),
                  "application/json");
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  ASSERT_EQ(answer->status, 200) << answer->body;
  const std::string cookie = answer->headers.find("Set-Cookie")->second;
  EXPECT_THAT(cookie, StartsWith("__Host-edcsync_session="));
  for (const char* attribute : {"; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"}) {
    EXPECT_THAT(cookie, HasSubstr(attribute));
  }
}

TEST_F(DeskSession, AWrongPasswordAnUnknownNameAndALockedAccountAnswerInTheSameWords) {
  DeskClient client = Anonymous();
  const Answer wrong = LogIn(client, "dm", "wrong password 1");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.code(), "unauthorized");
  EXPECT_EQ(wrong.Header("set-cookie"), "");
  EXPECT_EQ(LogIn(client, "nobody", kPassword).body, wrong.body);
  EXPECT_EQ(LogIn(client, "' OR '1'='1", kPassword).body, wrong.body);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(LogIn(client, "dm", "wrong password 1").body, wrong.body);
  EXPECT_EQ(LogIn(client, "dm", kPassword).body, wrong.body) << "it rests by now";
  clock_.Advance(60'000);
  EXPECT_EQ(LogIn(client, "dm", kPassword).status, 200);
}

TEST_F(DeskSession, AnAddressThatTriesTooOftenWaits) {
  const DeskClient client = Anonymous();
  int refused = 0;
  for (int i = 0; i < 25; ++i) {
    const Answer answer =
        client.Post("/api/v1/session", {{"user", "nobody"}, {"password", kPassword}});
    if (answer.status == 429) ++refused;
  }
  EXPECT_EQ(refused, 5);
  clock_.Advance(60'000);
  EXPECT_EQ(client.Post("/api/v1/session", {{"user", "dm"}, {"password", kPassword}}).status, 200);
}

TEST_F(DeskSession, WhoLogsOutIsForgottenOnBothSides) {
  const DeskClient client = As("dm", {});
  const DeskClient elsewhere = As("dm", {});
  const Answer answer = client.Delete("/api/v1/session");
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(answer.Header("set-cookie"), StartsWith("edcsync_session=;"));
  EXPECT_THAT(answer.Header("set-cookie"), HasSubstr("Max-Age=0"));
  const Answer after = client.Get("/api/v1/session");
  EXPECT_EQ(after.status, 401);
  EXPECT_THAT(after.Header("set-cookie"), HasSubstr("Max-Age=0"));
  EXPECT_EQ(elsewhere.Get("/api/v1/session").status, 200);
}

TEST_F(DeskSession, ASessionUnusedForHalfAnHourEndsThoughItsPageAsksForChanges) {
  const DeskClient client = As("dm", {});
  for (int minutes = 0; minutes < 29; ++minutes) {
    clock_.Advance(60'000);
    ASSERT_EQ(client.Get("/api/v1/changes").status, 200) << minutes;
  }
  EXPECT_EQ(client.Get("/api/v1/conflicts").status, 200);  // A use: half an hour more.
  clock_.Advance(29 * 60'000);
  EXPECT_EQ(client.Get("/api/v1/changes").status, 200);
  clock_.Advance(2 * 60'000);
  EXPECT_EQ(client.Get("/api/v1/changes").status, 401);
  EXPECT_EQ(client.Get("/api/v1/conflicts").status, 401);
}

TEST_F(DeskSession, AnotherPasswordEndsEveryOtherSession) {
  DeskClient here = As("dm", {});
  const DeskClient there = As("dm", {});
  const std::string next = "another lantern over Winam gulf";
  EXPECT_EQ(here.Post("/api/v1/session/password", {{"current", "wrong"}, {"new", next}}).status,
            401);
  const Answer same =
      here.Post("/api/v1/session/password", {{"current", kPassword}, {"new", kPassword}});
  EXPECT_EQ(same.status, 422);
  const Answer changed =
      here.Post("/api/v1/session/password", {{"current", kPassword}, {"new", next}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(there.Get("/api/v1/session").status, 401);
  here.Keep(changed);
  EXPECT_EQ(here.Get("/api/v1/session").status, 200);
  DeskClient anew = Anonymous();
  EXPECT_EQ(LogIn(anew, "dm", kPassword).status, 401);
  EXPECT_EQ(LogIn(anew, "dm", next).status, 200);
}

TEST_F(DeskSession, AnUnchangedAnswerIsNotSentTwice) {
  const Opened opened = OpenConflict("01-702-1082");
  const DeskClient client = As("dm", {});
  for (const std::string& path :
       {std::string("/api/v1/conflicts"), PathOf(opened), std::string("/api/v1/conflicts/counts"),
        std::string("/api/v1/records")}) {
    const Answer first = client.Get(path);
    const std::string etag = first.Header("etag");
    ASSERT_NE(etag, "") << path;
    const Answer again = client.Get(path, {{"If-None-Match", etag}});
    EXPECT_EQ(again.status, 304) << path;
    EXPECT_EQ(again.body, "") << path;
    EXPECT_EQ(again.Header("etag"), etag) << path;
  }
  const std::string etag = client.Get(PathOf(opened)).Header("etag");
  Claim(client, opened);
  EXPECT_EQ(client.Get(PathOf(opened), {{"If-None-Match", etag}}).status, 200);
  const Answer post = client.Post(PathOf(opened, "/claim"), Json::object());
  EXPECT_EQ(post.Header("etag"), "");
}

TEST_F(DeskSession, EveryAnswerForbidsWhatABrowserMightMakeOfIt) {
  const DeskClient client = As("dm", {});
  for (const char* path :
       {"/api/v1/session", "/api/v1/conflicts", "/api/v1/conflicts/1", "/api/v1/conflicts/export",
        "/api/v1/nothing", "/api/v1/audit/checkpoint"}) {
    const Answer answer = client.Get(path);
    EXPECT_EQ(answer.Header("x-content-type-options"), "nosniff") << path;
    EXPECT_EQ(answer.Header("x-frame-options"), "DENY") << path;
    EXPECT_EQ(answer.Header("referrer-policy"), "no-referrer") << path;
    EXPECT_EQ(answer.Header("cache-control"), "no-store") << path;
    EXPECT_THAT(answer.Header("content-security-policy"), HasSubstr("default-src 'none'")) << path;
    EXPECT_EQ(answer.Header("access-control-allow-origin"), "") << path;
  }
}

TEST_F(DeskSession, TheVersionOfChangesRisesWithEveryChange) {
  const Opened opened = OpenConflict("01-702-1082");
  const DeskClient client = As("dm", {});
  const auto version = [&] {
    return std::stoull(client.Get("/api/v1/changes").json()["version"].get<std::string>());
  };
  const auto before = version();
  EXPECT_EQ(version(), before);
  Claim(client, opened);
  EXPECT_GT(version(), before);
}

TEST_F(DeskSession, AStreamOfChangesTellsEachAndEndsWithTheSession) {
  options_.events = {.count_max = 4, .look_ms = 10, .heartbeat_ms = 50};
  StartServer();
  const DeskClient client = As("dm", {kAllManager});
  RawConnection stream(server_->port());
  ASSERT_TRUE(
      stream.Send("GET /api/v1/changes HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                  "Cookie: " +
                  client.cookie + "\r\n\r\n"));
  const std::string version = client.Get("/api/v1/changes").json()["version"];
  const std::string head = stream.ReadUntil("data: " + version + "\n\n");
  EXPECT_NE(head.find("text/event-stream"), std::string::npos) << head;
  EXPECT_NE(head.find("X-Content-Type-Options"), std::string::npos) << head;
  Change([](CentralWriter& writer) { return writer.AppendAudit("x", "test.change", "y", ""); });
  EXPECT_NE(stream.ReadUntil("data: ").find("data: "), std::string::npos);
  EXPECT_EQ(client.Delete("/api/v1/session").status, 204);
  stream.ReadToEnd();  // Returns once it was closed.

  RawConnection stranger(server_->port());
  ASSERT_TRUE(stranger.Send(
      "GET /api/v1/changes HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"));
  EXPECT_NE(stranger.ReadUntil("\r\n").find(" 401 "), std::string::npos);
}

}  // namespace
}  // namespace edcsync::central
