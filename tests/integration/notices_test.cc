// Notices of a real gateway to a real webhook receiver and a real mail server, which fail in the
// ways that such servers fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "central-gateway/store/sqlite_central_store.h"
#include "shared/crypto/revision_id.h"
#include "tests/support/free_port.h"
#include "tests/support/site_network.h"
#include "tests/support/test_broker.h"

namespace edcsync::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "A secret that both sides know";
constexpr char kPassword[] = "correct horse";

class Notices : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_);
    Put(trial_.GatewayDir() + "/webhook.secret", std::string(kSecret) + "\n");
    Put(trial_.GatewayDir() + "/mail.password", std::string(kPassword) + "\n");
    std::ifstream file(ConfigFile());
    base_.assign(std::istreambuf_iterator<char>(file), {});
    Configure();
  }

  std::string ConfigFile() const { return trial_.GatewayDir() + "/central-gateway.toml"; }
  static void Put(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
    ::chmod(path.c_str(), 0600);
  }
  void Configure(const std::string& mail = "", const std::string& webhook = "",
                 const std::string& notices = "digest_minutes = 0\n") {
    std::string server;
    if (mail.find("server") == std::string::npos) {
      server = "server = \"smtp://localhost:" + std::to_string(smtp_) + "\"\n";
    }
    const std::string ca = "ca_file = \"pki/ca.crt\"\n";
    Put(ConfigFile(), base_ + "\n[notices]\ndesk_url = \"https://desk.example.org/\"\n" + notices +
                          "[[notices.webhook]]\nname = \"ops\"\nurl = \"https://localhost:" +
                          std::to_string(webhook_) + "/hook\"\nsecret_file = \"webhook.secret\"\n" +
                          (webhook.find("ca_file") == std::string::npos ? ca : "") + webhook +
                          "[notices.mail]\nfrom = \"edcsync@example.org\"\n"
                          "to = [\"dm@example.org\", \"ops@example.org\"]\n" +
                          server + (mail.find("ca_file") == std::string::npos ? ca : "") +
                          (mail.find("user") == std::string::npos
                               ? "user = \"edcsync\"\npassword_file = \"mail.password\"\n"
                               : "") +
                          mail);
  }

  void StartReceivers() {
    std::filesystem::remove(folder_ + "/ready");
    receivers_ = std::make_unique<Process>(
        std::vector<std::string>{"/usr/bin/env", "python3", "-B",
                                 EDCSYNC_SOURCE_DIR "/tests/support/notice_receivers.py", folder_,
                                 "--webhook", std::to_string(webhook_), "--smtp",
                                 std::to_string(smtp_), "--smtps", std::to_string(smtps_),
                                 "--secret", kSecret, "--certificate",
                                 trial_.GatewayDir() + "/pki/broker.crt", "--key",
                                 trial_.GatewayDir() + "/pki/broker.key"},
        trial_.LogOf("receivers"));
    Await("the receivers listen", [&] {
      if (!receivers_->IsRunning()) ADD_FAILURE() << "The receivers ended";
      return std::filesystem::exists(folder_ + "/ready");
    });
  }
  // How to answer from now on; empty: as a good server does.
  void Answer(const std::string& who, const std::string& how) const {
    // Renamed into place: the receivers never read half of it.
    Put(folder_ + "/new", how);
    std::filesystem::rename(folder_ + "/new", folder_ + "/" + who);
  }
  // What has arrived so far: "webhook", or of the mail server an event.
  std::vector<SortedJson> Received(const std::string& to, const std::string& event = "mail") const {
    std::vector<SortedJson> found;
    std::ifstream file(folder_ + "/received.ndjson");
    std::string line;
    while (std::getline(file, line)) {
      const SortedJson entry = SortedJson::parse(line, nullptr, false);
      if (entry.is_discarded() || entry["to"] != to) continue;
      if (to == "webhook" || entry["event"] == event) found.push_back(entry);
    }
    return found;
  }
  SortedJson Status() { return trial_.CentreJson({"notices", "status"}); }
  SortedJson StatusOf(const std::string& channel) {
    const SortedJson status = Status();
    for (const SortedJson& one : status["channels"]) {
      if (one["channel"] == channel) return one;
    }
    return {};
  }

  void StartGateway() {
    trial_.StartGateway();
    Await("notices begin", [&] { return Status()["gateway"] == "gateway-1"; });
  }
  Site& StartSite(const Lines& forms) {
    Site& site = trial_.AddSite("tororo", "SITE.703");
    site.Start();
    site.Capture(forms);
    site.AwaitDelivered();
    return site;
  }
  // Each form is changed at the site and online while they are apart.
  void MakeConflicts(Site& site, const Lines& forms) {
    site.Cut();
    Lines here, there;
    for (const std::string& form : forms) {
      here.push_back(Edited(form, ItemName(form, 0), kHere, "nurse"));
      there.push_back(Edited(form, ItemName(form, 0), kThere, "monitor"));
    }
    site.Capture(here);
    trial_.EditOnline(there);
    site.Restore();
    site.AwaitDelivered();
  }

  static constexpr char kHere[] = "1931-01-01", kThere[] = "1931-12-31";
  Trial trial_;
  const std::string folder_ = trial_.PathOf("receivers");
  const int webhook_ = FreePort(), smtp_ = FreePort(), smtps_ = FreePort();
  std::string base_;
  std::unique_ptr<Process> receivers_;
  const Lines forms_ = RecordsOf("SITE.703");
};

TEST_F(Notices, ATestReachesTheWebhookSignedAndOverATrustedCertificateOnly) {
  const Ran nobody = trial_.Centre({"notices", "test", "ops"});
  EXPECT_EQ(nobody.exit_code, 3);
  EXPECT_THAT(nobody.out, HasSubstr("Not sent: "));
  StartReceivers();
  const Ran sent = trial_.Centre({"notices", "test", "ops"});
  EXPECT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_EQ(sent.out, "Sent: the receiver answered 200.\n");
  const std::vector<SortedJson> received = Received("webhook");
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0]["signed"], true);
  EXPECT_EQ(received[0]["request"], "POST /hook HTTP/1.1");
  EXPECT_EQ(received[0]["headers"]["content-type"], "application/json");
  EXPECT_EQ(received[0]["headers"]["edcsync-notice-id"], received[0]["body"]["id"]);
  EXPECT_EQ(received[0]["body"]["test"], true);

  Answer("webhook", "redirect");
  const Ran redirected = trial_.Centre({"notices", "test", "ops"});
  EXPECT_EQ(redirected.exit_code, 1);
  EXPECT_THAT(redirected.out, HasSubstr("answered 307; redirects are not followed"));
  Configure("", "ca_file = \"other.crt\"\n");
  std::filesystem::copy_file(trial_.GatewayDir() + "/pki/gateway.crt",
                             trial_.GatewayDir() + "/other.crt");
  const Ran untrusted = trial_.Centre({"notices", "test", "ops"});
  EXPECT_EQ(untrusted.exit_code, 3);
  EXPECT_THAT(untrusted.out, HasSubstr("certificate"));
  EXPECT_EQ(Received("webhook").size(), 2u);
  EXPECT_EQ(trial_.Centre({"notices", "test", "nobody"}).exit_code, 2);
  ::chmod((trial_.GatewayDir() + "/webhook.secret").c_str(), 0644);
  const Ran open = trial_.Centre({"notices", "test", "ops"});
  EXPECT_THAT(open.err, HasSubstr("webhook.secret"));
  EXPECT_THAT(open.err, Not(HasSubstr(kSecret)));
}

TEST_F(Notices, ATestMailIsSecuredBeforeAPasswordIsSaid) {
  StartReceivers();
  const auto test = [&] { return trial_.Centre({"notices", "test", "mail"}); };
  const Ran sent = test();
  EXPECT_EQ(sent.exit_code, 0) << sent.out << sent.err;
  ASSERT_EQ(Received("mail").size(), 1u);
  const SortedJson mail = Received("mail")[0];
  EXPECT_EQ(mail["secured"], true);
  EXPECT_EQ(mail["user"], "edcsync");
  EXPECT_EQ(mail["from"], "<edcsync@example.org>");
  EXPECT_EQ(mail["recipients"], SortedJson({"dm@example.org", "ops@example.org"}));
  EXPECT_EQ(mail["defects"], SortedJson::array());
  EXPECT_THAT(std::string(mail["text"]), HasSubstr("This is a test."));

  Answer("mail", "no-starttls");
  const Ran open = test();
  EXPECT_EQ(open.exit_code, 3);
  Answer("mail", "");
  EXPECT_EQ(Received("mail").size(), 1u);

  Configure("server = \"smtps://localhost:" + std::to_string(smtps_) + "\"\n");
  EXPECT_EQ(test().exit_code, 0);
  ASSERT_EQ(Received("mail").size(), 2u);
  EXPECT_THAT(std::vector<std::string>(Received("mail")[1]["commands"]), Not(Contains("STARTTLS")));

  Configure();
  Put(trial_.GatewayDir() + "/mail.password", "wrong");
  const Ran wrong = test();
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_THAT(wrong.out + wrong.err, Not(HasSubstr("wrong.")));
  Put(trial_.GatewayDir() + "/mail.password", kPassword);
  Answer("mail", "refuse ops@example.org");
  const Ran partly = test();
  EXPECT_EQ(partly.exit_code, 1);
  EXPECT_THAT(partly.out, HasSubstr("Sent: the mail server took it, but not for "
                                    "ops@example.org: 550 5.1.1 No such user here"));
  EXPECT_EQ(Received("mail")[2]["recipients"], SortedJson({"dm@example.org"}));
  Answer("mail", "refuse all");
  EXPECT_EQ(test().exit_code, 1);  // For good.
  Answer("mail", "reject");
  const Ran rejected = test();
  EXPECT_EQ(rejected.exit_code, 1);
  EXPECT_THAT(rejected.out, HasSubstr("550 5.7.1 Not from you"));
  Answer("mail", "greylist");
  EXPECT_EQ(test().exit_code, 3);  // Later perhaps.
  EXPECT_EQ(Received("mail").size(), 3u);
}

TEST_F(Notices, AConflictIsToldOnceByBothAlthoughTheirServersWereDown) {
  StartGateway();
  Site& site = StartSite({forms_[0]});
  MakeConflicts(site, {forms_[0]});
  const SortedJson conflict = trial_.CentreJson({"conflict", "list"})[0];
  const std::string id = conflict["conflictId"];
  Await("both were tried in vain", [&] {
    return StatusOf("ops")["lastError"].is_string() && StatusOf("mail")["lastError"].is_string();
  });
  trial_.KillGateway();
  StartGateway();
  StartReceivers();
  Await("both are told", [&] { return !Received("webhook").empty() && !Received("mail").empty(); });
  Await("it is known to be sent", [&] {
    return StatusOf("ops")["sending"].is_null() && StatusOf("mail")["sending"].is_null();
  });
  ASSERT_FALSE(HasFailure());
  const SortedJson hook = Received("webhook")[0];
  EXPECT_EQ(hook["signed"], true);
  EXPECT_EQ(hook["body"]["counts"], SortedJson({{"hard_conflict", 1}}));
  const SortedJson notice = hook["body"]["notices"][0];
  EXPECT_EQ(notice["conflictId"], id);
  EXPECT_EQ(notice["siteOID"], "SITE.703");
  EXPECT_EQ(notice["recordKey"], conflict["key"]);
  EXPECT_EQ(notice["link"], "https://desk.example.org/conflicts/" + id);
  const SortedJson mail = Received("mail")[0];
  EXPECT_THAT(std::string(mail["subject"]), HasSubstr("[edcsync] Hard conflict: CDISCPILOT01"));
  EXPECT_THAT(std::string(mail["text"]), HasSubstr("https://desk.example.org/conflicts/" + id));
  for (const char* value : {kHere, kThere}) {
    EXPECT_THAT(hook.dump(), Not(HasSubstr(value)));
    EXPECT_THAT(mail.dump(), Not(HasSubstr(value)));
  }
  trial_.StopGateway();
  StartGateway();
  // Whatever was told again would come before this.
  const std::string other = forms_[2];
  site.Restore();
  site.Capture({other});
  site.AwaitDelivered();
  MakeConflicts(site, {other});
  Await("the next conflict is told", [&] { return Received("webhook").size() > 1; });
  ASSERT_EQ(Received("webhook").size(), 2u);
  EXPECT_EQ(Received("webhook")[1]["body"]["count"], 1);
  EXPECT_NE(Received("webhook")[1]["body"]["notices"][0]["conflictId"], id);
  trial_.ExpectCentreHolds();
}

TEST_F(Notices, AMailServerThatHangsHoldsUpNeitherIntakeNorTheWebhook) {
  Configure("timeout_seconds = 120\n");
  StartReceivers();
  Answer("mail", "hang");
  StartGateway();
  Site& site = StartSite({forms_[0]});
  MakeConflicts(site, {forms_[0]});
  Await("the mail server hangs", [&] { return !Received("mail", "connected").empty(); });
  const Lines more = Slice(forms_, 1, 200);
  site.Capture(more);
  site.AwaitDelivered();
  MakeConflicts(site, {forms_[2]});
  Await("the webhook is told twice", [&] { return Received("webhook").size() == 2; });
  EXPECT_TRUE(Received("mail", "gone").empty()) << "The mail server did not hang all the while";
  const auto start = std::chrono::steady_clock::now();
  trial_.StopGateway();  // In order, although the mail server still hangs.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  Answer("mail", "");
  StartGateway();
  Await("the mail comes after all", [&] { return Received("mail").size() == 2; });
  ASSERT_EQ(Received("mail").size(), 2u);
  EXPECT_NE(Received("mail")[0]["message_id"], Received("mail")[1]["message_id"]);
}

TEST_F(Notices, AMailServerThatHangsIsGivenUpAndTriedAgain) {
  Configure("timeout_seconds = 1\n");
  StartReceivers();
  Answer("mail", "hang");
  StartGateway();
  Site& site = StartSite({forms_[0]});
  MakeConflicts(site, {forms_[0]});
  Await("it was given up twice", [&] { return Received("mail", "gone").size() >= 2; });
  EXPECT_THAT(std::string(StatusOf("mail")["lastError"]), HasSubstr("timed out"));
  Answer("mail", "");
  Await("the mail comes", [&] { return Received("mail").size() == 1; });
}

TEST_F(Notices, AGatewayKilledBeforeItKnewTheAnswerSendsTheSameMessageAgain) {
  StartReceivers();
  Answer("webhook", "hold");
  StartGateway();
  Site& site = StartSite({forms_[0]});
  MakeConflicts(site, {forms_[0]});
  Await("the webhook has it", [&] { return Received("webhook").size() == 1; });
  trial_.KillGateway();
  Answer("webhook", "");
  StartGateway();
  Await("it comes again", [&] { return Received("webhook").size() == 2; });
  const std::vector<SortedJson> received = Received("webhook");
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0]["headers"]["edcsync-notice-id"],
            received[1]["headers"]["edcsync-notice-id"]);
  EXPECT_EQ(received[0]["body"], received[1]["body"]);
  Await("it is known to be sent", [&] { return StatusOf("ops")["sending"].is_null(); });
}

TEST_F(Notices, AReceiverInTroubleIsTriedAgainAndOneThatRefusesMakesADeadLetter) {
  StartReceivers();
  Answer("webhook", "503");
  StartGateway();
  Site& site = StartSite({forms_[0], forms_[2]});
  MakeConflicts(site, {forms_[0]});
  Await("it was tried", [&] { return !Received("webhook").empty(); });
  Answer("webhook", "");
  Await("it is sent", [&] { return StatusOf("ops")["lastSentAt"].is_string(); });
  std::set<std::string> ids;
  for (const SortedJson& one : Received("webhook")) ids.insert(one["body"]["id"]);
  EXPECT_EQ(ids.size(), 1u);

  Answer("webhook", "400");
  MakeConflicts(site, {forms_[2]});
  Await("it failed for good", [&] { return Status()["failed"].size() == 1; });
  ASSERT_FALSE(HasFailure());
  const SortedJson failed = Status()["failed"][0];
  EXPECT_EQ(failed["channel"], "ops");
  EXPECT_EQ(failed["attempts"], 1);
  EXPECT_EQ(failed["error"], "the receiver answered 400");
  EXPECT_THAT(trial_.Centre({"notices", "status"}).out,
              HasSubstr("failed for good: message " + std::string(failed["messageId"])));
  Answer("webhook", "");
  EXPECT_EQ(trial_.Centre({"notices", "retry"}).exit_code, 2);
  EXPECT_EQ(trial_.Centre({"notices", "retry", "1"}).exit_code, 1);
  EXPECT_EQ(trial_.Centre({"notices", "retry", failed["messageId"], "--user", "nakato"}).exit_code,
            0);
  const std::size_t before = Received("webhook").size();
  Await("it is sent after all", [&] { return Received("webhook").size() > before; });
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(Received("webhook").back()["body"]["count"], 1);
  EXPECT_TRUE(Status()["failed"].empty());
  trial_.ExpectCentreHolds();
}

// Written into the store at once, as by a site that was away for a month: through the site's agent
// it would take minutes.
Status OpenConflicts(central::CentralWriter& writer, int count) {
  for (int i = 0; i < count; ++i) {
    central::CentralWriter::NewRevision added;
    Revision& revision = added.row.known.revision;
    revision.key = {StudyOID(kStudy),      SubjectKey("S-" + std::to_string(i)),
                    StudyEventOID("SE.1"), RepeatKey("1"),
                    FormOID("F.VS"),       RepeatKey("1")};
    revision.site = SiteOID("SITE.703");
    revision.version = 1;
    revision.user = "nurse";
    revision.edited_at = {writer.Now().ms, 0};
    revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = "70";
    added.row.canonical = EncodeRevision(revision);
    added.row.known.id = IdOf(added.row.canonical);
    added.row.received_at = writer.Now();
    added.heads = {added.row.known.id};
    added.current = added.row.known.id;
    added.current_version = 1;
    central::ConflictRow conflict;
    EDCSYNC_ASSIGN(conflict.record_id, writer.InsertRevision(added));
    EDCSYNC_ASSIGN(conflict.id, writer.NewId());
    conflict.key = revision.key;
    conflict.site = revision.site;
    conflict.severity = Severity::kHard;
    conflict.heads = added.heads;
    conflict.opened_at = writer.Now();
    EDCSYNC_TRY(writer.InsertConflict(conflict));
    central::FeedRow row;
    row.kind = central::FeedKind::kConflict;
    row.site = conflict.site;
    row.conflict = conflict.id;
    EDCSYNC_TRY(writer.AppendFeed(row));
  }
  return Ok();
}

TEST_F(Notices, FiveThousandConflictsAtOnceAreNoFlood) {
  Configure("", "", "digest_minutes = 1\nlanguage = \"zh\"\n");
  StartReceivers();
  StartGateway();
  const SystemClock clock;
  SystemRandom random;
  central::SqliteCentralStoreOptions options;
  options.path = trial_.GatewayDir() + "/central.db";
  options.key_file = trial_.GatewayDir() + "/central.key";
  options.start_writer = false;
  options.holder = "test";
  const auto store = central::OpenSqliteCentralStore(options, clock, random);
  ASSERT_TRUE(store.ok()) << store.error().message;
  const edcsync::Status opened =
      (*store)->Write([](central::CentralWriter& writer) { return OpenConflicts(writer, 5000); });
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const auto told = [&] {
    std::size_t count = 0;
    for (const SortedJson& one : Received("webhook")) count += std::size_t{one["body"]["count"]};
    return count;
  };
  Await(
      "all are told", [&] { return told() == 5000; }, 150);
  Await("by mail too", [&] { return !Received("mail").empty(); });
  ASSERT_FALSE(HasFailure());
  EXPECT_LE(Received("webhook").size(), 2u);
  EXPECT_LE(Received("mail").size(), 2u);
  EXPECT_EQ(Received("webhook")[0]["body"]["notices"].size(), 50u);
  EXPECT_THAT(std::string(Received("mail")[0]["subject"]), HasSubstr("条通知"));
  EXPECT_LE(Received("mail")[0]["longest_line"], 76);
}

}  // namespace
}  // namespace edcsync::testing
