// The key is lost, wrong or out of reach: the start is refused with words that say what to do, and
// nothing is altered, made or tried twice.
#include "tests/fault/keys/keyed_edge.h"

#include <sys/stat.h>

#include "schema/migrations.h"

namespace edcsync::testing {
namespace {

class LostKey : public ::testing::Test {
 protected:
  // Opens in a child with `settings`; the refusal's words have to hold `words`.
  int Start(const KeySettings& settings, const std::string& words = "") const {
    return InChild([&]() -> Status {
      const Status opened = edge_.Verify(settings);
      if (opened.ok() || words.empty()) return opened;
      if (opened.error().message.find(words) != std::string::npos) return opened;
      return Fail(ErrorCode::kInternal, "without the words " + words + ": " +
                                            opened.error().message);
    });
  }
  void Make(KeySource source) {
    ASSERT_TRUE(edge_.token_.usable());
    ASSERT_EQ(InChild([&] { return edge_.Make(source); }), 0);
    database_ = edge_.world_.BytesOf("edge.db");
  }
  // Nothing has become of what lies there.
  void ExpectUntouched(bool key_there) const {
    EXPECT_EQ(edge_.world_.BytesOf("edge.db"), database_);
    EXPECT_EQ(std::filesystem::exists(edge_.world_.options.key_file), key_there);
  }

  const KeyedEdge edge_;
  const std::string key_ = edge_.world_.options.key_file;
  std::string database_;
};

TEST_F(LostKey, AMissingKeyFileIsNeverReplacedByAFreshOne) {
  Make(KeySource::kFile);
  std::filesystem::rename(key_, key_ + "-away");
  const KeySettings settings = edge_.Settings(KeySource::kFile);
  EXPECT_EQ(Start(settings, "put that key's file back"), CodeOf(ErrorCode::kKeyMissing));
  ExpectUntouched(false);
  std::filesystem::rename(key_ + "-away", key_);
  EXPECT_EQ(Start(settings), 0);
}

TEST_F(LostKey, AnotherKeyAnOpenFileAndAFileOfNoKeyAreToldApart) {
  Make(KeySource::kFile);
  const KeySettings settings = edge_.Settings(KeySource::kFile);
  ASSERT_EQ(::chmod(key_.c_str(), 0644), 0);
  EXPECT_EQ(Start(settings, "0600"), CodeOf(ErrorCode::kPermissions));
  ASSERT_EQ(::chmod(key_.c_str(), 0600), 0);
  std::filesystem::rename(key_, key_ + "-away");
  std::filesystem::copy_file(edge_.world_.PathOf("credentials/one"), key_);
  EXPECT_EQ(Start(settings, "holds key"), CodeOf(ErrorCode::kKeyWrong));
  ExpectUntouched(true);
  { std::ofstream(key_) << "no key\n"; }
  EXPECT_EQ(Start(settings, "64 hexadecimal digits"), CodeOf(ErrorCode::kMalformed));
  ExpectUntouched(true);
  std::filesystem::rename(key_ + "-away", key_);
  EXPECT_EQ(Start(settings), 0);
}

TEST_F(LostKey, AMissingCredentialNamesTheUnitsSetting) {
  Make(KeySource::kCredential);
  KeySettings settings = edge_.Settings(KeySource::kCredential);
  settings.credential = "three";
  settings.credential_next.clear();
  EXPECT_EQ(Start(settings, "LoadCredentialEncrypted=three"), CodeOf(ErrorCode::kKeyMissing));
  settings.credential = "two";
  EXPECT_EQ(Start(settings, "credential two holds key"), CodeOf(ErrorCode::kKeyWrong));
  settings.credentials_directory.clear();
  EXPECT_EQ(Start(settings, "LoadCredentialEncrypted=two"), CodeOf(ErrorCode::kKeyMissing));
  ExpectUntouched(false);
  EXPECT_EQ(Start(edge_.Settings(KeySource::kCredential)), 0);
}

TEST_F(LostKey, AnAbsentTokenOrLibraryIsWaitedForNotReplaced) {
  Make(KeySource::kPkcs11);
  KeySettings settings = edge_.Settings(KeySource::kPkcs11);
  settings.pkcs11.token = "another";
  EXPECT_EQ(Start(settings, "(there are: site)"), CodeOf(ErrorCode::kToken));
  settings = edge_.Settings(KeySource::kPkcs11);
  settings.pkcs11.module = "/usr/lib/absent.so";
  EXPECT_EQ(Start(settings, "pkcs11_module"), CodeOf(ErrorCode::kToken));
  ExpectUntouched(false);
  // A new token of the same name has not that key, and gets none.
  const SoftToken other(edge_.world_.PathOf("other"), "site");
  EXPECT_EQ(Start(edge_.Settings(KeySource::kPkcs11), "has no AES key of that id"),
            CodeOf(ErrorCode::kKeyWrong));
  ExpectUntouched(false);
}

TEST_F(LostKey, AWrongPinIsGivenOnceAndAgainOnlyWhenAPersonSaysSo) {
  Make(KeySource::kPkcs11);
  KeySettings settings = edge_.Settings(KeySource::kPkcs11);
  edge_.token_.WritePin("999999");
  EXPECT_EQ(Start(settings, "refuses the PIN"), CodeOf(ErrorCode::kPin));
  // Whoever starts it in a loop gives no further try, not even of the right PIN.
  for (int start = 0; start < 3; ++start) {
    EXPECT_EQ(Start(settings, "was wrong"), CodeOf(ErrorCode::kPin));
  }
  edge_.token_.WritePin(SoftToken::kPin);
  EXPECT_EQ(Start(settings, "was wrong"), CodeOf(ErrorCode::kPin));
  ExpectUntouched(false);
  settings.pkcs11.try_pin_again = true;
  EXPECT_EQ(Start(settings), 0);
  settings.pkcs11.try_pin_again = false;
  EXPECT_EQ(Start(settings), 0);
}

TEST_F(LostKey, APinThatOthersMayReadOrThatIsMissingIsNotUsed) {
  Make(KeySource::kPkcs11);
  const KeySettings settings = edge_.Settings(KeySource::kPkcs11);
  edge_.token_.WritePin(SoftToken::kPin, 0640);
  // Root's group counts as root (shared/base/file.cc), so for others.
  edge_.token_.WritePin(SoftToken::kPin, 0644);
  EXPECT_EQ(Start(settings, "0600"), CodeOf(ErrorCode::kPermissions));
  std::filesystem::remove(settings.pkcs11.pin_file);
  EXPECT_EQ(Start(settings, settings.pkcs11.pin_file), CodeOf(ErrorCode::kPin));
  ExpectUntouched(false);
}

TEST_F(LostKey, ADatabaseOfTheFirstReleaseIsMigratedOnlyIfItsKeyOpensIt) {
  Make(KeySource::kFile);
  edge::EdgeWorld& world = const_cast<KeyedEdge&>(edge_).world_;
  world.Tamper("DROP TABLE reconciliation");  // Of a later migration.
  world.Tamper("ALTER TABLE data_key DROP COLUMN wrapped_by");
  world.Tamper("ALTER TABLE data_key DROP COLUMN wrapped_at_ms");
  int before_keys = 0;
  for (const auto& migration : schema::EdgeMigrations()) {
    if (std::string_view(migration.name).find("keys") != std::string_view::npos) break;
    ++before_keys;
  }
  world.Tamper("PRAGMA user_version = " + std::to_string(before_keys));
  database_ = world.BytesOf("edge.db");
  std::filesystem::rename(key_, key_ + "-away");
  std::filesystem::copy_file(world.PathOf("credentials/one"), key_);
  EXPECT_EQ(Start(edge_.Settings(KeySource::kFile), "does not open"), CodeOf(ErrorCode::kKeyWrong));
  ExpectUntouched(true);
  std::filesystem::rename(key_ + "-away", key_);
  EXPECT_EQ(Start(edge_.Settings(KeySource::kFile)), 0);
  EXPECT_NE(world.BytesOf("edge.db"), database_);
}

}  // namespace
}  // namespace edcsync::testing
