// Links fail; everything captured arrives once all the same.
#include <gtest/gtest.h>

#include "shared/base/random.h"
#include "tests/support/raw_edge.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

TEST(Outage, WhatThreeSitesCaptureWhileCutOffArrivesOnceWhenTheirLinksReturn) {
  Trial trial;
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  Site& mbale = trial.AddSite("mbale", "SITE.707");
  const Lines kisumu_lines = RecordsOf("SITE.702");
  const Lines tororo_lines = RecordsOf("SITE.703");
  const Lines mbale_lines = RecordsOf("SITE.707");
  kisumu.Start();  // There is no gateway and no broker yet.
  kisumu.Capture(Slice(kisumu_lines, 0, 20));
  trial.StartGateway();
  tororo.Start();
  mbale.Start();
  tororo.Capture(Slice(tororo_lines, 0, 100));
  tororo.AwaitDelivered();
  tororo.Cut();
  mbale.Cut();
  tororo.Capture(Slice(tororo_lines, 100, 1000));
  mbale.Capture(mbale_lines);
  kisumu.SyncNow();
  kisumu.Capture(Slice(kisumu_lines, 20, 100));
  EXPECT_EQ(tororo.Status()["waiting"], tororo_lines.size() - 100);
  // The forms of one subject are corrected while the site is alone.
  const std::string form = tororo_lines[0];
  tororo.Capture({Edited(form, ItemName(form, 0), "1931-01-01", "nurse-1")});
  tororo.Capture({Edited(form, ItemName(form, 0), "1931-01-10", "nurse-2")});
  tororo.Restore();
  mbale.Restore();
  trial.ExpectEverythingOnce();
  EXPECT_EQ(tororo.Record(form)["current"]["version"], 3);
  EXPECT_TRUE(trial.CentreJson({"conflict", "list"}).empty());
}

TEST(Outage, ADrainWhoseReceiptsAreLostAgainAndAgainDoublesNothing) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  trial.StartGateway();
  tororo.Cut();
  tororo.Start();
  tororo.Capture(RecordsOf("SITE.703", 6));
  tororo.link().Restore();
  SeededRandom random(20260101);
  // A handshake and a Welcome take about 5 KB; each receipt about 1 KB after them.
  for (int loss = 0; loss < 8; ++loss) {
    const std::uint64_t before = tororo.link().breaks();
    tororo.link().BreakAfter(TcpProxy::Way::kDown,
                             5000 + static_cast<std::int64_t>(random.Below(4000)));
    tororo.SyncNow();
    Await("the link breaks on the way down or all is delivered", [&] {
      return tororo.link().breaks() > before || tororo.Status()["waiting"] == 0;
    });
  }
  EXPECT_GT(tororo.link().breaks(), 1u);
  tororo.Restore();
  trial.ExpectEverythingOnce();
}

TEST(Outage, ALinkThatBreaksInTheMiddleOfFramesLosesNothing) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  trial.StartGateway();
  tororo.Cut();
  tororo.Start();
  tororo.Capture(RecordsOf("SITE.703", 6));
  tororo.link().Restore();
  SeededRandom random(7);
  for (int loss = 0; loss < 8; ++loss) {
    const std::uint64_t before = tororo.link().breaks();
    tororo.link().BreakAfter(TcpProxy::Way::kUp,
                             6000 + static_cast<std::int64_t>(random.Below(150'000)));
    tororo.SyncNow();
    Await("the link breaks on the way up or all is delivered", [&] {
      return tororo.link().breaks() > before || tororo.Status()["waiting"] == 0;
    });
  }
  EXPECT_GT(tororo.link().breaks(), 1u);
  tororo.Restore();
  trial.ExpectEverythingOnce();
}

TEST(Outage, FramesThatComeAgainAreReceiptedAgainAndAppliedOnce) {
  Trial trial;
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  trial.StartGateway();
  const Lines lines = Slice(RecordsOf("SITE.702"), 0, 30);
  RawEdge raw(kisumu);
  raw.OpenSession();
  wire::Push push{raw.epoch(), Sequence(1), {}};
  for (const std::string& line : lines) {
    push.revisions.push_back(RawEdge::Encoded(line, "kisumu", 1));
  }
  const Bytes frame = raw.Sealed(push);
  wire::Receipt receipts[3];
  for (wire::Receipt& receipt : receipts) {
    raw.PublishToGateway(frame);  // The same bytes, as a broker may deliver them.
    receipt = raw.NextReceipt();
    EXPECT_EQ(receipt.acknowledged_through, Sequence(lines.size()));
    EXPECT_EQ(receipt.acknowledged_chain, receipts[0].acknowledged_chain);
  }
  wire::Push overlapping = push;  // Sealed anew, and partly known.
  overlapping.revisions.erase(overlapping.revisions.begin());
  overlapping.first_sequence = Sequence(2);
  raw.Send(overlapping);
  EXPECT_EQ(raw.NextReceipt().acknowledged_through, Sequence(lines.size()));
  wire::Push ahead = push;
  ahead.first_sequence = Sequence(lines.size() + 5);
  raw.Send(ahead);
  EXPECT_EQ(raw.NextRefuse().resend_from, Sequence(lines.size() + 1));
  EXPECT_EQ(trial.CentreJson({"status"})["duplicatesDropped"], 3 * lines.size() - 1);
  trial.Expect(lines);
  trial.ExpectCentreHolds();
}

}  // namespace
}  // namespace edcsync::testing
