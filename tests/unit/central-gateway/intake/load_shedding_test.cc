#include "central-gateway/intake/load_shedding.h"

#include <gtest/gtest.h>

namespace edcsync::central {
namespace {

constexpr wire::Credit kFull{1024 * 1024, 8};

TEST(LoadSheddings, ACommitThatKeepsUpLeavesFullCredit) {
  LoadShedding load;
  load.Committed(LoadShedding::kLagAimedUs);
  EXPECT_EQ(load.CreditNow(kFull, 0).frames, 8u);
  EXPECT_EQ(load.CreditNow(kFull, 0).bytes, 1024u * 1024);
}

TEST(LoadSheddings, CreditShrinksWithTheLagAndOneFrameAlwaysGoesOn) {
  LoadShedding load;
  load.Committed(2 * LoadShedding::kLagAimedUs);
  EXPECT_EQ(load.CreditNow(kFull, 0).frames, 4u);
  EXPECT_EQ(load.CreditNow(kFull, 0).bytes, 512u * 1024);
  load.Committed(100 * LoadShedding::kLagAimedUs);
  EXPECT_EQ(load.CreditNow(kFull, 0).frames, 1u);
  EXPECT_EQ(load.CreditNow(kFull, 0).bytes, LoadShedding::kBytesMin);
}

TEST(LoadSheddings, QueuedFramesShrinkItToo) {
  const LoadShedding load;
  EXPECT_EQ(load.CreditNow(kFull, LoadShedding::kQueuedFramesAimed - 2).frames, 2u);
  EXPECT_EQ(load.CreditNow(kFull, 10 * LoadShedding::kQueuedFramesAimed).frames, 1u);
}

TEST(LoadSheddings, ItRecoversByItselfButNotByOneQuickCommit) {
  LoadShedding load;
  load.Committed(8 * LoadShedding::kLagAimedUs);
  load.Committed(1000);
  EXPECT_LT(load.CreditNow(kFull, 0).frames, 8u);
  int commits = 1;
  while (load.CreditNow(kFull, 0).frames < 8u) {
    load.Committed(1000);
    ASSERT_LT(++commits, 20);
  }
}

}  // namespace
}  // namespace edcsync::central
