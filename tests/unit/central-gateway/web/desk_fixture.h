// The real server of the conflict desk on a free port, over a real store with the real study, with
// accounts whose passwords are hashed cheaply.
#pragma once

#include "central-gateway/web/desk_server.h"
#include "tests/unit/central-gateway/desk/trial_fixture.h"
#include "tests/unit/central-gateway/web/desk_client.h"

namespace edcsync::central {

inline constexpr char kPassword[] = "quiet lantern over Winam gulf";
inline const RightRow kAllManager{Role::kDataManager, StudyOID(), SiteOID(), false};
inline const RightRow kAllMonitor{Role::kMonitor, StudyOID(), SiteOID(), false};
inline const RightRow kOperatorRight{Role::kOperator, StudyOID(), SiteOID(), false};
inline const RightRow kAdministratorRight{Role::kAdministrator, StudyOID(), SiteOID(), false};

inline RightRow ManagerOf(const SiteOID& site) { return {Role::kDataManager, kPilot, site, false}; }

class DeskServerTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    // As in production: a writer's thread, and a generator that many threads may use.
    store_.reset();
    SqliteCentralStoreOptions options = Options("gateway-2");
    options.start_writer = true;
    auto store = OpenSqliteCentralStore(options, clock_, system_random_);
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    store_ = std::move(*store);
    MakePages();
    options_.port = 0;
    options_.page_folder = folder_ + "/page";
    options_.passwords = hashing_;
    StartServer();
  }
  void TearDown() override {
    server_.reset();
    TrialTest::TearDown();
  }

  void StartServer() {
    server_.reset();
    RotateCentre();
    auto server = DeskServer::Start(options_, *store_, clock_, system_random_, "gateway-1",
                                    [this] { return Result<SigningIdentity>(*centre_); });
    ASSERT_TRUE(server.ok()) << server.error().ToString();
    server_ = std::move(*server);
  }

  // The centre has a new key and certificate.
  void RotateCentre() {
    const PrivateKey key = Must(PrivateKey::Generate());
    CertificateAuthority::Request request;
    request.common_name = "gateway";
    request.purpose = CertificateAuthority::Purpose::kGateway;
    request.not_before = clock_.Wall();
    request.valid_days = 30;
    centre_ = SigningIdentity{key, Must(authority_.Issue(key, request, system_random_))};
  }

  // An account that has chosen its password.
  void AddUser(const std::string& user, std::vector<RightRow> rights,
               const std::string& full_name = "Rose Nakato") {
    PasswordHasher hasher(hashing_);
    const auto added =
        AddAccount(*store_, hasher, system_random_, {user, full_name, std::move(rights)}, "root");
    ASSERT_TRUE(added.ok()) << added.error().ToString();
    const auto changed = ChangePassword(*store_, hasher, user, kPassword);
    ASSERT_TRUE(changed.ok()) << changed.error().ToString();
  }
  Answer LogIn(DeskClient& client, const std::string& user, const std::string& password) {
    clock_.Advance(3000);  // So fast an address may log in again.
    return client.Post("/api/v1/session", {{"user", user}, {"password", password}});
  }
  // Logged in, in an account made for it unless there is one.
  DeskClient As(const std::string& user, const std::vector<RightRow>& rights) {
    if (!FindAccount(*store_, user).ok()) AddUser(user, rights);
    DeskClient client = Anonymous();
    const Answer answer = LogIn(client, user, kPassword);
    EXPECT_EQ(answer.status, 200) << answer.body;
    client.Keep(answer);
    return client;
  }
  DeskClient Anonymous() const { return DeskClient(server_->port()); }

  static Json Signed(const std::string& password = kPassword) {
    return {{"password", password}, {"meaning", "decided"}};
  }
  static Json HeadsOf(const ConflictRow& row) {
    Json heads = Json::array();
    for (const RevisionId& head : row.heads) heads.push_back(head.ToHex());
    return heads;
  }
  // The body of a decision that takes the left side.
  static Json DecisionOn(const Opened& opened, const std::string& fencing_token) {
    return {{"take", opened.left.id.ToHex()},
            {"seenHeads", HeadsOf(opened.row)},
            {"fencingToken", fencing_token},
            {"reason", {{"text", "as on the source"}}},
            {"signature", Signed()}};
  }
  static std::string PathOf(const Opened& opened, const std::string& rest = "") {
    return "/api/v1/conflicts/" + opened.id() + rest;
  }
  static std::string Claim(const DeskClient& client, const Opened& opened) {
    const Answer claimed = client.Post(PathOf(opened, "/claim"), Json::object());
    EXPECT_EQ(claimed.status, 200) << claimed.body;
    return claimed.json().value("fencingToken", "");
  }

  void WritePage(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ + "/page/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  void MakePages() {
    WritePage("index.html",
              "<!doctype html><meta property=\"csp-nonce\" nonce=\"__CSP_NONCE__\">"
              "<script src=\"/assets/main-1a2b.js\"></script><style nonce=\"__CSP_NONCE__\">");
    WritePage("assets/main-1a2b.js", "document.title = 'desk';");
    WritePage("assets/main-1a2b.js.gz", "\x1f\x8b as zipped");
    WritePage("icon.svg", "<svg/>");
  }

  const PasswordHasherOptions hashing_ = [] {
    PasswordHasherOptions options;
    options.passes = 1;
    options.memory_bytes = 8192;
    return options;
  }();
  SystemRandom system_random_;
  const CertificateAuthority authority_ =
      *CertificateAuthority::Create("edcsync", clock_.Wall(), 365, system_random_);
  DeskServerOptions options_;
  std::optional<SigningIdentity> centre_;
  std::unique_ptr<DeskServer> server_;
};

}  // namespace edcsync::central
