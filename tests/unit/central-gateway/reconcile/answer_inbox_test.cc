#include "central-gateway/reconcile/answer_inbox.h"

#include <gtest/gtest.h>

#include "tests/support/virtual_scheduler.h"

namespace edcsync::central {
namespace {

// A site gone bad sent answers that nobody had asked for while the worker walked through another
// site's records: each waited in memory, opened.
TEST(AnswerInboxes, WhileTheWorkerIsBusyOneAnswerOfAnEdgeWaitsAndNoMore) {
  testing::VirtualClock clock;
  testing::VirtualScheduler loop(clock), worker(clock);
  std::vector<std::pair<EdgeId, std::uint32_t>> taken;
  AnswerInbox inbox(loop, worker, [&](const AnswerInbox::Answer& answer) {
    taken.emplace_back(answer.edge, std::get<wire::Comparison>(answer.frame).serial);
  });
  const EdgeId bad("edge-bad"), good("edge-good");
  const auto add = [&](const EdgeId& edge, std::uint32_t serial) {
    wire::Comparison answer;
    answer.serial = serial;
    inbox.Add({edge, answer, {}, 100});
  };
  for (std::uint32_t i = 1; i <= 1000; ++i) add(bad, i);
  add(good, 7);
  worker.RunFor(1);
  EXPECT_EQ(taken, (std::vector<std::pair<EdgeId, std::uint32_t>>{{bad, 1}, {good, 7}}));
  add(bad, 1001);  // The loop does not know yet that the first was taken.
  loop.RunFor(1);
  add(bad, 1002);
  worker.RunFor(1);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken.back(), std::pair(bad, std::uint32_t{1002}));
}

}  // namespace
}  // namespace edcsync::central
