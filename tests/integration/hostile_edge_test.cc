// Edges that may not, or do not, behave: their data never arrives where it must not, and nobody
// else is held up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "shared/base/limits.h"
#include "tests/support/raw_edge.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

TEST(HostileEdge, ARevokedEdgeIsRefusedAtOnceAndKeepsItsOutbox) {
  Trial trial;
  trial.StartGateway();
  Site& live = trial.AddSite("kisumu", "SITE.702");
  Site& away = trial.AddSite("tororo", "SITE.703");
  Site& other = trial.AddSite("mbale", "SITE.707");
  const Lines live_lines = RecordsOf("SITE.702");
  const Lines away_lines = RecordsOf("SITE.703");
  for (Site* site : {&live, &away, &other}) site->Start();
  live.Capture(Slice(live_lines, 0, 10));
  away.Capture(Slice(away_lines, 0, 10));
  live.AwaitDelivered();
  away.AwaitDelivered();
  away.Cut();
  const Lines kept = Slice(away_lines, 10, 25);
  away.Capture(kept);
  for (const char* edge : {"kisumu", "tororo"}) {
    const Ran revoked = trial.Centre({"edge", "revoke", edge, "--reason", "Laptop stolen"});
    EXPECT_EQ(revoked.exit_code, 0) << revoked.err;
  }
  live.AwaitStopped("revoked_edge");
  const Lines late = Slice(live_lines, 10, 5);
  live.Capture(late);
  // The one that was away meets a broker that knows: it tries again and again in vain.
  Await("the rights of the revoked edges are gone",
        [&] { return trial.Edge("tororo")["standing"] == "revoked"; });
  away.Restore();
  const std::uint64_t tried = away.link().accepted();
  Await("the revoked edge has tried again", [&] {
    away.SyncNow();
    return away.link().accepted() >= tried + 5;
  });
  EXPECT_NE(away.Status()["sync"]["state"], "live");
  EXPECT_EQ(away.AgentJson({"outbox", "list"}).size(), kept.size());
  EXPECT_EQ(live.AgentJson({"outbox", "list"}).size(), late.size());
  EXPECT_EQ(away.Agent({"check"}).exit_code, 0);
  trial.Forget(kept);
  trial.Forget(late);
  other.Capture(RecordsOf("SITE.707"));
  trial.ExpectEverythingOnce(0, {"kisumu", "tororo"});
}

TEST(HostileEdge, ACertificateOfAnotherCentreWithTheSameNameBringsNothingIn) {
  Trial trial;
  Trial stranger;
  trial.StartGateway();
  Site& ours = trial.AddSite("kisumu", "SITE.702");
  Site& foreign = stranger.AddSite("kisumu", "SITE.702");
  // It trusts our centre, knows whom to seal to and where to connect; only its own key is not ours.
  for (const char* file : {"ca.crt", "gateway.crt", "edge-agent.toml"}) {
    fs::copy_file(ours.dir() + "/" + file, foreign.dir() + "/" + file,
                  fs::copy_options::overwrite_existing);
  }
  const Lines lines = RecordsOf("SITE.702");
  foreign.Start();
  foreign.Capture(Slice(lines, 0, 20));
  const std::uint64_t tried = ours.link().accepted();
  Await("the foreign edge has tried several times", [&] {
    foreign.SyncNow();
    return ours.link().accepted() >= tried + 5;
  });
  EXPECT_NE(foreign.Status()["sync"]["state"], "live");
  EXPECT_EQ(foreign.Status()["waiting"], 20);
  EXPECT_TRUE(trial.Edge("kisumu")["lastContactAt"].is_null());
  foreign.Stop();
  ours.Start();
  ours.Capture(Slice(lines, 20, 100));
  trial.ExpectEverythingOnce();
}

TEST(HostileEdge, RevisionsItMayNotWriteWaitInQuarantineAndTheRestOfThePushIsApplied) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  const Lines others = RecordsOf("SITE.703");
  const Lines own = RecordsOf("SITE.702");
  tororo.Start();
  tororo.Capture(Slice(others, 0, 1));
  tororo.AwaitDelivered();

  SortedJson stolen =
      SortedJson::parse(others[1]);  // A subject of Tororo, said to be of Kisumu's site.
  stolen["siteOID"] = "SITE.702";
  Result<Revision> dear = DecodeRevision(RawEdge::Encoded(own[2], "kisumu", 5));
  ASSERT_TRUE(dear.ok());
  dear->version = 1'000'000;  // Would win over everything.
  RawEdge raw(kisumu);
  raw.OpenSession();
  wire::Push push{raw.epoch(), Sequence(1), {}};
  push.revisions = {RawEdge::Encoded(own[0], "kisumu", 1),
                    RawEdge::Encoded(others[2], "kisumu", 2),  // Another site's record.
                    RawEdge::Encoded(stolen.dump(), "kisumu", 3),
                    RawEdge::Encoded(own[1], "tororo", 4),  // In another's name.
                    EncodeRevision(*dear),
                    Bytes{1, 2, 3},
                    RawEdge::Encoded(own[3], "kisumu", 6)};
  raw.Send(push);
  const wire::Receipt receipt = raw.NextReceipt();
  EXPECT_EQ(receipt.acknowledged_through, Sequence(7));
  std::vector<std::uint16_t> reasons;
  for (const wire::RevisionOutcome& outcome : receipt.exceptions) {
    EXPECT_EQ(outcome.outcome, Outcome::kQuarantined);
    EXPECT_EQ(outcome.sequence, Sequence(2 + reasons.size()));
    reasons.push_back(outcome.reason);
  }
  const auto code = [](ErrorCode error) { return static_cast<std::uint16_t>(error); };
  EXPECT_THAT(reasons,
              ::testing::ElementsAre(code(ErrorCode::kWrongSite), code(ErrorCode::kWrongSite),
                                     code(ErrorCode::kForbidden), code(ErrorCode::kVersionMismatch),
                                     code(ErrorCode::kMalformed)));
  EXPECT_EQ(trial.CentreJson({"quarantine", "list"}).size(), 5u);
  trial.Expect({own[0], own[3]});
  trial.ExpectEverythingOnce(0, {"kisumu"});
}

TEST(HostileEdge, HugeAndGarbledFramesAreRefusedAndOthersFlow) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  Site& mbale = trial.AddSite("mbale", "SITE.707");
  const Lines own = RecordsOf("SITE.702");
  tororo.Start();
  {
    RawEdge raw(kisumu);
    raw.OpenSession();
    RawEdge another(mbale);
    another.OpenSession();
    const wire::Push push{raw.epoch(), Sequence(1), {RawEdge::Encoded(own[0], "kisumu", 1)}};
    const Bytes good = raw.Sealed(push);
    Bytes flipped = good;
    flipped[flipped.size() / 2] ^= 1;
    Bytes relabelled = good;
    relabelled[5] = static_cast<std::uint8_t>(wire::FrameKind::kPull);
    Bytes header_only(good.begin(), good.begin() + 8);
    const std::vector<Bytes> bad = {
        Bytes(),
        Bytes(1),
        Bytes(64 * 1024, 0xA5),
        header_only,
        Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2)),
        flipped,
        relabelled,
        Bytes(limits::kFrameBytesMax, 0x30),
        another.Sealed(push)};  // Signed by another edge.
    for (const Bytes& bytes : bad) {
      raw.PublishToGateway(bytes);
      const wire::Refuse refused = raw.NextRefuse();
      EXPECT_NE(refused.reason, 0);
    }
    raw.Send(push);  // The session goes on.
    EXPECT_EQ(raw.NextReceipt().acknowledged_through, Sequence(1));
    trial.Expect({own[0]});
  }
  EXPECT_TRUE(trial.gateway().IsRunning());
  tororo.Capture(RecordsOf("SITE.703"));
  trial.ExpectEverythingOnce(0, {"kisumu", "mbale"});
}

}  // namespace
}  // namespace edcsync::testing
