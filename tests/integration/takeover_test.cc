// A second gateway process on the same store takes an edge over when the first one is gone or
// does not move; what the first still tries to commit is fenced off.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <iterator>

#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

// A broker of its own, as an operator runs one for several gateways, with the written rights.
class Takeover : public ::testing::Test {
 protected:
  void SetUp() override {
    trial_.StartGateway();  // Writes the broker's configuration with the edge's rights.
    trial_.StopGateway();
    broker_ = std::make_unique<Process>(
        std::vector<std::string>{"/usr/sbin/mosquitto", "-c",
                                 trial_.GatewayDir() + "/broker/mosquitto.conf"},
        trial_.LogOf("broker"));
    first_ = RunGateway("gateway-1");
    site_.Start();
    site_.AwaitLive();
    EXPECT_EQ(GatewayOfEdge(), "gateway-1");
    second_ = RunGateway("gateway-2");
  }

  std::unique_ptr<Process> RunGateway(const std::string& id) {
    return trial_.RunGateway({"--gateway-id", id, "--outside-broker"}, id);
  }
  std::string GatewayOfEdge() { return trial_.Edge("tororo")["gateway"]; }

  Trial trial_;
  Site& site_ = trial_.AddSite("tororo", "SITE.703");
  std::unique_ptr<Process> broker_, first_, second_;
};

TEST_F(Takeover, TheDrainOfAKilledGatewayEndsAtTheOther) {
  site_.Cut();
  site_.Capture(RecordsOf("SITE.703", 6));
  site_.link().Restore();
  site_.SyncNow();
  Await("the drain has begun",
        [&] { return site_.Status()["acknowledgedThrough"] > 500; });
  (GatewayOfEdge() == "gateway-1" ? first_ : second_)->Kill();
  const bool first_lives = first_->IsRunning();
  trial_.ExpectEverythingOnce();
  EXPECT_EQ(GatewayOfEdge(), first_lives ? "gateway-1" : "gateway-2");
}

TEST_F(Takeover, AGatewayThatStoodStillCommitsNothingAfterTheOtherTookOver) {
  const Lines lines = RecordsOf("SITE.703");
  site_.Capture(Slice(lines, 0, 50));
  site_.AwaitDelivered();
  const std::uint64_t epoch = trial_.Edge("tororo")["epoch"];
  first_->Signal(SIGSTOP);
  site_.Capture(Slice(lines, 50, 200));  // Goes to the one that stands still, and waits there.
  Await("the other gateway has taken over",
        [&] { return GatewayOfEdge() == "gateway-2"; }, 90);
  EXPECT_GT(trial_.Edge("tororo")["epoch"], epoch);
  site_.AwaitDelivered();
  first_->Signal(SIGCONT);  // It now finds the frames of its old session.
  Await("it was fenced off", [&] {
    std::ifstream log(trial_.LogOf("gateway-1"));
    const std::string text{std::istreambuf_iterator<char>(log), {}};
    return text.find("\"event\":\"edge.refused\",\"edge\":\"tororo\",\"reason\":301") !=
           std::string::npos;
  });
  site_.Capture(Slice(lines, 250, 50));  // It may win the edge back, by a Hello it had not read.
  trial_.ExpectEverythingOnce();
  EXPECT_TRUE(first_->IsRunning());
}

}  // namespace
}  // namespace edcsync::testing
