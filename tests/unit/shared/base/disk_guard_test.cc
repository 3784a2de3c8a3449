#include "shared/base/disk_guard.h"

#include <gtest/gtest.h>

#include <optional>

namespace edcsync {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

class DiskGuards : public ::testing::Test {
 protected:
  DiskState At(std::uint64_t free_mib) {
    room_ = {free_mib * kMiB, 100'000 * kMiB};
    return guard_.Look();
  }

  std::optional<DiskRoom> room_;
  DiskGuard guard_{"/var/lib/site", DiskMarks{1000 * kMiB, 200 * kMiB, 15, 5},
                   [this]() -> Result<DiskRoom> {
                     if (!room_) return Fail(ErrorCode::kIo, "gone");
                     return *room_;
                   }};
};

TEST_F(DiskGuards, WarnsThenRefusesAndComesBackAQuarterAboveEachMark) {
  EXPECT_EQ(At(1000), DiskState::kRoomy);
  EXPECT_EQ(At(999), DiskState::kLow);
  EXPECT_TRUE(guard_.MayTake().ok());
  EXPECT_EQ(At(200), DiskState::kLow);
  EXPECT_EQ(At(199), DiskState::kRefusing);
  EXPECT_EQ(At(249), DiskState::kRefusing);
  EXPECT_EQ(At(250), DiskState::kLow);
  EXPECT_EQ(At(1249), DiskState::kLow);
  EXPECT_EQ(At(1250), DiskState::kRoomy);
  EXPECT_EQ(At(10), DiskState::kRefusing);
  EXPECT_EQ(At(5000), DiskState::kRoomy);
}

TEST_F(DiskGuards, ARefusalSaysHowMuchIsLeftAndWhenItGoesOn) {
  At(150);
  const Status refused = guard_.MayTake();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  EXPECT_NE(refused.error().message.find("/var/lib/site has 150.0 MiB left"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("from 250.0 MiB on"), std::string::npos);
}

TEST_F(DiskGuards, ALowDiskIsToldWithItsMarksWhileAllIsTaken) {
  At(1000);
  EXPECT_TRUE(guard_.HasRoom().ok());
  At(500);
  const Status low = guard_.HasRoom();
  ASSERT_FALSE(low.ok());
  EXPECT_NE(low.error().message.find("500.0 MiB left"), std::string::npos) << low.error().message;
  EXPECT_NE(low.error().message.find("below 200.0 MiB"), std::string::npos) << low.error().message;
  EXPECT_TRUE(guard_.MayTake().ok());
  EXPECT_EQ(guard_.marks().warn_bytes, 1000 * kMiB);
  EXPECT_EQ(guard_.marks().refuse_bytes, 200 * kMiB);
}

TEST_F(DiskGuards, ADiskThatDoesNotAnswerKeepsItsState) {
  At(100);
  room_.reset();
  EXPECT_EQ(guard_.Look(), DiskState::kRefusing);
}

TEST_F(DiskGuards, ASmallDiskIsJudgedByItsShare) {
  room_ = {2 * kMiB, 10 * kMiB};  // 20 %.
  EXPECT_EQ(guard_.Look(), DiskState::kRoomy);
  room_->free_bytes = kMiB;
  EXPECT_EQ(guard_.Look(), DiskState::kLow);
  room_->free_bytes = kMiB / 4;
  EXPECT_EQ(guard_.Look(), DiskState::kRefusing);
}

TEST(DiskRooms, TheDiskOfThisFolderAnswers) {
  const Result<DiskRoom> room = RoomAt(".");
  ASSERT_TRUE(room.ok());
  EXPECT_GT(room->size_bytes, 0u);
  EXPECT_LE(room->free_bytes, room->size_bytes);
  EXPECT_EQ(RoomAt("/absent/folder").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace edcsync
