// A site comes into the trial with a token that is typed in once, keeps its certificate fresh by
// itself, and goes out when it is revoked; the same service serves openssl and curl.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "shared/crypto/revocation_list.h"
#include "shared/wire/enrolment_token.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

class Enrolment : public ::testing::Test {
 protected:
  // edge-agent --dir DIR enroll TOKEN
  Ran Enroll(const std::string& dir, const std::string& token) {
    return edcsync::testing::Run(
        {EDCSYNC_BINARY_DIR "/bin/edge-agent", "--dir", dir, "enroll", token});
  }
  std::string Text(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  unsigned ModeOf(const std::string& file) {
    struct stat found {};
    return ::stat(file.c_str(), &found) == 0 ? found.st_mode & 0777U : 0U;
  }
  // The audit entries of an action, as the central database has them.
  std::string Audit(const std::string& action) {
    constexpr char kRead[] =
        "import sqlite3, sys\n"
        "store = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)\n"
        "for row in store.execute('SELECT actor, object, detail FROM audit WHERE action = ?', "
        "[sys.argv[2]]): print(*row)\n";
    const Ran ran = edcsync::testing::Run(
        {"/usr/bin/python3", "-c", kRead, trial_.GatewayDir() + "/central.db", action});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
  // curl with these arguments against the enrolment service; its certificate is checked.
  Ran Curl(const std::vector<std::string>& arguments, const std::string& path) {
    std::vector<std::string> all = {"/usr/bin/curl",
                                    "--silent",
                                    "--show-error",
                                    "--max-time",
                                    "60",
                                    "--cacert",
                                    trial_.GatewayDir() + "/pki/ca.crt",
                                    "--write-out",
                                    "\nstatus=%{http_code}"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.push_back(trial_.EnrolmentAddress() + path);
    return edcsync::testing::Run(all);
  }
  void Shell(const std::string& command) {
    const Ran ran = edcsync::testing::Run({"/bin/sh", "-ec", command});
    EXPECT_EQ(ran.exit_code, 0) << command << "\n" << ran.out << ran.err;
  }

  // The serials of the certificate that the broker shows, and of the one in its file.
  std::string BrokerShows() {
    return edcsync::testing::Run(
               {"/bin/sh", "-c",
                "openssl s_client -connect localhost:" + std::to_string(trial_.broker_port()) +
                    " </dev/null 2>/dev/null | openssl x509 -noout -serial"})
        .out;
  }
  std::string BrokerHas() {
    return edcsync::testing::Run({"/usr/bin/openssl", "x509", "-noout", "-serial", "-in",
                                  trial_.GatewayDir() + "/pki/broker.crt"})
        .out;
  }

  Trial trial_;
};

TEST_F(Enrolment, ABareFolderBecomesAnEdgeWhoseRecordsAreReceipted) {
  trial_.StartGateway();
  Site& site = trial_.EnrolSite("tororo", "SITE.703");
  EXPECT_EQ(ModeOf(site.DataFile("tls/edge.key")), 0600U);
  EXPECT_EQ(ModeOf(site.DataFile("tls")), 0700U);
  EXPECT_FALSE(fs::exists(site.DataFile("tls/enrol.key")));
  site.Start();
  site.Capture(RecordsOf("SITE.703"));
  site.AwaitDelivered();
  EXPECT_EQ(site.Status()["certificate"]["lastError"], "");
  trial_.ExpectEverythingOnce();
}

TEST_F(Enrolment, ATokenIsGoodForOneKeyAndAWrongOneIsRefused) {
  trial_.StartGateway();
  const std::string token = trial_.Invite("tororo", {"--site", "SITE.703"});
  const wire::EnrolmentToken invited = *wire::ParseToken(token);

  wire::EnrolmentToken guessed = invited;
  guessed.secret.assign(guessed.secret.size(), '0');
  const Ran wrong = Enroll(trial_.PathOf("guess"), wire::FormatToken(guessed));
  EXPECT_EQ(wrong.exit_code, 1) << wrong.err;
  EXPECT_NE(wrong.err.find("No invitation fits"), std::string::npos) << wrong.err;

  wire::EnrolmentToken elsewhere = invited;
  elsewhere.ca_fingerprint.assign(elsewhere.ca_fingerprint.size(), 'a');
  const Ran other = Enroll(trial_.PathOf("elsewhere"), wire::FormatToken(elsewhere));
  EXPECT_EQ(other.exit_code, 1) << other.err;
  EXPECT_NE(other.err.find("is not the centre that made this token"), std::string::npos)
      << other.err;
  EXPECT_FALSE(fs::exists(trial_.PathOf("elsewhere/data/tls/enrol.key")));  // Nothing was sent.

  const Ran damaged = Enroll(trial_.PathOf("damaged"), token.substr(0, token.size() - 3));
  EXPECT_NE(damaged.err.find("damaged"), std::string::npos) << damaged.err;

  const std::string dir = trial_.PathOf("tororo");
  const Ran first = Enroll(dir, token);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const std::string key = Text(dir + "/data/tls/edge.key");
  // As if it had been broken off after the answer was lost: the same folder goes on.
  fs::remove(dir + "/edge-agent.toml");
  fs::remove(dir + "/data/tls/edge.crt");
  const Ran again = Enroll(dir, token);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(Text(dir + "/data/tls/edge.key"), key);
  const Ran second = Enroll(trial_.PathOf("second"), token);
  EXPECT_EQ(second.exit_code, 1) << second.err;
  EXPECT_NE(second.err.find("was used on"), std::string::npos) << second.err;
  EXPECT_FALSE(fs::exists(trial_.PathOf("second/edge-agent.toml")));

  const Ran known = trial_.Centre({"edge", "invite", "tororo", "--site", "SITE.703"});
  EXPECT_EQ(known.exit_code, 1);
  EXPECT_NE(known.err.find("--rebuild"), std::string::npos) << known.err;
  EXPECT_NE(Audit("edge.invited").find("tororo"), std::string::npos);
  EXPECT_NE(Audit("edge.enrolled").find("tororo"), std::string::npos);
  EXPECT_EQ(Text(trial_.LogOf("gateway")).find(invited.secret), std::string::npos);
}

TEST_F(Enrolment, RenewalsUnderLoadLoseAndDoubleNothing) {
  trial_.Configure("enrolment", "certificate_minutes = 1");
  trial_.StartGateway();
  Site& site = trial_.EnrolSite("tororo", "SITE.703");
  site.Start();
  site.AwaitLive();
  const Lines lines = RecordsOf("SITE.703", 20);
  std::set<std::string> serials;
  std::size_t at = 0;
  Await(
      "the certificate was renewed twice while records came",
      [&] {
        serials.insert(site.CertificateSerial());
        if (at + 5 < lines.size()) site.Capture(Slice(lines, at, 5));
        at += 5;
        return serials.size() >= 3;
      },
      180);
  site.AwaitDelivered();
  trial_.ExpectEverythingOnce();
  EXPECT_NE(Audit("edge.renewed").find("tororo"), std::string::npos);
  EXPECT_NE(Audit("edge.certificate_replaced").find("tororo"), std::string::npos);
}

TEST_F(Enrolment, CertificateAndAuthorityRotateUnderLoadAndTheFormerIsRetiredWhenNobodyNeedsIt) {
  trial_.StartGateway();
  Site& tororo = trial_.EnrolSite("tororo", "SITE.703");
  Site& kisumu = trial_.AddSite("kisumu", "SITE.702");
  const Lines lines = RecordsOf("SITE.703", 20);
  std::size_t at = 0;
  const auto capture = [&] {
    tororo.Capture(Slice(lines, at, 10));
    at += 10;
  };
  tororo.Start();
  kisumu.Start();
  kisumu.AwaitLive();
  capture();

  EXPECT_EQ(trial_.Centre({"certificate", "rotate"}).exit_code, 0);
  capture();  // Sealed to the former one.
  tororo.AwaitDelivered();
  const std::string gateway = Text(trial_.GatewayDir() + "/pki/gateway.crt");
  Await("the edge has fetched the gateway's new certificate", [&] {
    tororo.SyncNow();
    return Text(tororo.DataFile("tls/gateway.crt")).find(gateway) == 0;
  });
  capture();
  tororo.AwaitDelivered();
  kisumu.Stop();

  const Ran rotated = trial_.Centre({"ca", "rotate"});
  EXPECT_EQ(rotated.exit_code, 0) << rotated.err;
  EXPECT_EQ(trial_.Centre({"ca", "rotate"}).exit_code, 1);
  capture();
  const std::string before = tororo.CertificateSerial();
  Await("the edge has a certificate of the new authority", [&] {
    tororo.SyncNow();
    return tororo.CertificateSerial() != before;
  });
  capture();
  tororo.AwaitDelivered();
  const Ran early = trial_.Centre({"ca", "retire"});
  EXPECT_EQ(early.exit_code, 1);
  EXPECT_NE(early.err.find("edge kisumu"), std::string::npos) << early.err;

  kisumu.Start();
  kisumu.AwaitLive();
  Await("nothing needs the former authority", [&] {
    kisumu.SyncNow();
    return trial_.CentreJson({"ca", "status"})["formerNeededBy"].empty();
  });
  const Ran retired = trial_.Centre({"ca", "retire"});
  EXPECT_EQ(retired.exit_code, 0) << retired.err;
  EXPECT_EQ(trial_.CentreJson({"ca", "status"})["authorities"].size(), 1U);
  Await("the gateway has taken it", [&] {
    return Curl({}, "/.well-known/est/cacerts").out.find("status=200") != std::string::npos;
  });
  capture();
  Await("the edges trust one authority", [&] {
    tororo.SyncNow();
    kisumu.SyncNow();
    const std::string now = Text(trial_.GatewayDir() + "/pki/trust.pem");
    return Text(tororo.DataFile("tls/ca.crt")) == now && Text(kisumu.dir() + "/ca.crt") == now;
  });
  kisumu.Capture(RecordsOf("SITE.702"));
  tororo.AwaitDelivered();
  kisumu.AwaitDelivered();
  Site& later = trial_.EnrolSite("busia", "SITE.707");
  later.Start();
  later.Capture(RecordsOf("SITE.707"));
  later.AwaitDelivered();
  trial_.ExpectEverythingOnce();
}

// Nothing but a rotation of the whole authority renewed it, and it ended after three years.
TEST_F(Enrolment, TheBrokerShowsItsNewCertificateOnceTheGatewaysIsRotated) {
  trial_.StartGateway();
  const std::string before = BrokerShows();
  EXPECT_EQ(before.find("serial="), 0U) << before;
  EXPECT_EQ(before, BrokerHas());
  const Ran rotated = trial_.Centre({"certificate", "rotate"});
  EXPECT_EQ(rotated.exit_code, 0) << rotated.err;
  EXPECT_NE(BrokerHas(), before);
  Await("the broker shows the new one", [&] { return BrokerShows() == BrokerHas(); });
  Site& site = trial_.AddSite("tororo", "SITE.703");
  site.Start();
  site.Capture(RecordsOf("SITE.703"));
  site.AwaitDelivered();
  trial_.ExpectEverythingOnce();
}

// The doctor called it safe to keep pki/ca.key elsewhere, and the gateway did not start without it.
TEST_F(Enrolment, AGatewayWithoutTheAuthoritysKeyStartsTakesInAndTakesRightsAway) {
  Site& tororo = trial_.AddSite("tororo", "SITE.703");
  Site& kisumu = trial_.AddSite("kisumu", "SITE.702");
  trial_.StartGateway();
  trial_.StopGateway();
  const std::string key = trial_.GatewayDir() + "/pki/ca.key";
  fs::rename(key, trial_.PathOf("ca.key"));
  trial_.StartGateway();
  tororo.Start();
  tororo.Capture(RecordsOf("SITE.703"));
  tororo.AwaitDelivered();
  const std::string rights = trial_.GatewayDir() + "/broker/acl";
  EXPECT_NE(Text(rights).find("kisumu"), std::string::npos);
  EXPECT_EQ(trial_.Centre({"edge", "revoke", "kisumu", "--reason", "stolen"}).exit_code, 1);
  Await("the revoked edge has no rights at the broker",
        [&] { return Text(rights).find("kisumu") == std::string::npos; });

  const std::string serial = Certificate::Load(kisumu.dir() + "/edge.crt")->SerialHex();
  const std::string list = trial_.GatewayDir() + "/pki/crl.pem";
  EXPECT_FALSE(RevocationList::Load(list)->Names(serial));
  fs::rename(trial_.PathOf("ca.key"), key);
  Await("the list names it by itself once the key is back",
        [&] { return RevocationList::Load(list)->Names(serial); });
  trial_.ExpectCentreHolds();
}

TEST_F(Enrolment, AnEdgeRevokedWhileItWasAwaySaysSoAndKeepsItsOutbox) {
  trial_.StartGateway();
  Site& site = trial_.EnrolSite("tororo", "SITE.703");
  site.Start();
  const Lines lines = RecordsOf("SITE.703");
  site.Capture(Slice(lines, 0, 10));
  site.AwaitDelivered();
  site.Cut();
  site.Capture(Slice(lines, 10, 5));
  trial_.Forget(Slice(lines, 10, 5));
  EXPECT_EQ(trial_.Centre({"edge", "revoke", "tororo", "--reason", "stolen"}).exit_code, 0);
  site.SyncNow();  // The enrolment service tells; the broker would only break the connection.
  site.AwaitStopped("revoked_edge");
  EXPECT_EQ(site.Status()["waiting"], 5);
  site.Restore();
  trial_.ExpectEverythingOnce(0, {"tororo"});
  const Ran again = trial_.Centre({"edge", "invite", "tororo", "--rebuild"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("revoked"), std::string::npos) << again.err;
}

TEST_F(Enrolment, ARebuiltMachineIsFilledFromTheFeedAndTheKnownLossIsNamed) {
  trial_.StartGateway();
  Site& site = trial_.EnrolSite("tororo", "SITE.703");
  site.Start();
  const Lines lines = RecordsOf("SITE.703");
  site.Capture(Slice(lines, 0, 40));
  site.AwaitDelivered();
  site.Cut();
  site.Capture(Slice(lines, 40, 3));
  trial_.Forget(Slice(lines, 40, 3));  // Lost with the disk.
  site.Kill();
  const std::string thief = trial_.PathOf("thief");
  fs::copy(site.dir(), thief, fs::copy_options::recursive);
  fs::remove_all(site.dir());

  const SortedJson invitation = trial_.CentreJson({"edge", "invite", "tororo", "--rebuild"});
  EXPECT_EQ(invitation["knownLoss"]["knownThrough"], 40);
  site.Enrol(invitation["token"]);
  site.link().Restore();
  site.Start();
  site.AwaitLive();
  site.Capture(Slice(lines, 43, 10));
  trial_.ExpectEverythingOnce();
  EXPECT_NE(Audit("edge.enrolled").find("known through sequence=40"), std::string::npos);

  const Ran stolen =
      Curl({"--cert", thief + "/data/tls/edge.crt", "--key", thief + "/data/tls/edge.key"},
           "/v1/edge/configuration");
  EXPECT_NE(stolen.out.find("status=403"), std::string::npos) << stolen.out << stolen.err;
}

TEST_F(Enrolment, OpensslAndCurlEnrolAndRenewByEst) {
  trial_.StartGateway();
  const wire::EnrolmentToken token =
      *wire::ParseToken(trial_.Invite("nairobi-1", {"--site", "SITE.703"}));
  const std::string dir = trial_.PathOf("tools");
  fs::create_directory(dir);
  const auto in = [&](const std::string& name) { return dir + "/" + name; };
  const auto request = [&](const std::string& name) {
    Shell("cd " + dir + " && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes " +
          "-keyout " + name + ".key -subj /CN=nairobi-1 -outform DER -out " + name + ".der && " +
          "openssl base64 -in " + name + ".der -out " + name + ".b64");
  };
  const auto ask = [&](const std::vector<std::string>& who, const std::string& name,
                       const std::string& operation) {
    std::vector<std::string> arguments = {"--header",      "Content-Type: application/pkcs10",
                                          "--data-binary", "@" + in(name + ".b64"),
                                          "--dump-header", in(name + ".head"),
                                          "--output",      in(name + ".p7.b64")};
    arguments.insert(arguments.end(), who.begin(), who.end());
    return Curl(arguments, "/.well-known/est/" + operation).out;
  };
  const auto unpack = [&](const std::string& name) {
    Shell("cd " + dir + " && openssl base64 -d -in " + name + ".p7.b64 -out " + name +
          ".p7 && openssl pkcs7 -inform DER -in " + name + ".p7 -print_certs -out " + name +
          ".crt && openssl verify -CAfile ca.crt " + name + ".crt");
  };
  const Ran authorities = Curl({"--output", in("ca.p7.b64")}, "/.well-known/est/cacerts");
  EXPECT_NE(authorities.out.find("status=200"), std::string::npos) << authorities.err;
  Shell("cd " + dir +
        " && openssl base64 -d -in ca.p7.b64 | openssl pkcs7 -inform DER -print_certs" +
        " -out ca.crt && openssl x509 -in ca.crt -noout -fingerprint -sha256 | tr -d : | " +
        "tr A-F a-f | grep -q " + token.ca_fingerprint);

  request("first");
  EXPECT_NE(ask({"--user", "nairobi-1:wrong"}, "first", "simpleenroll").find("status=401"),
            std::string::npos);
  EXPECT_NE(Text(in("first.head")).find("Basic realm"), std::string::npos);
  const std::string user = "nairobi-1:" + token.secret;
  EXPECT_NE(ask({"--user", user}, "first", "simpleenroll").find("status=200"), std::string::npos)
      << Text(in("first.p7.b64"));
  EXPECT_NE(Text(in("first.head")).find("smime-type=certs-only"), std::string::npos);
  unpack("first");

  request("second");
  EXPECT_NE(ask({}, "second", "simplereenroll").find("status=403"), std::string::npos);
  EXPECT_NE(ask({"--cert", in("first.crt"), "--key", in("first.key")}, "second", "simplereenroll")
                .find("status=200"),
            std::string::npos)
      << Text(in("second.p7.b64"));
  unpack("second");
  const Ran told =
      Curl({"--cert", in("second.crt"), "--key", in("second.key")}, "/v1/edge/configuration");
  EXPECT_NE(told.out.find("\"siteOID\":\"SITE.703\""), std::string::npos) << told.out;
}

}  // namespace
}  // namespace edcsync::testing
