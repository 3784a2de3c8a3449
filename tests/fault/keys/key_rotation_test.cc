// The key-encryption key is rotated, or moved to another source, and the machine dies at any step:
// the database opens afterwards, whatever the configuration says, and the rotation can be done again.
#include "tests/fault/keys/keyed_edge.h"

namespace edcsync::testing {
namespace {

enum class Death { kBegun, kNextKeyMade, kWrapped, kBeforeCommit, kRewrapped, kSettled };
constexpr Death kEveryDeath[] = {Death::kBegun,        Death::kNextKeyMade, Death::kWrapped,
                                 Death::kBeforeCommit, Death::kRewrapped,   Death::kSettled};

void Die() { ::kill(::getpid(), SIGKILL); }

// Dies while data keys are re-wrapped: when the first is checked, or, its row written and the
// transaction still open, when the audit entry asks for the key's name.
class DeadlyKey final : public WrappingKey {
 public:
  DeadlyKey(WrappingKey& key, Death death) : key_(key), death_(death) {}
  const KeyId& id() const override {
    if (++named_ == 2 && death_ == Death::kBeforeCommit) Die();
    return key_.id();
  }
  std::string Where() const override { return key_.Where(); }
  Result<Bytes> Wrap(BytesView data_key, BytesView additional, Random& random) override {
    return key_.Wrap(data_key, additional, random);
  }
  Result<Bytes> Unwrap(BytesView wrapped, BytesView additional) override {
    if (death_ == Death::kWrapped) Die();
    return key_.Unwrap(wrapped, additional);
  }

 private:
  WrappingKey& key_;
  const Death death_;
  mutable int named_ = 0;
};

Status RotateAndDie(const KeyedEdge& edge, KeySource from, KeySource to, Death death) {
  SystemRandom random;
  EDCSYNC_ASSIGN(const auto opened, edge.Open(edge.Settings(from), random));
  KeyedStore deadly = opened->keyed;
  deadly.rewrap = [&](WrappingKey& next, const std::string& detail) {
    DeadlyKey key(next, death);
    return opened->keyed.rewrap(key, detail);
  };
  EDCSYNC_TRY(RotateKeys(*opened->keys, deadly, to, random, [&](RotationStep step) {
    if (step == RotationStep::kBegun && death == Death::kBegun) Die();
    if (step == RotationStep::kNextKeyMade && death == Death::kNextKeyMade) Die();
    if (step == RotationStep::kRewrapped && death == Death::kRewrapped) Die();
    if (step == RotationStep::kSettled && death == Death::kSettled) Die();
  }));
  return Ok();
}

Status Rotate(const KeyedEdge& edge, KeySource source, KeySource to) {
  SystemRandom random;
  EDCSYNC_ASSIGN(const auto opened, edge.Open(edge.Settings(source), random));
  EDCSYNC_ASSIGN(const Rotation done, RotateKeys(*opened->keys, opened->keyed, to, random));
  if (!done.unsettled.empty()) return Fail(ErrorCode::kIo, done.unsettled);
  EDCSYNC_ASSIGN(const FieldCipher::Keys keys, opened->keyed.describe());
  const bool all = keys.wrapped_by.size() == 1 && keys.wrapped_by.front() == done.id;
  return all ? Ok() : Status(Fail(ErrorCode::kKeyWrong, "not all data keys were re-wrapped"));
}

using Move = std::pair<KeySource, KeySource>;

class KeyRotation : public ::testing::TestWithParam<Move> {};

TEST_P(KeyRotation, WhateverStepItDiesAtTheDatabaseOpensAndItCanBeDoneAgain) {
  const auto [from, to] = GetParam();
  for (const Death death : kEveryDeath) {
    SCOPED_TRACE("death " + std::to_string(static_cast<int>(death)));
    const KeyedEdge edge;
    ASSERT_TRUE(edge.token_.usable());
    const KeySource source = from;
    const KeySource target = to;
    ASSERT_EQ(InChild([&] { return edge.Make(source); }), 0);
    ASSERT_EQ(InChild([&] { return RotateAndDie(edge, source, target, death); }), 128 + SIGKILL);
    EXPECT_EQ(InChild([&] { return edge.Verify(edge.Settings(source)); }), 0);
    EXPECT_EQ(InChild([&] { return edge.Verify(edge.Settings(target)); }), 0);
    // A move to credentials that had been committed has no third credential to go on to.
    const bool done = death == Death::kRewrapped || death == Death::kSettled;
    if (!done || target != KeySource::kCredential) {
      EXPECT_EQ(InChild([&] { return Rotate(edge, source, target); }), 0);
    }
    EXPECT_EQ(InChild([&] { return edge.Verify(edge.Settings(target)); }), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(EverySource, KeyRotation,
                         ::testing::Values(Move{KeySource::kFile, KeySource::kFile},
                                           Move{KeySource::kFile, KeySource::kCredential},
                                           Move{KeySource::kFile, KeySource::kPkcs11},
                                           Move{KeySource::kCredential, KeySource::kCredential},
                                           Move{KeySource::kPkcs11, KeySource::kPkcs11},
                                           Move{KeySource::kPkcs11, KeySource::kFile}));

TEST(KeyRotationOfFiles, TheRetiredKeyStaysBesideAndOpensABackupOfBefore) {
  const KeyedEdge edge;
  const std::string database = edge.world_.options.path;
  const std::string key = edge.world_.options.key_file;
  ASSERT_TRUE(edge.Make(KeySource::kFile).ok());
  const auto before = KeyEncryptionKey::Load(key);
  std::filesystem::copy_file(database, database + ".backup");
  ASSERT_EQ(InChild([&] { return Rotate(edge, KeySource::kFile, KeySource::kFile); }), 0);
  const auto after = KeyEncryptionKey::Load(key);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_NE(after->Id(), before->Id());
  EXPECT_EQ(KeyEncryptionKey::Load(key + "." + before->Id().ToHex())->Id(), before->Id());
  EXPECT_FALSE(std::filesystem::exists(key + "." + after->Id().ToHex()));

  std::filesystem::rename(database + ".backup", database);
  EXPECT_EQ(InChild([&] { return edge.Verify(edge.Settings(KeySource::kFile)); }), 0);
  // Once it is destroyed, that backup is closed for good, and says which key it wants.
  std::filesystem::remove(key + "." + before->Id().ToHex());
  EXPECT_EQ(InChild([&] {
              const Status opened = edge.Verify(edge.Settings(KeySource::kFile));
              if (opened.ok()) return opened;
              const bool named =
                  opened.error().message.find(before->Id().ToHex()) != std::string::npos;
              return named ? opened : Ok();
            }),
            CodeOf(ErrorCode::kKeyWrong));
}

TEST(KeyRotationOfFiles, ANewDatabaseMovesIntoATokenBeforeItHoldsAnything) {
  const KeyedEdge edge;
  const KeySettings settings = edge.Settings(KeySource::kFile);
  ASSERT_EQ(InChild([&]() -> Status {
              SystemRandom random;
              EDCSYNC_TRY(edge.Open(settings, random));
              return Rotate(edge, KeySource::kFile, KeySource::kPkcs11);
            }),
            0);
  std::filesystem::remove(settings.file);
  EXPECT_EQ(InChild([&] { return edge.Make(KeySource::kPkcs11); }), 0);
  EXPECT_EQ(InChild([&] { return edge.Verify(edge.Settings(KeySource::kPkcs11)); }), 0);
}

TEST(KeyRotationOfFiles, AnInterruptedRotationIsBroughtToItsEndAtTheNextStart) {
  const KeyedEdge edge;
  const std::string key = edge.world_.options.key_file;
  ASSERT_TRUE(edge.Make(KeySource::kFile).ok());
  const auto before = KeyEncryptionKey::Load(key);
  ASSERT_EQ(InChild([&] {
              return RotateAndDie(edge, KeySource::kFile, KeySource::kFile, Death::kRewrapped);
            }),
            128 + SIGKILL);
  EXPECT_EQ(KeyEncryptionKey::Load(key)->Id(), before->Id());
  SystemRandom random;
  const auto opened = edge.Open(edge.Settings(KeySource::kFile), random);
  ASSERT_TRUE(opened.ok());
  SettleInterrupted(*(*opened)->keys, (*opened)->keyed);
  const auto keys = (*opened)->keyed.describe();
  EXPECT_EQ(KeyEncryptionKey::Load(key)->Id(), keys->wrapped_by.front());
  EXPECT_EQ(KeyEncryptionKey::Load(key + "." + before->Id().ToHex())->Id(), before->Id());
}

}  // namespace
}  // namespace edcsync::testing
