#include "central-gateway/people/password_hasher.h"

#include <atomic>
#include <thread>

#include "tests/unit/central-gateway/people/people_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::StartsWith;

TEST(PasswordHasher, APasswordFitsItsHashAndNoOtherDoes) {
  PasswordHasher hasher(Cheap());
  const std::string hash = Must(hasher.Hash("vokhulatidem"));
  EXPECT_TRUE(Must(hasher.Verify(hash, "vokhulatidem")));
  EXPECT_FALSE(Must(hasher.Verify(hash, "vokhulatideM")));
  EXPECT_FALSE(Must(hasher.Verify(hash, "")));
  EXPECT_FALSE(Must(hasher.Verify("no hash at all", "vokhulatidem")));
}

TEST(PasswordHasher, EveryHashHasASaltOfItsOwn) {
  PasswordHasher hasher(Cheap());
  EXPECT_NE(Must(hasher.Hash("vokhulatidem")), Must(hasher.Hash("vokhulatidem")));
}

TEST(PasswordHasher, TheProductHashesByArgon2idWithSixtyFourMebibytesAndThreePasses) {
  PasswordHasher hasher;
  EXPECT_THAT(Must(hasher.Hash("vokhulatidem")), StartsWith("$argon2id$v=19$m=65536,t=3,p=1$"));
  EXPECT_THAT(Must(hasher.HashForMemory("vokhulatidem")),
              StartsWith("$argon2id$v=19$m=8192,t=1,p=1$"));
}

TEST(PasswordHasher, AHashThatWasCutOffIsNoWrongPasswordButAnError) {
  PasswordHasher hasher(Cheap());
  const std::string hash = Must(hasher.Hash("vokhulatidem"));
  const auto verified = hasher.Verify(hash.substr(0, hash.size() / 2), "vokhulatidem");
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, ErrorCode::kInternal);
}

// One place and no room to wait: while a hash is computed, every other caller is told so.
TEST(PasswordHasher, PastItsPlacesItIsBusyAndThenServesAgain) {
  PasswordHasherOptions options;
  options.at_once_max = 1;
  options.waiting_max = 0;
  PasswordHasher hasher(options);
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) static_cast<void>(hasher.Hash("one after the other"));
  });
  bool was_busy = false;
  while (!was_busy) {
    const Status wasted = hasher.Waste("vokhulatidem");
    was_busy = !wasted.ok() && wasted.error().code == ErrorCode::kBusy;
  }
  done = true;
  other.join();
  ExpectOk(hasher.Waste("vokhulatidem"));
}

TEST(PasswordHasher, ThoseWhoMayWaitAreAllServed) {
  PasswordHasherOptions options = Cheap();
  options.at_once_max = 1;
  options.waiting_max = 3;
  PasswordHasher hasher(options);
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) served += hasher.Hash("vokhulatidem").ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 200);
}

}  // namespace
}  // namespace edcsync::central
