// The desk's pages as a browser gets them.
#include <gmock/gmock.h>

#include "tests/unit/central-gateway/web/desk_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DeskPages : public DeskServerTest {
 protected:
  static std::string NonceOf(const Answer& answer) {
    const std::string policy = answer.Header("content-security-policy");
    const std::size_t at = policy.find("'nonce-");
    return at == std::string::npos ? "" : policy.substr(at + 7, policy.find('\'', at + 1) - at - 7);
  }
};

TEST_F(DeskPages, TheFirstPageForbidsWhateverIsNotItsOwn) {
  const Answer page = Anonymous().Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.Header("content-type"), "text/html; charset=utf-8");
  const std::string policy = page.Header("content-security-policy");
  for (const char* rule : {"default-src 'none'", "script-src 'self'", "connect-src 'self'",
                           "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"}) {
    EXPECT_THAT(policy, HasSubstr(rule));
  }
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(policy, Not(HasSubstr("*")));
  EXPECT_THAT(policy, Not(HasSubstr("http")));
  EXPECT_EQ(page.Header("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.Header("x-frame-options"), "DENY");
  EXPECT_EQ(page.Header("cache-control"), "no-store") << "its nonce is for once";
}

TEST_F(DeskPages, EachPageHasANonceOfItsOwnInHeaderAndText) {
  std::set<std::string> nonces;
  for (int i = 0; i < 20; ++i) {
    const Answer page = Anonymous().Get("/");
    const std::string nonce = NonceOf(page);
    EXPECT_EQ(nonce.size(), 32u);
    EXPECT_THAT(page.body, HasSubstr("nonce=\"" + nonce + "\">"));
    EXPECT_THAT(page.body, Not(HasSubstr("__CSP_NONCE__")));
    nonces.insert(nonce);
  }
  EXPECT_EQ(nonces.size(), 20u);
}

TEST_F(DeskPages, EveryPathThatIsNoFileIsThePage) {
  for (const char* path : {"/queue", "/conflicts/123?tab=history", "/records/a%2Fb", "/index.html",
                           "/icon.svg/", "/assets", "/%3Cscript%3E"}) {
    const Answer page = Anonymous().Get(path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_THAT(page.body, HasSubstr("<!doctype html>")) << path;
    EXPECT_THAT(page.body, Not(HasSubstr("<script>"))) << path;
    EXPECT_NE(NonceOf(page), "") << path;
  }
}

TEST_F(DeskPages, AnAssetIsKeptForAYearAndSentZippedToWhoTakesIt) {
  const DeskClient client = Anonymous();
  const Answer plain = client.Get("/assets/main-1a2b.js");
  EXPECT_EQ(plain.body, "document.title = 'desk';");
  EXPECT_EQ(plain.Header("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(plain.Header("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(plain.Header("content-encoding"), "");
  EXPECT_EQ(plain.Header("vary"), "Accept-Encoding");
  EXPECT_EQ(plain.Header("x-content-type-options"), "nosniff");
  // The client's own header, not the one that the server's library would compress by.
  const Answer zipped =
      client.Get("/assets/main-1a2b.js", {{"Accept-Encoding", "gzip, deflate, br"}});
  EXPECT_EQ(zipped.body, "\x1f\x8b as zipped");
  EXPECT_EQ(zipped.Header("content-encoding"), "gzip");
  const Answer again =
      client.Get("/assets/main-1a2b.js", {{"If-None-Match", plain.Header("etag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(client.Get("/icon.svg").Header("cache-control"), "no-cache");
  EXPECT_EQ(client.Get("/icon.svg").Header("content-type"), "image/svg+xml");
}

TEST_F(DeskPages, AnAssetOfAnotherReleaseIsGoneAndNotThePage) {
  for (const char* path : {"/assets/main-0000.js", "/assets/", "/assets/../index.html",
                           "/assets/%2e%2e/index.html", "/assets/main-1a2b.js.gz"}) {
    const Answer gone = Anonymous().Get(path);
    EXPECT_EQ(gone.status, 404) << path;
    EXPECT_EQ(gone.Header("content-type"), "application/problem+json") << path;
    EXPECT_EQ(gone.code(), "not_found") << path;
  }
}

TEST_F(DeskPages, NothingOutsideTheFolderIsServed) {
  ASSERT_TRUE(std::filesystem::exists(folder_ + "/central.key"));
  std::ifstream file(folder_ + "/central.key");
  const std::string key{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GE(key.size(), 64u);
  for (const char* path :
       {"/../central.key", "/%2e%2e/central.key", "/..%2fcentral.key", "/%2e%2e%2fcentral.key",
        "/icon.svg/../../central.key", "/.%2e/.%2e/etc/passwd", "//etc/passwd", "/..\\central.key",
        "/assets/..%2f..%2fcentral.key", "/%00../central.key", "/%zz", "/%"}) {
    const Answer answer = Anonymous().Get(path);
    EXPECT_TRUE(answer.status == 200 || answer.status == 400 || answer.status == 404)
        << path << " " << answer.status;
    EXPECT_THAT(answer.body, Not(HasSubstr(key.substr(0, 32)))) << path;
    EXPECT_THAT(answer.body, Not(HasSubstr("root:"))) << path;
    if (answer.status == 200) {
      EXPECT_THAT(answer.body, HasSubstr("<!doctype html>")) << path;
    }
  }
}

TEST_F(DeskPages, NeitherAnUnknownCallNorAnotherMethodGetsThePage) {
  for (const char* path : {"/api/", "/api/v1", "/api/v1/nothing", "/api/v2/conflicts"}) {
    const Answer answer = Anonymous().Get(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.code(), "not_found") << path;
  }
  EXPECT_EQ(Anonymous().Post("/", Json::object()).status, 404);
  EXPECT_EQ(Anonymous().Send("PUT", "/icon.svg", "{}").status, 404);
  EXPECT_EQ(Anonymous().Send("TRACE", "/", std::nullopt).status / 100, 4);
}

TEST_F(DeskPages, WithoutThePagesTheDeskDoesNotStart) {
  options_.page_folder = folder_ + "/nowhere";
  const auto server = DeskServer::Start(options_, *store_, clock_, system_random_, "gateway-1",
                                        [this] { return Result<SigningIdentity>(*centre_); });
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(server.error().message, HasSubstr("nowhere"));
}

}  // namespace
}  // namespace edcsync::central
