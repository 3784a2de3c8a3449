// `backup --full --keys`, the loss of the machine, and `restore` of both folders: what comes back is
// a gateway that opens its database and starts.
#include <gmock/gmock.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "central-gateway/admin/trust.h"
#include "shared/crypto/file_key_ring.h"
#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

class FullBackup : public CommandTest {
 protected:
  std::string Dir() const { return folder_ + "/gateway"; }
  std::string Key() const { return Dir() + "/central.key"; }
  std::string Full() const { return folder_ + "/full"; }
  std::string Keys() const { return folder_ + "/keys"; }

  Ran BackUp() { return Run({"backup", Full(), "--full", "--keys", Keys()}); }
  void ExpectBackedUp() {
    const Ran done = BackUp();
    ASSERT_EQ(done.code, kExitOk) << done.err;
  }
  void ExpectRestoredOnANewMachine() {
    fs::remove_all(Dir());
    const Ran restored = Run({"restore", Full(), "--keys", Keys()});
    ASSERT_EQ(restored.code, kExitOk) << restored.err;
    const Ran check = Run({"check"});
    EXPECT_EQ(check.code, kExitOk) << check.out << check.err;
  }
  // A rotation that ended before its new key had its name.
  void CutOffRotation() {
    FileKeyRing files(Key());
    const auto next = files.MakeNext(random_);
    ASSERT_TRUE(next.ok() && OpenStore()->RewrapKeys(**next, "root", "").ok());
  }
};

// A rotation was cut off before the new key had its name. The backup of that night was opened by
// the key's other name, called verified, and had the retired key beside it: nothing opened it.
TEST_F(FullBackup, TheKeyBesideItOpensItThoughARotationWasCutOff) {
  CutOffRotation();
  ExpectBackedUp();
  ExpectRestoredOnANewMachine();
}

// The refusal of a start tells people to name a key's file by its id; one so named was not copied.
TEST_F(FullBackup, AKeyThatIsNamedByItsIdIsCopied) {
  const KeyId id = KeyEncryptionKey::Load(Key())->Id();
  fs::rename(Key(), FileKeyRing(Key()).PathOf(id));
  ExpectBackedUp();
  ExpectRestoredOnANewMachine();
}

// A rotation between the copies of database and key left a backup with another one's key.
TEST_F(FullBackup, IsNotMadeWhileTheKeyIsRotatedNorTheReverse) {
  const std::string lock = Dir() + "/central.db.rotation.lock";
  {
    const auto rotating = FileLock::Take(lock, FileLock::Mode::kExclusive);
    const Ran refused = BackUp();
    EXPECT_EQ(refused.code, kExitRefused);
    EXPECT_THAT(refused.err, HasSubstr("being rotated"));
    EXPECT_FALSE(fs::exists(Keys()));
  }
  const auto backing_up = FileLock::Take(lock, FileLock::Mode::kShared);
  EXPECT_EQ(Run({"key", "rotate"}).code, kExitRefused);
  ExpectBackedUp();
}

// After a move into a credential the retired file was copied, and "the keys lie in" that folder.
TEST_F(FullBackup, AKeyThatIsInNoFileIsSaidToBeMissing) {
  fs::create_directory(folder_ + "/credentials");
  ASSERT_EQ(Run({"key", "generate", folder_ + "/credentials/centre"}).code, kExitOk);
  std::ofstream(Dir() + "/central-gateway.toml", std::ios::app)
      << "\n[keys]\ncredential = \"centre\"\ncredentials_directory = \"" << folder_
      << "/credentials\"\n";
  ASSERT_EQ(Run({"key", "rotate", "--to", "credential"}).code, kExitOk);
  const Ran done = BackUp();
  ASSERT_EQ(done.code, kExitOk) << done.err;
  EXPECT_THAT(done.out, HasSubstr("NOT among them: it is in credential centre"));
  EXPECT_FALSE(fs::exists(Keys() + "/central.key"));
  ExpectRestoredOnANewMachine();  // The credential came by its own means.
}

TEST_F(FullBackup, ACertificateAndAKeyThatDoNotFitAreNoBackup) {
  std::ofstream(Dir() + "/pki/gateway.key") << PrivateKey::Generate()->ToPem();
  const Ran refused = BackUp();
  EXPECT_NE(refused.code, kExitOk);
  EXPECT_THAT(refused.err, HasSubstr("pki/gateway.key and .crt are no pair"));
  EXPECT_FALSE(fs::exists(Full() + "/manifest.json"));
}

// After `certificate rotate` frames sealed to the former certificate open until every edge has the
// new one. A restored centre could not open them, for backups passed over pki/former.
TEST_F(FullBackup, FormerIdentitiesOfTheCentreComeBack) {
  ASSERT_EQ(Run({"certificate", "rotate"}).code, kExitOk);
  const Installation installation(Dir());
  const auto before = LoadTrust(installation);
  ASSERT_TRUE(before.ok() && before->identities.size() == 2u);
  ExpectBackedUp();
  ExpectRestoredOnANewMachine();
  const auto after = LoadTrust(installation);
  ASSERT_TRUE(after.ok()) << after.error().ToString();
  ASSERT_EQ(after->identities.size(), 2u);
  EXPECT_EQ(after->identities[1].certificate().ToPem(),
            before->identities[1].certificate().ToPem());
  struct stat found {};
  ASSERT_EQ(::stat((Dir() + "/pki/former").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0700u);
}

// A service starts when its configuration appears, so nothing less than a whole gateway has one.
TEST_F(FullBackup, ARestoreThatFailsLeavesNoConfiguration) {
  ExpectBackedUp();
  fs::remove_all(Dir());
  const Ran refused = Run({"restore", Full()});  // Without its keys.
  EXPECT_EQ(refused.code, kExitRefused);
  EXPECT_THAT(refused.err, HasSubstr("key_missing"));
  EXPECT_FALSE(fs::exists(Dir() + "/central-gateway.toml"));
  ExpectRestoredOnANewMachine();
}

TEST_F(FullBackup, IsNotRestoredOntoItself) {
  ExpectBackedUp();
  const Ran refused =
      RunPlain({"--dir", Full(), "--user", "root", "restore", Full(), "--keys", Keys()});
  EXPECT_EQ(refused.code, kExitUsage) << refused.err;
}

constexpr uid_t kService = 64711;
constexpr gid_t kServiceGroup = 64712;
constexpr char kInstalledConfig[] = "/etc/edcsync/central-gateway.toml";
constexpr char kInstalledData[] = "/var/lib/edcsync/central-gateway";
constexpr int kNotPermitted = 77;

// A machine as the package leaves it; its /etc and /var/lib are this process's own.
bool MakeInstalledMachine() {
  if (::mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755") != 0 ||
      ::mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755") != 0) {
    return false;
  }
  fs::create_directory("/etc/edcsync");
  fs::create_directories(kInstalledData);
  fs::permissions(kInstalledData, fs::perms::owner_all);
  return ::chown(kInstalledData, kService, kServiceGroup) == 0;
}

// Runs `body` in a child; 0 if it found no failure.
int InChildProcess(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The machine was lost, and the runbook's command was typed on a new one. The configuration came to
// lie in root's working directory, or where the service could not read it, and no service started.
TEST_F(FullBackup, IsRestoredToWhereTheServiceLooksAndForItsAccount) {
  const int code = InChildProcess([&] {
    ::unsetenv("EDCSYNC_GATEWAY_DIR");
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        !MakeInstalledMachine()) {
      ::_exit(kNotPermitted);
    }
    ASSERT_EQ(RunPlain({"init"}).code, kExitOk);
    ASSERT_EQ(RunPlain({"backup", Full(), "--full", "--keys", Keys()}).code, kExitOk);

    ASSERT_TRUE(MakeInstalledMachine());
    ASSERT_EQ(::chdir(Full().c_str()), 0);  // It has a configuration, too.
    const Ran restored = RunPlain({"restore", Full(), "--keys", Keys()});
    ASSERT_EQ(restored.code, kExitOk) << restored.err;
    EXPECT_THAT(restored.out, HasSubstr(kInstalledConfig));
    struct stat config {};
    ASSERT_EQ(::stat(kInstalledConfig, &config), 0);
    EXPECT_EQ(config.st_mode & 07777, 0640u);
    EXPECT_EQ(config.st_gid, kServiceGroup);
    for (const auto& entry : fs::recursive_directory_iterator(kInstalledData)) {
      struct stat found {};
      ASSERT_EQ(::lstat(entry.path().c_str(), &found), 0);
      EXPECT_EQ(found.st_uid, kService) << entry.path();
    }
    ASSERT_EQ(::chdir("/"), 0);
    ASSERT_TRUE(::setgroups(0, nullptr) == 0 && ::setgid(kServiceGroup) == 0 &&
                ::setuid(kService) == 0);
    const Ran check = RunPlain({"check"});
    EXPECT_EQ(check.code, kExitOk) << check.out << check.err;
  });
  if (code == kNotPermitted) GTEST_SKIP() << "this user may not mount";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace edcsync::central
