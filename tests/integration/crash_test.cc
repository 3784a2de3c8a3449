// Processes die at any moment, as kill -9 does it; the data does not.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "shared/base/random.h"
#include "tests/support/site_network.h"
#include "tests/support/slowdown.h"

namespace edcsync::testing {
namespace {

// Cut off, it captured `copies` times the records of its site; fewer under a sanitizer.
Site& SiteWithBacklog(Trial& trial, int copies) {
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  tororo.Cut();
  tororo.Start();
  tororo.Capture(RecordsOf("SITE.703", kSlowdown == 1 ? copies : copies / 2));
  return tororo;
}

// The part of its backlog that each of `kills` has to wait for.
std::uint64_t StepOf(Site& site, std::uint64_t kills) {
  return site.Status()["captured"].get<std::uint64_t>() / (kills + 2);
}

bool DeliveredOr(Site& site, std::uint64_t through) {
  const SortedJson status = site.Status();
  return status["waiting"] == 0 || status["acknowledgedThrough"] >= through;
}

TEST(Crash, ABrokerKilledDuringADrainIsStartedAgainAndTheDrainEndsWhole) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = SiteWithBacklog(trial, 8);
  const std::uint64_t step = StepOf(tororo, 3);
  tororo.Restore();
  for (int kill = 1; kill <= 3; ++kill) {
    Await("the drain goes on", [&] { return DeliveredOr(tororo, kill * step); });
    const pid_t broker = trial.BrokerProcess();
    ::kill(broker, SIGKILL);
    Await("the supervisor has started another broker",
          [&] { return trial.BrokerProcess() != broker; });
    tororo.SyncNow();
  }
  trial.ExpectEverythingOnce();
}

TEST(Crash, AGatewayKilledDuringADrainGoesOnFromItsLastCommit) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = SiteWithBacklog(trial, 8);
  const std::uint64_t step = StepOf(tororo, 4);
  tororo.Restore();
  for (int kill = 1; kill <= 4; ++kill) {
    Await("the drain goes on", [&] { return DeliveredOr(tororo, kill * step); });
    trial.KillGateway();
    trial.StartGateway();
    tororo.SyncNow();
  }
  trial.ExpectEverythingOnce();
}

TEST(Crash, AGatewayKilledBetweenCommitAndReceiptReceiptsAfterItsRestart) {
  Trial trial;
  trial.StartGateway();
  Site& kisumu = trial.AddSite("kisumu", "SITE.702");
  kisumu.Start();
  kisumu.AwaitLive();
  const Lines lines = RecordsOf("SITE.702");
  kisumu.Capture(Slice(lines, 0, 10));
  kisumu.AwaitDelivered();
  kisumu.link().Stall(TcpProxy::Way::kDown);  // Frames reach the centre; no receipt comes back.
  kisumu.Capture(Slice(lines, 10, 20));
  Await("the gateway has committed",
        [&] { return trial.Edge("kisumu")["acknowledgedThrough"] == 30; });
  EXPECT_EQ(kisumu.Status()["acknowledgedThrough"], 10);
  trial.KillGateway();
  kisumu.Capture(Slice(lines, 30, 100));
  kisumu.Cut();
  trial.StartGateway();
  kisumu.Restore();
  trial.ExpectEverythingOnce();
}

TEST(Crash, EveryLineReportedCapturedIsThereAlthoughTheAgentWasKilledWhileItCaptured) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  const Lines lines = RecordsOf("SITE.703", 4);
  const std::string file = tororo.FileOf(lines);
  tororo.Start();
  Process submitting(tororo.CommandLine({"submit", file, "--batch", "5", "--wait", "60", "--json"}),
                     trial.LogOf("submit"));
  for (std::size_t kill = 1; kill <= 5; ++kill) {
    Await("capture goes on",
          [&] { return !submitting.IsRunning() || tororo.Status()["captured"] >= kill * 300; });
    tororo.Kill();
    tororo.Start();
  }
  EXPECT_EQ(submitting.Wait(60).value_or(-1), 0);
  trial.Expect(lines);
  tororo.SyncNow();
  trial.ExpectEverythingOnce();
}

TEST(Crash, AnAgentKilledWhileItSendsSendsTheRestAfterItsRestart) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = SiteWithBacklog(trial, 8);
  const std::uint64_t step = StepOf(tororo, 4);
  tororo.Restore();
  for (int kill = 1; kill <= 4; ++kill) {
    Await("the drain goes on", [&] { return DeliveredOr(tororo, kill * step); });
    tororo.Kill();
    tororo.Start();
  }
  trial.ExpectEverythingOnce();
}

TEST(Crash, GatewayAndAgentKilledTogetherAtAnyMomentAgreeInTheEnd) {
  Trial trial;
  trial.StartGateway();
  Site& tororo = SiteWithBacklog(trial, 6);
  SeededRandom random(4711);
  for (int round = 0; round < 4; ++round) {
    // A stall after so many bytes, of frames or of receipts, names the moment.
    const auto way = round % 2 == 0 ? TcpProxy::Way::kUp : TcpProxy::Way::kDown;
    const std::int64_t bytes =
        way == TcpProxy::Way::kUp ? 20'000 + random.Below(150'000) : 5000 + random.Below(3000);
    tororo.link().Restore();
    tororo.link().StallAfter(way, bytes);
    tororo.SyncNow();
    Await("the link stalls or all is delivered",
          [&] { return tororo.link().stalled(way) || tororo.Status()["waiting"] == 0; });
    tororo.Kill();
    trial.KillGateway();
    tororo.Cut();
    trial.StartGateway();
    tororo.Start();
  }
  tororo.Restore();
  trial.ExpectEverythingOnce();
}

}  // namespace
}  // namespace edcsync::testing
