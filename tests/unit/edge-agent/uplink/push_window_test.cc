#include "edge-agent/uplink/push_window.h"

#include <gtest/gtest.h>

namespace edcsync::edge {
namespace {

PushWindow Started(std::uint32_t bytes, std::uint32_t frames) {
  PushWindow window;
  window.Restart(Sequence(10));
  window.SetCredit({bytes, frames});
  return window;
}

TEST(PushWindow, OneFrameMayAlwaysFlyAndCreditBoundsTheRest) {
  PushWindow window = Started(100, 3);
  window.Sent(Sequence(12), 1000);
  EXPECT_FALSE(window.HasRoom());
  EXPECT_TRUE(window.Acknowledge(Sequence(12)));
  EXPECT_TRUE(window.empty());
  for (std::uint64_t i = 13; i < 16; ++i) {
    EXPECT_TRUE(window.HasRoom());
    window.Sent(Sequence(i), 10);
  }
  EXPECT_FALSE(window.HasRoom());
  EXPECT_EQ(window.next(), Sequence(16));
}

TEST(PushWindow, AReceiptSettlesWholeFramesInOrderAndARepeatChangesNothing) {
  PushWindow window = Started(1000, 8);
  window.Sent(Sequence(12), 10);
  window.Sent(Sequence(14), 10);
  EXPECT_TRUE(window.Acknowledge(Sequence(13)));  // Half of the second frame.
  EXPECT_EQ(window.frame_count(), 1u);
  EXPECT_TRUE(window.Acknowledge(Sequence(11)));
  EXPECT_EQ(window.acknowledged(), Sequence(13));
}

TEST(PushWindow, AReceiptBeyondWhatWasSentIsNotOurs) {
  PushWindow window = Started(1000, 8);
  window.Sent(Sequence(12), 10);
  EXPECT_FALSE(window.Acknowledge(Sequence(13)));
  EXPECT_EQ(window.acknowledged(), Sequence(10));
}

// Story: after going back, the receipts of the first sending were dropped as never sent, and the
// answer timer with them: an idle edge could wait for ever.
TEST(PushWindow, AfterGoingBackALateReceiptOfTheFirstSendingStillCounts) {
  PushWindow window = Started(1000, 8);
  window.Sent(Sequence(12), 10);
  window.Sent(Sequence(14), 10);
  window.GoBack(Sequence(10));
  window.Sent(Sequence(12), 10);
  EXPECT_TRUE(window.Acknowledge(Sequence(14)));
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.next(), Sequence(15));
  window.Restart(Sequence(10));  // Another session: what was sent before it does not count.
  EXPECT_FALSE(window.Acknowledge(Sequence(14)));
}

}  // namespace
}  // namespace edcsync::edge
