// The rotations of certificate and authority die at any step, and are taken up again by whoever
// repeats the command: on the same machine, and on one restored from a backup made in between.
#include "central-gateway/enrolment/rotation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "central-gateway/admin/edge_admin.h"
#include "central-gateway/admin/full_backup.h"
#include "central-gateway/admin/restore.h"
#include "shared/base/file.h"
#include "shared/crypto/revocation_list.h"
#include "shared/crypto/certificate_request.h"
#include "tests/support/manual_clock.h"

namespace {

// The step at which this process dies; 0: none. A step is what alters a folder, or a transaction.
int deadly_step = 0;
int steps = 0;

void NextStep() {
  if (deadly_step != 0 && ++steps == deadly_step) ::kill(::getpid(), SIGKILL);
}

}  // namespace

// In place of the library's, for all of this program.
extern "C" int rename(const char* from, const char* to) noexcept {
  NextStep();
  return ::renameat(AT_FDCWD, from, AT_FDCWD, to);
}
extern "C" int remove(const char* path) noexcept {
  NextStep();
  if (::unlinkat(AT_FDCWD, path, 0) == 0) return 0;
  return errno == EISDIR ? ::unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : -1;
}

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

class DeadlyClock final : public Clock {
 public:
  explicit DeadlyClock(const Clock& clock) : clock_(clock) {}
  WallTime Wall() const override {
    NextStep();
    return clock_.Wall();
  }
  MonoTime Mono() const override { return clock_.Mono(); }
  int UtcOffsetMinutes(WallTime at) const override { return clock_.UtcOffsetMinutes(at); }

 private:
  const Clock& clock_;
};

using Command = std::function<Status(const RotationContext&)>;

class Rotation : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "edcsync-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    Check(Initialize(At("init"), InitOptions(), clock_, random_));
    clock_.Advance(60'000);
  }
  void TearDown() override { fs::remove_all(root_); }

  static void Check(const Status& status) {
    ASSERT_TRUE(status.ok()) << status.error().ToString();
  }
  Installation At(const std::string& name) const { return Installation(root_ + "/" + name); }
  // A machine like `from`.
  Installation Copy(const std::string& from, const std::string& to) {
    fs::remove_all(root_ + "/" + to);
    fs::copy(root_ + "/" + from, root_ + "/" + to, fs::copy_options::recursive);
    return At(to);
  }
  Result<std::unique_ptr<CentralStore>> Open(const Installation& at, const Clock& clock) {
    SqliteCentralStoreOptions options;
    options.path = at.DatabaseFile();
    options.key_file = at.KeyFile();
    options.start_writer = false;
    options.holder = "command";
    return OpenSqliteCentralStore(options, clock, random_);
  }
  // As a person types it.
  Status Run(const Installation& at, const Command& command, const Clock& clock) {
    EDCSYNC_TRY(SettleTrust(at));
    EDCSYNC_ASSIGN(const std::unique_ptr<CentralStore> store, Open(at, clock));
    return command({at, *store, clock, random_, "operator", {"localhost"}});
  }
  Status Run(const Installation& at, const Command& command) { return Run(at, command, clock_); }
  // In a process that dies at `step`; true if it came to the end before.
  bool RunAndDie(const Installation& at, const Command& command, int step) {
    const pid_t child = ::fork();
    if (child == 0) {
      deadly_step = step;
      const Status done = Run(at, command, DeadlyClock(clock_));
      ::_exit(done.ok() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    clock_.Advance(60'000);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      return true;
    }
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    return false;
  }
  // A full backup of `at` with its keys, restored on another machine.
  Installation Restored(const Installation& at, const std::string& to) {
    const std::string folder = root_ + "/backup";
    const std::string keys = root_ + "/keys";
    for (const std::string& old : {folder, keys, root_ + "/" + to}) fs::remove_all(old);
    fs::create_directory(root_ + "/" + to);
    const auto store = Open(at, clock_);
    EXPECT_TRUE(store.ok());
    Check(MakeBackupFolder(folder));
    Check(CopyWithoutKeys(at, folder));
    Check((*store)->Backup(folder + "/central.db", [](int) {}));
    Check(WriteManifest(folder, clock_.Wall()));
    Check(CopyKeys(at, at.KeyFile(), keys));
    Check(CheckPairs(folder, keys));
    Check(WriteManifest(keys, clock_.Wall()));
    const Installation there = At(to);
    Check(VerifyManifest(folder));
    Check(VerifyManifest(keys));
    fs::copy_file(folder + "/central-gateway.toml", there.Config());
    Check(PutBack(there, there.KeyFile(), folder, keys));
    const auto restored = RestoreCentralStore(there, folder + "/central.db", "operator", clock_,
                                              random_, nullptr);
    EXPECT_TRUE(restored.ok()) << restored.error().ToString();
    return there;
  }
  CentreTrust TrustAt(const Installation& at) {
    auto trust = LoadTrust(at);
    EXPECT_TRUE(trust.ok()) << trust.error().ToString();
    return std::move(*trust);
  }
  static bool Opens(const CentreTrust& trust, const Certificate& gateway) {
    return std::ranges::any_of(trust.identities, [&](const Sealer& identity) {
      return identity.certificate().SerialHex() == gateway.SerialHex();
    });
  }
  // What a gateway's start needs, and edges that trust what is trusted here.
  void ExpectWhole(const Installation& at) {
    const auto store = Open(at, clock_);
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    Check(WriteRevocationList(**store, at, clock_));
    const auto authorities = LoadAuthorities(at);
    ASSERT_TRUE(authorities.ok()) << authorities.error().ToString();
    const CentreTrust trust = TrustAt(at);
    const Certificate& gateway = trust.identities.front().certificate();
    EXPECT_TRUE(VerifyIssuedByAny(gateway, trust.authorities, clock_.Wall()).ok());
    EXPECT_EQ(*ReadFile(at.Pki("trust.pem"), 64 * 1024), ToPem(trust.authorities));
  }
  std::size_t Audited(const Installation& at, const std::string& action, const std::string& of) {
    std::size_t count = 0;
    const auto store = Open(at, clock_);
    EXPECT_TRUE(store.ok());
    Check((*store)->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const std::vector<AuditEntry> entries, reader.ListAudit(of, 0, 100));
      for (const AuditEntry& entry : entries) count += entry.action == action ? 1 : 0;
      return Ok();
    }));
    return count;
  }
  std::string BrokenOffAt(const Installation& at) {
    std::string found;
    Check(Run(at, [&](const RotationContext& context) -> Status {
      EDCSYNC_ASSIGN(found, BrokenOff(context));
      return Ok();
    }));
    return found;
  }
  // `command` dies at each of its steps on a machine like `from`; then `done` holds once it was
  // repeated, there and where a backup of that moment was restored. How many steps it has.
  int DieEverywhere(const std::string& from, const Command& command, const std::string& name,
                    const std::function<void(const Installation&)>& done) {
    int told = 0;
    for (int step = 1; !HasFailure(); ++step) {
      SCOPED_TRACE(name + " dies at step " + std::to_string(step));
      const Installation at = Copy(from, "dies");
      const std::string generation = TrustGeneration(at);
      const bool ended = RunAndDie(at, command, step);
      ExpectWhole(at);
      const std::string broken_off = BrokenOffAt(at);
      if (ended) {
        EXPECT_EQ(broken_off, "");
        done(at);
        EXPECT_GT(told, name == "certificate rotate" ? -1 : 0);  // It was told of some of the deaths.
        return step;
      }
      if (!broken_off.empty()) {
        EXPECT_EQ(broken_off, name);
        ++told;
      }
      std::vector<Installation> machines{at};
      // Between deaths that leave something to take up, some of the others will do.
      if (!broken_off.empty() || step % 4 == 0) {
        machines.insert(machines.begin(), Restored(at, "restored"));
      }
      for (const Installation& machine : machines) {
        SCOPED_TRACE(machine.dir);
        ExpectWhole(machine);
        const Status repeated = Run(machine, command);
        if (repeated.ok()) {
          EXPECT_NE(TrustGeneration(machine), generation);  // Running gateways are told.
        } else {
          // It had come to its end: nothing is left to do, and the words say so.
          const ErrorCode code = repeated.error().code;
          EXPECT_TRUE(code == ErrorCode::kAlreadyExists || code == ErrorCode::kNotFound)
              << repeated.error().ToString();
          EXPECT_NE(TrustGeneration(at), generation);
        }
        ExpectWhole(machine);
        EXPECT_EQ(BrokenOffAt(machine), "");
        done(machine);
      }
    }
    return 0;
  }

  static Status RotateCertificate(const RotationContext& context) {
    EDCSYNC_TRY(RotateGatewayCertificate(context));
    return Ok();
  }
  static Status RotateCa(const RotationContext& context) {
    EDCSYNC_TRY(RotateAuthority(context));
    return Ok();
  }
  static Status Retire(const RotationContext& context) { return RetireAuthority(context, false); }

  ManualClock clock_;
  SystemRandom random_;
  std::string root_;
};

TEST_F(Rotation, OfTheGatewaysCertificateIsTakenUpWhereverItDied) {
  const CentreTrust before = TrustAt(At("init"));
  const Certificate former = before.identities.front().certificate();
  const int last = DieEverywhere(
      "init", RotateCertificate, "certificate rotate", [&](const Installation& at) {
        const CentreTrust trust = TrustAt(at);
        const Certificate& gateway = trust.identities.front().certificate();
        EXPECT_NE(gateway.SerialHex(), former.SerialHex());
        EXPECT_TRUE(Opens(trust, former));
        EXPECT_TRUE(VerifyIssued(gateway, before.authorities.front(), clock_.Wall()).ok());
        EXPECT_GE(Audited(at, "gateway.certificate_rotated", "gateway"), 1U);
      });
  EXPECT_GT(last, 6);
}

TEST_F(Rotation, OfTheAuthorityIsTakenUpWhereverItDied) {
  const CentreTrust before = TrustAt(At("init"));
  const Certificate former = before.authorities.front();
  const int last =
      DieEverywhere("init", RotateCa, "ca rotate", [&](const Installation& at) {
        const CentreTrust trust = TrustAt(at);
        ASSERT_EQ(trust.authorities.size(), 2U);
        const Certificate& issuing = trust.authorities.front();
        EXPECT_EQ(trust.authorities.back().SerialHex(), former.SerialHex());
        const Certificate& gateway = trust.identities.front().certificate();
        EXPECT_TRUE(VerifyIssued(gateway, issuing, clock_.Wall()).ok());
        EXPECT_TRUE(Opens(trust, before.identities.front().certificate()));
        EXPECT_EQ(Audited(at, "ca.rotated", issuing.CommonName()), 1U);
        EXPECT_EQ(LoadServerAuthority(at)->certificate().SerialHex(), former.SerialHex());
      });
  EXPECT_GT(last, 12);
}

TEST_F(Rotation, TheRetirementOfAnAuthorityIsTakenUpWhereverItDied) {
  const Installation overlap = Copy("init", "overlap");
  Check(Run(overlap, RotateCa));
  clock_.Advance(60'000);
  const CentreTrust before = TrustAt(overlap);
  const Certificate issuing = before.authorities.front();
  const Certificate former = before.authorities.back();
  const int last =
      DieEverywhere("overlap", Retire, "ca retire", [&](const Installation& at) {
        const CentreTrust trust = TrustAt(at);
        ASSERT_EQ(trust.authorities.size(), 1U);
        EXPECT_EQ(trust.authorities.front().SerialHex(), issuing.SerialHex());
        EXPECT_EQ(trust.identities.size(), 1U);
        EXPECT_FALSE(fs::exists(at.Pki("ca-former.key")));
        std::error_code absent;
        for (const auto& entry : fs::directory_iterator(at.Pki("former"), absent)) {
          ADD_FAILURE() << entry.path();
        }
        const Certificate broker = *Certificate::Load(at.Pki("broker.crt"));
        EXPECT_TRUE(VerifyIssued(broker, issuing, clock_.Wall()).ok());
        EXPECT_GE(Audited(at, "ca.retired", former.CommonName()), 1U);
        const std::vector<Certificate> retired = RetiredAuthorities(at);
        ASSERT_EQ(retired.size(), 1U);  // What was signed under it can still be checked.
        EXPECT_EQ(retired.front().SerialHex(), former.SerialHex());
      });
  EXPECT_GT(last, 8);
}

TEST_F(Rotation, AnyOtherCommandTakesUpARotationThatWasBrokenOff) {
  for (int step = 1;; ++step) {
    const Installation at = Copy("init", "dies");
    ASSERT_FALSE(RunAndDie(at, RotateCa, step));
    if (BrokenOffAt(at) != "ca rotate") continue;
    Check(Run(at, RotateCertificate));
    const CentreTrust trust = TrustAt(at);
    EXPECT_EQ(Audited(at, "ca.rotated", trust.authorities.front().CommonName()), 1U);
    EXPECT_EQ(BrokenOffAt(at), "");
    // Of three that were the centre's, all still open what was sealed to them.
    EXPECT_EQ(trust.identities.size(), 3U);
    break;
  }
}

// Story: a full backup left out pki/former, so on a restored machine frames sealed to a certificate
// of before the rotation opened no more; an edge that could not fetch the new one was locked out.
TEST_F(Rotation, ABackupOfTheMiddleOfTheOverlapGoesOnFromThere) {
  const Installation overlap = Copy("init", "overlap");
  const Certificate first = TrustAt(overlap).identities.front().certificate();
  Check(Run(overlap, RotateCertificate));
  clock_.Advance(60'000);
  Check(Run(overlap, RotateCa));
  clock_.Advance(60'000);
  const Certificate issuing = TrustAt(overlap).authorities.front();
  const Installation restored = Restored(overlap, "restored");
  Check(Run(overlap, Retire));  // There it went on; then that machine was lost.
  ExpectWhole(restored);
  EXPECT_TRUE(Opens(TrustAt(restored), first));
  EXPECT_EQ(BrokenOffAt(restored), "");
  Check(Run(restored, Retire));
  ExpectWhole(restored);
  const CentreTrust trust = TrustAt(restored);
  ASSERT_EQ(trust.authorities.size(), 1U);
  // Edges that trust one authority by now trust this one.
  EXPECT_EQ(trust.authorities.front().FingerprintHex(), issuing.FingerprintHex());
}

TEST_F(Rotation, ABackupMadeWhileACertificateWasReplacedIsRefused) {
  const Installation at = Copy("init", "at");
  const std::string folder = root_ + "/backup";
  const std::string keys = root_ + "/keys";
  Check(MakeBackupFolder(folder));
  Check(CopyWithoutKeys(at, folder));
  Check(Run(at, RotateCertificate));
  Check(CopyKeys(at, at.KeyFile(), keys));
  const Status pairs = CheckPairs(folder, keys);
  ASSERT_FALSE(pairs.ok());
  EXPECT_EQ(pairs.error().code, ErrorCode::kBusy);
}

// Story: the second attempt of a revocation whose list could not be written said "is revoked already"
// and left the list as it was, so the broker went on letting the edge in.
TEST_F(Rotation, ARevocationSaidAgainWritesTheListThatCouldNotBeWritten) {
  const Installation at = Copy("init", "at");
  const EdgeId tororo("tororo");
  const auto store = Open(at, clock_);
  ASSERT_TRUE(store.ok());
  BundleOptions bundle;
  bundle.out_dir = root_ + "/tororo";
  Check(AddEdge(**store, at, tororo, SiteOID("Tororo"), bundle, "operator", clock_, random_));
  const std::string serial = Certificate::Load(bundle.out_dir + "/edge.crt")->SerialHex();
  fs::remove(at.Pki("crl.pem"));
  fs::create_directory(at.Pki("crl.pem"));  // In its way.
  EXPECT_FALSE(RevokeEdge(**store, at, tororo, "operator", "stolen", clock_).ok());
  fs::remove(at.Pki("crl.pem"));
  Check(RevokeEdge(**store, at, tororo, "operator", "stolen", clock_));
  const auto list = RevocationList::Load(at.Pki("crl.pem"));
  ASSERT_TRUE(list.ok()) << list.error().ToString();
  EXPECT_EQ(list->revoked, std::vector<RevokedCertificate>{{serial}});
  EXPECT_EQ(Audited(at, "edge.revoked", "tororo"), 1U);
}

}  // namespace
}  // namespace edcsync::central
