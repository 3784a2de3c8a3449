#include "shared/crypto/field_cipher.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "shared/base/file.h"
#include "shared/crypto/file_key_ring.h"

namespace edcsync {
namespace {

// The table as a store keeps it; Rollback() undoes what came after Commit().
class MemoryTable final : public DataKeyTable {
 public:
  Result<std::vector<WrappedDataKey>> Load() override {
    std::lock_guard lock(mutex_);
    ++load_count_;
    return rows_;
  }
  Status Insert(const WrappedDataKey& key) override {
    std::lock_guard lock(mutex_);
    for (const WrappedDataKey& row : rows_) {
      if (row.id == key.id) return Fail(ErrorCode::kAlreadyExists, "this id is taken");
    }
    rows_.push_back(key);
    return Ok();
  }
  Status SetWrapped(const WrappedDataKey& key) override {
    std::lock_guard lock(mutex_);
    for (WrappedDataKey& row : rows_) {
      if (row.id == key.id) row = key;
    }
    return Ok();
  }
  Status SetUsesReserved(std::uint32_t id, std::uint64_t uses) override {
    std::lock_guard lock(mutex_);
    for (WrappedDataKey& row : rows_) {
      if (row.id == id) row.uses_reserved = uses;
    }
    return Ok();
  }
  void Commit() { committed_ = rows_; }
  void Rollback() { rows_ = committed_; }
  const std::vector<WrappedDataKey>& rows() const { return rows_; }
  int load_count() const { return load_count_; }

 private:
  std::mutex mutex_;
  std::vector<WrappedDataKey> rows_;
  std::vector<WrappedDataKey> committed_;
  int load_count_ = 0;
};

class FieldCiphers : public ::testing::Test {
 protected:
  std::unique_ptr<FieldCipher> Open(const FieldCipherOptions& options = {}) {
    return std::move(*FieldCipher::Open(kek_, table_, random_, options));
  }
  static Bytes SealWith(FieldCipher& cipher, std::string_view text, std::string_view row) {
    EXPECT_TRUE(cipher.Reserve(1, WallTime{1}).ok());
    Bytes sealed;
    cipher.Seal(AsBytes(text), AsBytes(row), sealed);
    return sealed;
  }

  SystemRandom random_;
  MemoryTable table_;
  const KeyEncryptionKey kek_{{1, 2, 3}};
};

TEST_F(FieldCiphers, FieldsComeBackWithTheirRowOnly) {
  const auto cipher = Open();
  for (const std::size_t size : {0, 1, 1000, 600'000}) {
    const std::string text(size, 'v');
    const Bytes sealed = SealWith(*cipher, text, "row 1");
    EXPECT_EQ(sealed.size(), 1 + 4 + 12 + size + 16);
    const auto opened = cipher->Open(sealed, AsBytes("row 1"));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(AsText(*opened), text);
    const auto swapped = cipher->Open(sealed, AsBytes("row 2"));
    ASSERT_FALSE(swapped.ok());
    EXPECT_EQ(swapped.error().code, ErrorCode::kDecryption);
  }
}

TEST_F(FieldCiphers, EveryFlippedBitAndEveryTruncationIsRefused) {
  const auto cipher = Open();
  const Bytes sealed = SealWith(*cipher, "142", "row 1");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes damaged = sealed;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const auto opened = cipher->Open(damaged, AsBytes("row 1"));
    ASSERT_FALSE(opened.ok()) << bit;
    EXPECT_EQ(opened.error().code, ErrorCode::kDecryption);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(cipher->Open(BytesView(sealed).first(size), AsBytes("row 1")).ok()) << size;
  }
}

TEST_F(FieldCiphers, AnotherKeyEncryptionKeyIsWrong) {
  SealWith(*Open(), "142", "row 1");
  const auto opened = FieldCipher::Open(KeyEncryptionKey({9}), table_, random_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kKeyWrong);
}

TEST_F(FieldCiphers, WrappedKeysCannotBeSwapped) {
  const auto cipher = Open({.uses_per_key_max = 1, .uses_per_reservation = 1});
  SealWith(*cipher, "a", "row");
  SealWith(*cipher, "b", "row");
  MemoryTable swapped;
  ASSERT_TRUE(swapped.Insert({1, table_.rows()[1].wrapped, 1, {}, kek_.Id(), {}}).ok());
  EXPECT_EQ(FieldCipher::Open(kek_, swapped, random_).error().code, ErrorCode::kKeyWrong);
}

TEST_F(FieldCiphers, KeyIsLeftAtItsLastUseAndOldFieldsStayReadable) {
  const auto cipher = Open({.uses_per_key_max = 10, .uses_per_reservation = 4});
  std::vector<Bytes> fields;
  std::map<std::uint32_t, int> uses;
  for (int i = 0; i < 95; ++i) {
    fields.push_back(SealWith(*cipher, std::to_string(i), "row"));
    ++uses[fields.back()[1]];
  }
  EXPECT_GE(uses.size(), 10u);
  for (const auto& [id, count] : uses) EXPECT_LE(count, 10) << id;
  for (const WrappedDataKey& row : table_.rows()) EXPECT_LE(row.uses_reserved, 10u);
  const auto later = Open();
  for (int i = 0; i < 95; ++i) {
    EXPECT_EQ(AsText(*later->Open(fields[i], AsBytes("row"))), std::to_string(i));
  }
}

TEST_F(FieldCiphers, UsesAreReservedBeforeTheyAreMadeAndNotGivenTwice) {
  const FieldCipherOptions options{.uses_per_key_max = 1000, .uses_per_reservation = 16};
  const auto first = Open(options);
  SealWith(*first, "a", "row");
  EXPECT_EQ(table_.rows()[0].uses_reserved, 16u);
  const auto second = Open(options);
  SealWith(*second, "b", "row");
  EXPECT_EQ(table_.rows()[0].uses_reserved, 32u);
  for (int i = 0; i < 16; ++i) SealWith(*first, "c", "row");
  EXPECT_EQ(table_.rows()[0].uses_reserved, 48u);
  ASSERT_TRUE(first->Reserve(100, {}).ok());
  EXPECT_EQ(table_.rows()[0].uses_reserved, 48u + 100 - 15);
  EXPECT_EQ(table_.rows().size(), 1u);
}

TEST_F(FieldCiphers, EnoughReservedAsksTheTableNothing) {
  const auto cipher = Open();
  SealWith(*cipher, "a", "row");
  const int before = table_.load_count();
  for (int i = 0; i < 100; ++i) SealWith(*cipher, "a", "row");
  EXPECT_EQ(table_.load_count(), before);
}

TEST_F(FieldCiphers, KeyMadeByAnotherCipherOnTheTableIsPickedUp) {
  const auto reader = Open();
  const auto writer = Open();
  const Bytes sealed = SealWith(*writer, "142", "row");
  const auto opened = reader->Open(sealed, AsBytes("row"));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(AsText(*opened), "142");
}

// Another process takes id 1 after our transaction with id 1 was rolled back.
TEST_F(FieldCiphers, KeyOfARolledBackTransactionIsForgotten) {
  const auto ours = Open();
  table_.Commit();
  SealWith(*ours, "lost", "row");
  table_.Rollback();
  ours->Forget();
  const Bytes sealed = SealWith(*Open(), "142", "row");
  const auto opened = ours->Open(sealed, AsBytes("row"));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(AsText(*opened), "142");
  EXPECT_TRUE(Open()->Open(SealWith(*ours, "143", "row"), AsBytes("row")).ok());
}

TEST_F(FieldCiphers, NoncesDoNotRepeat) {
  const auto cipher = Open();
  std::set<Bytes> nonces;
  for (int i = 0; i < 1000; ++i) {
    const Bytes sealed = SealWith(*cipher, "a", "row");
    nonces.emplace(sealed.begin() + 5, sealed.begin() + 17);
  }
  EXPECT_EQ(nonces.size(), 1000u);
}

TEST_F(FieldCiphers, ManyThreadsReadWhileTheWriterRotatesKeys) {
  const auto cipher = Open({.uses_per_key_max = 20, .uses_per_reservation = 5});
  const Bytes sealed = SealWith(*cipher, "142", "row");
  std::atomic<int> failures = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (int n = 0; n < 2000; ++n) {
        const auto opened = cipher->Open(sealed, AsBytes("row"));
        if (!opened.ok() || AsText(*opened) != "142") ++failures;
      }
    });
  }
  for (int n = 0; n < 500; ++n) SealWith(*cipher, "other", "row");
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(FieldCiphers, KeyFileIsForItsOwnerOnlyAndNeverOverwritten) {
  std::string pattern = ::testing::TempDir() + "kek-XXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  const std::string path = folder + "/kek";
  EXPECT_EQ(KeyEncryptionKey::Load(path).error().code, ErrorCode::kKeyMissing);
  const auto made = KeyEncryptionKey::Create(path, random_);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(KeyEncryptionKey::Load(path)->bytes(), made->bytes());
  EXPECT_EQ(KeyEncryptionKey::Create(path, random_).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(KeyEncryptionKey::Load(path)->bytes(), made->bytes());
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(KeyEncryptionKey::Load(path).error().code, ErrorCode::kPermissions);
  ASSERT_TRUE(WriteFile(path, "0123", 0600, false).ok());
  EXPECT_EQ(KeyEncryptionKey::Load(path).error().code, ErrorCode::kMalformed);
  std::filesystem::remove_all(folder);
}

// Two processes share a database; each has its own idea of the keys.
TEST_F(FieldCiphers, ARotationByAnotherProcessIsFollowedWhenADataKeyIsNextMade) {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  const std::string path = folder + "/key";
  ASSERT_TRUE(KeyEncryptionKey::Create(path, random_).ok());
  const FieldCipherOptions few{.uses_per_key_max = 2, .uses_per_reservation = 1};
  const auto service_ring = std::make_shared<FileKeyRing>(path);
  auto service = std::move(*FieldCipher::Open(service_ring, table_, random_, few));
  const Bytes before = SealWith(*service, "before", "row");

  FileKeyRing files(path);
  const auto command_ring = std::make_shared<FileKeyRing>(path);
  auto command = std::move(*FieldCipher::Open(command_ring, table_, random_, few));
  const auto next = files.MakeNext(random_);
  ASSERT_TRUE(next.ok());
  const auto count = command->Rewrap(**next, WallTime{5});
  ASSERT_TRUE(count.ok());
  EXPECT_EQ(*count, 1u);
  for (int i = 0; i < 4; ++i) SealWith(*service, "during", "row");  // Before it has its name.
  ASSERT_TRUE(files.Settle((*next)->id()).ok());
  for (int i = 0; i < 4; ++i) SealWith(*service, "after", "row");

  EXPECT_GT(table_.rows().size(), 3u);
  for (const WrappedDataKey& row : table_.rows()) EXPECT_EQ(row.wrapped_by, (*next)->id());
  auto restarted = FieldCipher::Open(std::make_shared<FileKeyRing>(path), table_, random_);
  ASSERT_TRUE(restarted.ok()) << restarted.error().ToString();
  EXPECT_EQ(AsText(*(*restarted)->Open(before, AsBytes("row"))), "before");
  std::filesystem::remove_all(folder);
}

TEST_F(FieldCiphers, SettlingCanBeTakenUpAgainWhereItEnded) {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  FileKeyRing files(folder + "/key");
  const auto first = files.First(random_);
  const auto next = files.MakeNext(random_);
  ASSERT_TRUE(first.ok() && next.ok());
  // It ended between its two steps: the retired key has its second name already.
  std::filesystem::create_hard_link(files.path(), files.PathOf((*first)->id()));
  EXPECT_TRUE(files.Find((*first)->id()).ok());
  EXPECT_TRUE(files.Find((*next)->id()).ok());
  ASSERT_TRUE(files.Settle((*next)->id()).ok());
  ASSERT_TRUE(files.Settle((*next)->id()).ok());
  EXPECT_EQ((*files.Current())->id(), (*next)->id());
  EXPECT_EQ(files.Beside(), std::vector<KeyId>{(*first)->id()});
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace edcsync
