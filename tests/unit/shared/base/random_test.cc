#include "shared/base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace edcsync {
namespace {

// Gives the numbers it was told to.
class ToldRandom final : public Random {
 public:
  explicit ToldRandom(std::vector<std::uint64_t> values) : values_(std::move(values)) {}
  void Fill(std::span<std::uint8_t> out) override {
    ASSERT_EQ(out.size(), sizeof(std::uint64_t));
    const std::uint64_t value = values_.at(used_++);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&value), sizeof value, out.begin());
  }
  std::size_t used() const { return used_; }

 private:
  std::vector<std::uint64_t> values_;
  std::size_t used_ = 0;
};

TEST(RandomBelow, StaysBelowTheBoundAndReachesEveryValueAboutEvenly) {
  SeededRandom random(13);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(random.Below(7));
  for (int count : counts) EXPECT_NEAR(count, 10'000, 600);
}

TEST(RandomBelow, ValuesOfTheIncompleteLastRangeAreDrawnAgain) {
  ToldRandom random({UINT64_MAX, UINT64_MAX - 1, 5});
  EXPECT_EQ(random.Below(std::uint64_t{3} << 62), 5u);
  EXPECT_EQ(random.used(), 3u);
}

TEST(RandomBelow, OneLeavesNoChoice) {
  SeededRandom random(1);
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(SeededRandom, TheSameSeedGivesTheSameWorld) {
  SeededRandom one(17), same(17), other(18);
  const auto first = one.NewId<Incarnation>();
  EXPECT_EQ(first, same.NewId<Incarnation>());
  EXPECT_NE(first, other.NewId<Incarnation>());
}

TEST(SystemRandom, FillsEveryByteOfALargeBuffer) {
  SystemRandom random;
  Bytes bytes(100'000);
  random.Fill(bytes);
  std::array<int, 256> counts{};
  for (std::uint8_t byte : bytes) ++counts.at(byte);
  for (int count : counts) EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace edcsync
