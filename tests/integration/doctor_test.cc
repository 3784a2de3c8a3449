// A real installation is broken in one way after the other, and the doctor names that way, with
// what to do; it alters nothing. What a support bundle holds helps, and holds nothing that must
// not leave.
#include <gtest/gtest.h>
#include <arpa/inet.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "central-gateway/admin/installation.h"
#include "central-gateway/app/doctor.h"
#include "edge-agent/app/doctor.h"
#include "shared/crypto/certificate.h"
#include "tests/support/free_port.h"
#include "tests/support/manual_clock.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Replace(const std::string& path, const std::string& from, const std::string& to) {
  std::string text = Content(path);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << path << " does not hold " << from;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text.replace(at, from.size(), to);
}

// What a doctor said: the checks by outcome.
struct Examined {
  explicit Examined(const SortedJson& given) : json(given) {}
  std::set<std::string> With(const std::string& outcome) const {
    std::set<std::string> checks;
    for (const SortedJson& check : json["checks"]) {
      if (check["outcome"] == outcome) checks.insert(check["check"].get<std::string>());
    }
    return checks;
  }
  std::string AdviceFor(const std::string& name) const { return Part(name, "advice"); }
  std::string FoundBy(const std::string& name) const { return Part(name, "found"); }
  std::string Part(const std::string& name, const char* part) const {
    for (const SortedJson& check : json["checks"]) {
      if (check["check"] == name) return check[part];
    }
    ADD_FAILURE() << "There is no check " << name << ": " << json;
    return "";
  }
  SortedJson json;
};

using Checks = std::set<std::string>;

class DoctorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    trial_.StartGateway();
    tororo_.Start();
    tororo_.Capture(Slice(RecordsOf("SITE.703"), 0, 20));
    tororo_.AwaitDelivered();
  }

  Examined Edge(int exit_code = 1) {
    const Ran ran = tororo_.Agent({"doctor", "--json"});
    EXPECT_EQ(ran.exit_code, exit_code) << ran.out << ran.err;
    return Examined(SortedJson::parse(ran.out, nullptr, false));
  }
  Examined Centre(int exit_code = 1) {
    const Ran ran = trial_.Centre({"doctor", "--json"});
    EXPECT_EQ(ran.exit_code, exit_code) << ran.out << ran.err;
    return Examined(SortedJson::parse(ran.out, nullptr, false));
  }
  Examined EdgeAt(WallTime now) {
    edge::Examination examination;
    examination.commit_budget_ms = 0;  // This clock stands still.
    return Examined(SortedJson::parse(
        edge::Examine(tororo_.dir(), examination, ManualClock(now)).ToJson().dump()));
  }
  Examined CentreAt(WallTime now) {
    central::Examination examination;
    examination.commit_budget_ms = 0;  // This clock stands still.
    return Examined(SortedJson::parse(
        central::Examine(trial_.GatewayDir(), examination, ManualClock(now)).ToJson().dump()));
  }
  std::string EdgeFile(const std::string& name) { return tororo_.dir() + "/" + name; }
  // A certificate for tororo by `authority`, `days` long from `from` on, in the place of its own.
  void Install(const CertificateAuthority& authority, WallTime from, int days) {
    SystemRandom random;
    const PrivateKey key = PrivateKey::Generate().value();
    CertificateAuthority::Request request;
    request.common_name = "tororo";
    request.organizational_unit = "SITE.703";
    request.not_before = from;
    request.valid_days = days;
    std::ofstream(EdgeFile("edge.crt")) << authority.Issue(key, request, random)->ToPem();
    std::ofstream(EdgeFile("edge.key")) << key.ToPem();
  }

  static constexpr std::int64_t kDayMs = 86'400'000;
  Trial trial_;
  Site& tororo_ = trial_.AddSite("tororo", "SITE.703");
};

TEST_F(DoctorTest, FindsNoProblemOnASoundPairRunningOrStopped) {
  Await("the link is live", [&] { return Edge(0).With("ok").contains("link"); });
  const Examined edge = Edge(0);
  for (const char* check : {"configuration", "files.data", "key.edge", "key.database",
                            "certificate.edge", "disk.commits", "database.pages", "agent",
                            "clock.drift", "outbox", "broker.dns", "broker.tls", "broker.answer"}) {
    EXPECT_TRUE(edge.With("ok").contains(check)) << check << " " << edge.json;
  }
  const Examined centre = Centre(0);
  for (const char* check : {"gateway", "key.ca", "certificate.broker", "certificate.enrolment",
                            "certificate.desk", "certificate.revoked",
                            "broker.program", "broker.answer", "studies", "edges", "desk"}) {
    EXPECT_TRUE(centre.With("ok").contains(check)) << check << " " << centre.json;
  }
  EXPECT_NE(centre.FoundBy("disk.commits").find("records/s"), std::string::npos);
  tororo_.Stop();
  trial_.StopGateway();
  EXPECT_TRUE(Centre(0).With("warning").contains("gateway"));
  const Examined alone = Edge(1);  // There is no broker now.
  EXPECT_TRUE(alone.With("warning").contains("agent"));
  EXPECT_TRUE(alone.With("ok").contains("database.open"));
  EXPECT_EQ(trial_.Centre({"doctor", "--deep"}).exit_code, 0);
  EXPECT_EQ(trial_.Centre({"doctor", "--strict"}).exit_code, 1);
}

// Story: all through a rotation of the authority, broker and desk show certificates of the former
// one, and the doctor called that a stranger's broker.
TEST_F(DoctorTest, FindsNoProblemWhileTheAuthorityIsRotated) {
  const Ran rotated = trial_.Centre({"ca", "rotate"});
  ASSERT_EQ(rotated.exit_code, 0) << rotated.err;
  // The broker is started anew with the authorities of now.
  const auto is_sound = [&] {
    return tororo_.Agent({"doctor"}).exit_code == 0 && trial_.Centre({"doctor"}).exit_code == 0;
  };
  Await("both sides are sound", is_sound);
  const Examined centre = Centre(0);
  for (const char* check : {"certificate.ca", "certificate.gateway", "certificate.broker",
                            "certificate.revoked", "certificate.desk", "broker.tls"}) {
    EXPECT_TRUE(centre.With("ok").contains(check)) << check << " " << centre.json;
  }
}

TEST_F(DoctorTest, AltersNothing) {
  tororo_.Stop();
  trial_.StopGateway();
  const auto state = [&] {
    std::map<std::string, std::string> files;
    for (const std::string& folder : {tororo_.dir(), trial_.GatewayDir()}) {
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().string();
        // Readers of a database in WAL mode leave these, empty.
        if (name.ends_with("-wal") || name.ends_with("-shm") || !entry.is_regular_file()) continue;
        files[name] = std::to_string(static_cast<int>(entry.status().permissions())) + " " +
                      std::to_string(entry.last_write_time().time_since_epoch().count()) + " " +
                      Content(name);
      }
    }
    return files;
  };
  const auto before = state();
  (void)Edge(1);
  (void)Centre(0);
  EXPECT_TRUE(before == state());
}

TEST_F(DoctorTest, NamesAKeyThatOthersMayRead) {
  ASSERT_EQ(::chmod(EdgeFile("edge.key").c_str(), 0644), 0);
  Examined edge = Edge();
  EXPECT_EQ(edge.With("problem"), Checks{"key.edge"});
  EXPECT_NE(edge.AdviceFor("key.edge").find("chmod 0600"), std::string::npos);
  ASSERT_EQ(::chmod(EdgeFile("edge.key").c_str(), 0600), 0);
  ASSERT_EQ(::chmod(tororo_.DataFile("").c_str(), 0777), 0);
  EXPECT_EQ(Edge().With("problem"), Checks{"files.data"});
  const std::string ca_key = trial_.GatewayDir() + "/pki/ca.key";
  ASSERT_EQ(::chmod(ca_key.c_str(), 0644), 0);
  EXPECT_EQ(Centre().With("problem"), Checks{"key.ca"});
  fs::remove(ca_key);
  EXPECT_TRUE(Centre(0).With("warning").contains("key.ca"));
}

TEST_F(DoctorTest, NamesAFileOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "Only root gives files away";
  ASSERT_EQ(::chown(tororo_.DataFile("edge.key").c_str(), 65534, 65534), 0);
  const Examined edge = Edge();
  EXPECT_EQ(edge.With("problem"), Checks{"key.database"});
  EXPECT_NE(edge.AdviceFor("key.database").find("chown"), std::string::npos);
}

TEST_F(DoctorTest, NamesAnExpiredCertificateAndThatTheBrokerRefusesIt) {
  tororo_.Stop();
  const auto authority = central::LoadAuthority(central::Installation(trial_.GatewayDir())).value();
  Install(authority, {SystemClock().Wall().ms - 10 * kDayMs}, 5);
  const Examined edge = Edge();
  EXPECT_EQ(edge.With("problem"), (Checks{"certificate.edge", "broker.tls"}));
  EXPECT_NE(edge.FoundBy("certificate.edge").find("ended on"), std::string::npos);
  EXPECT_NE(edge.FoundBy("broker.tls").find("refuses our certificate"), std::string::npos)
      << edge.json;
  Install(authority, {SystemClock().Wall().ms - kDayMs}, 11);
  const Examined soon = Edge(0);
  EXPECT_TRUE(soon.With("warning").contains("certificate.edge")) << soon.json;
}

TEST_F(DoctorTest, NamesTheCertificateOfAForeignAuthorityOrKey) {
  tororo_.Stop();
  SystemRandom random;
  const std::string own_certificate = Content(EdgeFile("edge.crt"));
  const std::string own_key = Content(EdgeFile("edge.key"));
  const std::string own_ca = Content(EdgeFile("ca.crt"));
  const WallTime start{SystemClock().Wall().ms - kDayMs};
  const auto foreign = CertificateAuthority::Create("Another centre", start, 3650, random).value();
  Install(foreign, start, 300);
  Examined edge = Edge();
  EXPECT_EQ(edge.With("problem"), (Checks{"certificate.edge", "broker.tls"}));
  std::ofstream(EdgeFile("edge.crt")) << own_certificate;  // Its key is another's still.
  edge = Edge();
  EXPECT_TRUE(edge.With("problem").contains("certificate.edge"));
  EXPECT_NE(edge.FoundBy("certificate.edge").find("not the one of the key"), std::string::npos);
  std::ofstream(EdgeFile("edge.key")) << own_key;
  std::ofstream(EdgeFile("ca.crt")) << foreign.certificate().ToPem();
  edge = Edge();
  EXPECT_EQ(edge.With("problem"),
            (Checks{"certificate.edge", "certificate.gateway", "broker.tls"}));
  EXPECT_NE(edge.FoundBy("broker.tls").find("not of the authority"), std::string::npos)
      << edge.json;
  std::ofstream(EdgeFile("ca.crt")) << own_ca;
  EXPECT_EQ(Edge(0).With("problem"), Checks{});
}

TEST_F(DoctorTest, NamesARevokedEdge) {
  EXPECT_EQ(trial_.Centre({"edge", "revoke", "tororo", "--reason", "Stolen"}).exit_code, 0);
  Await("the broker refuses it", [&] { return Edge().With("problem").contains("broker.tls"); });
  EXPECT_NE(Edge().FoundBy("broker.tls").find("refuses our certificate"), std::string::npos);
}

TEST_F(DoctorTest, NamesWhichStepToTheBrokerFails) {
  const std::string file = EdgeFile("edge-agent.toml");
  const std::string config = Content(file);
  Replace(file, "host = \"localhost\"", "host = \"no-such-broker.invalid\"");
  Examined edge = Edge();
  EXPECT_EQ(edge.With("problem"), Checks{"broker.dns"});
  EXPECT_TRUE(edge.With("not checked").contains("broker.tls"));
  std::ofstream(file, std::ios::trunc) << config;
  const std::string port = "port = " + std::to_string(tororo_.link().port());
  Replace(file, port, "port = " + std::to_string(FreePort()));
  edge = Edge();
  EXPECT_EQ(edge.With("problem"), Checks{"broker.tcp"});
  EXPECT_NE(edge.AdviceFor("broker.tcp").find("firewall"), std::string::npos);
  std::ofstream(file, std::ios::trunc) << config;
  Replace(file, port, "port = 99999999");
  edge = Edge(2);
  EXPECT_EQ(edge.With("problem"), Checks{"configuration"});
  EXPECT_NE(edge.FoundBy("configuration").find("line"), std::string::npos);
}

TEST_F(DoctorTest, NamesABrokersPortThatAnotherHas) {
  trial_.StopGateway();
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(trial_.broker_port()));
  const int again = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  EXPECT_EQ(Centre().With("problem"), Checks{"broker.port"});
  ::close(listener);
}

TEST_F(DoctorTest, NamesAClockThatIsWrong) {
  const WallTime now = SystemClock().Wall();
  Examined edge = EdgeAt({now.ms - 400 * kDayMs});
  EXPECT_TRUE(edge.With("problem").contains("clock.drift"));
  EXPECT_NE(edge.FoundBy("clock.drift").find("set back"), std::string::npos);
  EXPECT_NE(edge.FoundBy("certificate.edge").find("valid only from"), std::string::npos);
  EXPECT_EQ(edge.AdviceFor("certificate.edge"), "Set the clock.");
  edge = EdgeAt({now.ms + 40'000 * kDayMs});
  EXPECT_NE(edge.FoundBy("broker.tls").find("does not count at this time"), std::string::npos)
      << edge.json;
  const Examined centre = CentreAt({now.ms + 40'000 * kDayMs});
  EXPECT_TRUE(centre.With("problem").contains("certificate.revoked"));
  EXPECT_TRUE(CentreAt({now.ms + 2 * kDayMs}).With("warning").contains("edges"));
}

TEST_F(DoctorTest, NamesADamagedPageAndAForeignKey) {
  tororo_.Stop();
  trial_.StopGateway();
  for (const std::string& file :
       {tororo_.DataFile("edge.db"), trial_.GatewayDir() + "/central.db"}) {
    const auto size = fs::file_size(file);
    std::fstream database(file, std::ios::binary | std::ios::in | std::ios::out);
    for (std::uintmax_t page = 4; page < size / 4096; page += 3) {
      database.seekp(static_cast<std::streamoff>(page * 4096));
      database << std::string(100, '\xff');
    }
  }
  const Examined edge = Edge();
  EXPECT_TRUE(edge.With("problem").contains("database.pages")) << edge.json;
  EXPECT_NE(edge.AdviceFor("database.pages").find("restore from a backup"), std::string::npos);
  const Examined centre = Centre();
  EXPECT_TRUE(centre.With("problem").contains("database.pages")) << centre.json;
}

TEST_F(DoctorTest, NamesAKeyThatIsNotTheDatabases) {
  tororo_.Stop();
  std::ofstream(tororo_.DataFile("edge.key")) << std::string(64, 'a') << "\n";
  const Examined edge = Edge();
  EXPECT_TRUE(edge.With("problem").contains("database.open")) << edge.json;
  EXPECT_NE(edge.AdviceFor("database.open").find("key"), std::string::npos);
}

TEST(DoctorOnAFullDisk, NamesTheDiskAlone) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  ::mkdir((tororo.dir() + "/data").c_str(), 0700);
  const std::string data = tororo.dir() + "/data";
  if (::mount("tmpfs", data.c_str(), "tmpfs", 0, "size=3g,mode=0700") != 0) {
    GTEST_SKIP() << "This user may not mount a file system";
  }
  struct Unmount {
    std::string folder;
    ~Unmount() { ::umount2(folder.c_str(), MNT_DETACH); }
  } const unmount{data};
  trial.StartGateway();
  tororo.Start();
  tororo.Capture(Slice(RecordsOf("SITE.703"), 0, 5));
  tororo.AwaitDelivered();
  tororo.AwaitLive();
  EXPECT_EQ(tororo.Agent({"doctor"}).exit_code, 0);
  ASSERT_EQ(::mount("tmpfs", data.c_str(), "tmpfs", MS_REMOUNT, "size=2m,mode=0700"), 0);
  std::ofstream(data + "/ballast") << std::string(3 * 1024 * 1024, 'x');
  const Ran ran = tororo.Agent({"doctor", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  const Examined edge(SortedJson::parse(ran.out, nullptr, false));
  EXPECT_EQ(edge.With("problem"), Checks{"disk.room"}) << edge.json;
  EXPECT_TRUE(edge.With("not checked").contains("disk.commits"));
  tororo.Kill();
}

// Everything that must not leave is planted where it could be swept up.
TEST_F(DoctorTest, ASupportBundleHoldsWhatHelpsAndNoSecretOrValue) {
  SortedJson form = SortedJson::parse(RecordsOf("SITE.703")[0]);
  form["subjectKey"] = "PLANTED-SUBJECT";
  std::string line = Edited(form.dump(), ItemName(form.dump(), 0), "PLANTED-VALUE", "nurse-1");
  form = SortedJson::parse(line);
  form["reasonForChange"] = "PLANTED-REASON";
  tororo_.Capture({form.dump()});
  tororo_.AwaitDelivered();
  const std::string edge_config = EdgeFile("edge-agent.toml");
  std::ofstream(edge_config, std::ios::app) << "# the old password was PLANTED-COMMENT\n";
  const std::string gateway_config = trial_.GatewayDir() + "/central-gateway.toml";
  const std::string secret = trial_.GatewayDir() + "/hook.secret";
  std::ofstream(secret) << "PLANTED-SECRET-OF-A-HOOK\n";
  ::chmod(secret.c_str(), 0600);
  std::ofstream(gateway_config, std::ios::app)
      << "# PLANTED-COMMENT\n[[notices.webhook]]\nname = \"chat\"\n"
         "url = \"https://127.0.0.1:1/PLANTED-PATH?token=PLANTED-TOKEN\"\n"
         "secret_file = \"hook.secret\"\n";
  const std::string log = trial_.PathOf("planted.log");
  std::ofstream(log)
      << R"({"event":"capture.done","subjectKey":"PLANTED-SUBJECT","ms":3})"
         "\n"
      << R"({"event":"capture.refused","why":"CDISCPILOT01/PLANTED-SUBJECT/E:1/F:1"})"
         "\n"
      << "PLANTED-VALUE on a line of something else\n";
  const std::string unpacked = trial_.PathOf("unpacked");
  fs::create_directory(unpacked);
  const std::string edge_bundle = trial_.PathOf("edge.tar.gz");
  const std::string centre_bundle = trial_.PathOf("centre.tar.gz");
  const Ran edge_made = tororo_.Agent({"support-bundle", edge_bundle, "--log", log});
  EXPECT_EQ(edge_made.exit_code, 0) << edge_made.err;
  const Ran centre_made = trial_.Centre({"support-bundle", centre_bundle, "--log", log});
  EXPECT_EQ(centre_made.exit_code, 0) << centre_made.err;
  EXPECT_EQ(trial_.Centre({"support-bundle", centre_bundle}).exit_code, 1) << "overwritten";
  std::string everything;
  for (const std::string& bundle : {edge_bundle, centre_bundle}) {
    EXPECT_EQ(static_cast<int>(fs::status(bundle).permissions()), 0600);
    EXPECT_EQ(edcsync::testing::Run({"/bin/tar", "-xzf", bundle, "-C", unpacked}).exit_code, 0);
  }
  Checks names;
  for (const auto& entry : fs::recursive_directory_iterator(unpacked)) {
    if (!entry.is_regular_file()) continue;
    names.insert(fs::relative(entry.path(), unpacked).string());
    everything += Content(entry.path().string());
  }
  for (const std::string side : {"support-edge-agent/", "support-central-gateway/"}) {
    for (const char* name : {"machine.json", "doctor.json", "status.json", "database.json",
                             "certificates.json", "log.ndjson"}) {
      EXPECT_TRUE(names.contains(side + name)) << side << name;
    }
  }
  EXPECT_TRUE(names.contains("support-central-gateway/broker/mosquitto.log"));
  EXPECT_EQ(everything.find("PLANTED"), std::string::npos)
      << everything.substr(everything.find("PLANTED") - 200, 400);
  for (const std::string& file :
       {EdgeFile("edge.key"), tororo_.DataFile("edge.key"), tororo_.DataFile("http.token"),
        trial_.GatewayDir() + "/central.key", trial_.GatewayDir() + "/pki/ca.key"}) {
    const std::string text = Content(file);
    EXPECT_EQ(everything.find(text.substr(text.size() > 100 ? 60 : 0, 32)), std::string::npos)
        << file;
  }
  EXPECT_EQ(everything.find("PRIVATE KEY"), std::string::npos);
  EXPECT_NE(everything.find("https://127.0.0.1:1/(left out)"), std::string::npos);
  EXPECT_NE(everything.find("\"revision\": 21"), std::string::npos) << "row counts";
  EXPECT_NE(everything.find("capture.done"), std::string::npos);
}

}  // namespace
}  // namespace edcsync::testing
