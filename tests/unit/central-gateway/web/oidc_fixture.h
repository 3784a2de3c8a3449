// The desk with an identity provider over HTTPS, and people who log in by it.
#pragma once

#include "tests/support/identity_provider.h"
#include "tests/unit/central-gateway/web/desk_fixture.h"

namespace edcsync::central {

class OidcTest : public DeskServerTest {
 protected:
  using Provider = testing::IdentityProvider;
  using Behaviour = Provider::Behaviour;
  static constexpr char kCallback[] = "/api/v1/session/oidc/callback";

  void SetUp() override {
    DeskServerTest::SetUp();
    Provider::Options provider;
    provider.client_secret = "a secret: 50% & more";
    StartProvider(provider);
    options_.oidc.emplace();
    options_.oidc->label = "St. Mary SSO";
    options_.oidc->provider.issuer = provider_->issuer();
    options_.oidc->provider.client_id = provider.client_id;
    options_.oidc->provider.client_secret = provider.client_secret;
    options_.oidc->provider.ca_file = folder_ + "/provider-ca.crt";
    StartServer();
  }
  void TearDown() override {
    server_.reset();
    provider_.reset();
    DeskServerTest::TearDown();
  }

  void StartProvider(Provider::Options options) {
    SystemClock clock;  // OpenSSL holds certificates against the machine's own.
    const CertificateAuthority authority =
        *CertificateAuthority::Create("St. Mary", clock.Wall(), 2, system_random_);
    const PrivateKey key = Must(PrivateKey::Generate());
    CertificateAuthority::Request request;
    request.common_name = "id.st-mary.example";
    request.ip_addresses = {"127.0.0.1"};
    request.purpose = CertificateAuthority::Purpose::kBroker;
    request.not_before = clock.Wall();
    request.valid_days = 1;
    options.certificate_file =
        Write("provider.crt", Must(authority.Issue(key, request, system_random_)).ToPem());
    options.key_file = Write("provider.key", key.ToPem());
    Write("provider-ca.crt", authority.certificate().ToPem());
    provider_ = std::make_unique<Provider>(options, clock_);
    const Status started = provider_->Start();
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    provider_->Know({"nakato", "", "sub-1"});
  }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  // An account that logs in by the provider, and has no password.
  void AddLinked(const std::string& user, std::vector<RightRow> rights = {kAllManager}) {
    PasswordHasher hasher(hashing_);
    const auto added = AddAccount(
        *store_, hasher, system_random_,
        {user, "Rose Nakato", std::move(rights), ProviderName{provider_->issuer(), user}}, "root");
    ASSERT_TRUE(added.ok()) << added.error().ToString();
  }

  // One browser: its session is `desk`'s, and it keeps the cookie of what it asked the provider.
  struct Browser {
    DeskClient desk;
    std::string flow_cookie;
  };
  Browser NewBrowser() const { return {Anonymous(), ""}; }

  // A request with both cookies, as a browser sends them where they are due.
  static Answer Navigate(const Browser& browser, const std::string& path, bool from_elsewhere) {
    DeskClient client = browser.desk;
    client.csrf.clear();
    // SameSite=Strict: not with what another site began.
    if (from_elsewhere) client.cookie.clear();
    if (!browser.flow_cookie.empty()) {
      client.cookie += (client.cookie.empty() ? "" : "; ") + browser.flow_cookie;
    }
    return client.Get(path, {{"Sec-Fetch-Site", from_elsewhere ? "cross-site" : "same-origin"}});
  }
  static void KeepFlow(Browser& browser, const Answer& answer) {
    const std::string set = answer.Header("set-cookie");
    if (set.find("edcsync_oidc=") == 0) browser.flow_cookie = set.substr(0, set.find(';'));
  }

  // Leaves for the provider; the address there.
  std::string Leave(Browser& browser, const std::string& query = "") {
    clock_.Advance(3000);
    const Answer answer = Navigate(browser, "/api/v1/session/oidc/start" + query, false);
    EXPECT_EQ(answer.status, 303) << answer.body;
    KeepFlow(browser, answer);
    return answer.Header("location");
  }
  // Comes back as the provider's redirect says.
  Answer Return(const Browser& browser, const std::string& address) const {
    const std::size_t path = address.find(kCallback);
    EXPECT_NE(path, std::string::npos) << address;
    return Navigate(browser, address.substr(path), true);
  }
  // The page that the desk sends the browser to at the end.
  std::string LogInBy(Browser& browser, const std::string& name, const std::string& query = "") {
    const Answer answer = Return(browser, provider_->LogIn(Leave(browser, query), name));
    EXPECT_EQ(answer.status, 303);
    const std::string cookie = answer.Header("set-cookie");
    if (cookie.find("edcsync_session=") == 0) {
      browser.desk.cookie = cookie.substr(0, cookie.find(';'));
      browser.desk.csrf = browser.desk.Get("/api/v1/session").json().value("csrfToken", "");
    }
    return answer.Header("location");
  }
  Browser LoggedIn(const std::string& user = "nakato") {
    if (!FindAccount(*store_, user).ok()) AddLinked(user);
    Browser browser = NewBrowser();
    EXPECT_EQ(LogInBy(browser, user), "/");
    return browser;
  }

  struct Asked {
    std::string ticket, address;
  };
  // The page asks for a ticket to sign with.
  Asked AskToSign(Browser& browser) {
    clock_.Advance(3000);
    DeskClient client = browser.desk;
    if (!browser.flow_cookie.empty()) client.cookie += "; " + browser.flow_cookie;
    const Answer answer = client.Post("/api/v1/session/oidc/reauth", Json::object());
    EXPECT_EQ(answer.status, 200) << answer.body;
    KeepFlow(browser, answer);
    return {answer.json().value("ticket", ""), answer.json().value("address", "")};
  }
  std::string ConfirmBy(Browser& browser, const Asked& asked, const std::string& name) {
    return Return(browser, provider_->LogIn(asked.address, name)).Header("location");
  }
  static Json StateOf(const Browser& browser, const std::string& ticket) {
    return browser.desk.Post("/api/v1/session/oidc/ticket", {{"ticket", ticket}}).json();
  }
  Answer Decide(const Browser& browser, const Opened& opened, const std::string& fencing_token,
                const std::string& ticket) {
    Json decision = DecisionOn(opened, fencing_token);
    decision["signature"] = {{"ticket", ticket}, {"meaning", "decided"}};
    return browser.desk.Post(PathOf(opened, "/resolve"), decision);
  }

  // "session.refused address=127.0.0.1 method=oidc reason=...", of one user, oldest first.
  std::vector<std::string> AuditOf(const std::string& user) {
    std::vector<std::string> told;
    for (const AuditEntry& entry : Read<std::vector<AuditEntry>>(
             [&](CentralReader& reader) { return reader.ListAudit(user, 0, 1000); })) {
      told.push_back(entry.action + " " + entry.detail);
    }
    return told;
  }

  std::unique_ptr<Provider> provider_;
};

}  // namespace edcsync::central
