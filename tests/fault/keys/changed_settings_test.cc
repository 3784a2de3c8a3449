// The configuration's [keys] change while an agent runs, a PIN was wrong, a key was retired: what
// the running program still has from before does not decide where the next key goes.
#include "tests/fault/keys/keyed_edge.h"

namespace edcsync::testing {
namespace {

class ChangedSettings : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(edge_.token_.usable()); }

  KeySettings OnToken(const std::string& token, const std::string& label = "edcsync") const {
    KeySettings settings = edge_.Settings(KeySource::kPkcs11);
    settings.pkcs11.token = token;
    settings.pkcs11.label = label;
    return settings;
  }
  // An agent that was started with `started` goes through `to` one after the other, the
  // configuration being `now` by then. Comes back with what the last rotation came to.
  int RotateInAgent(const KeySettings& started, const std::vector<KeySettings>& now) const {
    return InChild([&]() -> Status {
      SystemRandom random;
      KeySettings written = started;
      EDCSYNC_ASSIGN(const auto agent, edge_.Open(started, random, [&] {
        return Result<KeySettings>(written);
      }));
      Status last = Ok();
      for (const KeySettings& settings : now) {
        written = settings;
        const auto done = RotateKeys(*agent->keys, agent->keyed, settings.source, random);
        last = done.ok() ? Ok() : Status(tl::unexpected<Error>(done.error()));
      }
      return last;
    });
  }
  int Verify(const KeySettings& settings) const {
    return InChild([&] { return edge_.Verify(settings); });
  }

  const KeyedEdge edge_;
};

// A site changed its token. The configuration named the new one, but the running agent still had
// the former one open and made the next key in that: once it was sent back, the database was lost.
TEST_F(ChangedSettings, ARotationGoesIntoTheTokenThatTheConfigurationNamesNow) {
  ASSERT_TRUE(edge_.token_.Add("successor"));
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kPkcs11); }), 0);
  ASSERT_EQ(RotateInAgent(OnToken("site"), {OnToken("successor")}), 0);
  ASSERT_TRUE(edge_.token_.Destroy("site"));
  EXPECT_EQ(Verify(OnToken("successor")), 0);
}

// Likewise its label: the key was made under the former one, where nobody looks for this
// installation's keys.
TEST_F(ChangedSettings, ARotationMakesItsKeyUnderTheLabelOfNow) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kPkcs11); }), 0);
  ASSERT_EQ(RotateInAgent(OnToken("site"), {OnToken("site", "kisumu")}), 0);
  EXPECT_EQ(InChild([&]() -> Status {
              KeySources sources(OnToken("site", "kisumu"));
              EDCSYNC_TRY(sources.Current());  // The only one of that label.
              return Ok();
            }),
            0);
  EXPECT_EQ(Verify(OnToken("site", "kisumu")), 0);
}

TEST_F(ChangedSettings, ARotationIntoATokenThatIsNotThereLeavesTheFormerOneInUse) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kPkcs11); }), 0);
  EXPECT_EQ(RotateInAgent(OnToken("site"), {OnToken("absent")}), CodeOf(ErrorCode::kToken));
  EXPECT_EQ(Verify(OnToken("site")), 0);
  // The same agent goes on with what it has, and another place may be chosen.
  const std::vector<KeySettings> then = {OnToken("absent"), edge_.Settings(KeySource::kFile)};
  EXPECT_EQ(RotateInAgent(OnToken("site"), then), 0);
  EXPECT_EQ(Verify(edge_.Settings(KeySource::kFile)), 0);
}

// A PIN was mistyped when keys were to move into a token. Every further rotation said "run `key
// status --try-pin` once", but that found the key in its file and never came to the token.
TEST_F(ChangedSettings, AMistypedPinOfATokenNotYetUsedIsTriedAgainWhenAPersonSaysSo) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kFile); }), 0);
  const KeySettings file = edge_.Settings(KeySource::kFile);
  edge_.token_.WritePin("999999");
  EXPECT_EQ(RotateInAgent(file, {OnToken("site")}), CodeOf(ErrorCode::kPin));
  edge_.token_.WritePin(SoftToken::kPin);
  EXPECT_EQ(RotateInAgent(file, {OnToken("site")}), CodeOf(ErrorCode::kPin));
  // In the running agent, which remembers the refusal, and with another one.
  EXPECT_EQ(InChild([&]() -> Status {
              SystemRandom random;
              EDCSYNC_ASSIGN(const auto agent, edge_.Open(file, random));
              const auto early = RotateKeys(*agent->keys, agent->keyed, KeySource::kPkcs11, random);
              if (early.ok()) return Fail(ErrorCode::kInternal, "a PIN was given by itself");
              EDCSYNC_TRY(agent->keys->TryPin());
              EDCSYNC_TRY(RotateKeys(*agent->keys, agent->keyed, KeySource::kPkcs11, random));
              return Ok();
            }),
            0);
  EXPECT_EQ(Verify(OnToken("site")), 0);
}

TEST_F(ChangedSettings, AskingForATryGivesOneWrongPinOnceOnly) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kFile); }), 0);
  edge_.token_.WritePin("999999");
  EXPECT_EQ(InChild([&]() -> Status {
              SystemRandom random;
              EDCSYNC_ASSIGN(const auto agent,
                             edge_.Open(edge_.Settings(KeySource::kFile), random));
              const Status tried = agent->keys->TryPin();
              if (tried.ok() || tried.error().message.find("refuses") == std::string::npos) {
                return Fail(ErrorCode::kInternal, "no try was made");
              }
              edge_.token_.WritePin(SoftToken::kPin);
              return agent->keys->Find(KeyId{}).ok() ? Fail(ErrorCode::kInternal, "a key of no id")
                                                     : tried;
            }),
            CodeOf(ErrorCode::kPin));
  EXPECT_EQ(RotateInAgent(edge_.Settings(KeySource::kFile), {OnToken("site")}),
            CodeOf(ErrorCode::kPin));
}

TEST_F(ChangedSettings, AskingForATryWithoutATokenOrWithOneInUseChangesNothing) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kPkcs11); }), 0);
  EXPECT_EQ(InChild([&]() -> Status {
              SystemRandom random;
              EDCSYNC_ASSIGN(const auto agent, edge_.Open(OnToken("site"), random));
              edge_.token_.WritePin("999999");
              EDCSYNC_TRY(agent->keys->TryPin());
              KeySettings none = edge_.Settings(KeySource::kFile);
              none.pkcs11 = {};
              return KeySources(none).TryPin();
            }),
            0);
  edge_.token_.WritePin(SoftToken::kPin);
  EXPECT_EQ(Verify(OnToken("site")), 0);
}

// An upgrade of the first release, whose data keys carry no id, with a credential chosen before the
// first rotation: the start was refused though the key's file lay there.
TEST_F(ChangedSettings, DataKeysWithoutAnIdAreOpenedByTheKeyFileWhateverIsChosen) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kFile); }), 0);
  edge::EdgeWorld& world = const_cast<KeyedEdge&>(edge_).world_;
  world.Tamper("UPDATE data_key SET wrapped_by = NULL");
  const KeySettings chosen = edge_.Settings(KeySource::kCredential);
  EXPECT_EQ(Verify(chosen), 0);
  EXPECT_EQ(RotateInAgent(chosen, {chosen}), 0);
  EXPECT_EQ(Verify(chosen), 0);
}

TEST_F(ChangedSettings, DataKeysWithoutAnIdAreOpenedByACredentialThatIsACopyOfTheKeyFile) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kFile); }), 0);
  edge::EdgeWorld& world = const_cast<KeyedEdge&>(edge_).world_;
  world.Tamper("UPDATE data_key SET wrapped_by = NULL");
  std::filesystem::rename(edge_.world_.options.key_file, edge_.world_.PathOf("credentials/three"));
  KeySettings chosen = edge_.Settings(KeySource::kCredential);
  chosen.credential = "three";
  EXPECT_EQ(Verify(chosen), 0);
}

// "A retired key goes from memory, too", but the ring of files kept it until the program ended.
TEST_F(ChangedSettings, ARetiredKeyGoesFromMemory) {
  ASSERT_EQ(InChild([&] { return edge_.Make(KeySource::kFile); }), 0);
  SystemRandom random;
  for (const KeySource to : {KeySource::kFile, KeySource::kCredential}) {
    const KeySettings settings = edge_.Settings(KeySource::kFile);
    const KeyId id = KeyEncryptionKey::Load(settings.file)->Id();
    KeySources sources(settings);
    const std::weak_ptr<WrappingKey> retired = *sources.Find(id);
    EXPECT_FALSE(retired.expired());
    const auto next = sources.MakeNext(to, {id}, random);
    ASSERT_TRUE(next.ok() && sources.Settle(to, (*next)->id()).ok());
    EXPECT_TRUE(retired.expired()) << ToString(to);
  }
}

}  // namespace
}  // namespace edcsync::testing
