#include "edge-agent/uplink/link.h"

#include <gtest/gtest.h>

#include "tests/support/fake_network.h"
#include "tests/support/virtual_scheduler.h"

namespace edcsync::edge {
namespace {

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    link_.on_up = [this] { ++ups_; };
    link_.on_down = [this](const Error&) { ++downs_; };
  }
  ::testing::AssertionResult RunUntilUp(std::int64_t us_max) {
    const bool up = scheduler_.RunUntil([this] { return link_.state() == Link::State::kUp; }, us_max);
    return up ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << "the link is down";
  }

  edcsync::testing::VirtualClock clock_;
  edcsync::testing::VirtualScheduler scheduler_{clock_};
  edcsync::testing::FakeBroker broker_{scheduler_, 1};
  std::unique_ptr<edcsync::testing::FakeBroker::Client> client_ = broker_.NewClient({"down"});
  SeededRandom random_{3};
  Link link_{{1'000'000, 4'000'000, {3, 60'000'000}}, *client_, scheduler_, random_};
  int ups_ = 0, downs_ = 0;
};

TEST_F(LinkTest, ItComesBackByItselfAndTheBreakerSparesABrokerThatIsAway) {
  broker_.up = false;
  link_.Open();
  scheduler_.RunFor(30'000'000);
  EXPECT_EQ(downs_, 3);
  EXPECT_EQ(link_.breaker(), CircuitBreaker::State::kOpen);
  scheduler_.RunFor(600'000'000);
  EXPECT_LE(downs_, 3 + 10);  // One trial a minute.
  broker_.up = true;
  EXPECT_TRUE(RunUntilUp(65'000'000));
  EXPECT_EQ(ups_, 1);
  link_.Proven();
  EXPECT_EQ(link_.breaker(), CircuitBreaker::State::kClosed);
}

TEST_F(LinkTest, AConnectionOfNoUseCountsAsAFailureAndAProvenOneForgetsThem) {
  link_.Open();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(RunUntilUp(10'000'000));
    link_.Useless({ErrorCode::kTimeout, "nobody answers"});
  }
  EXPECT_EQ(link_.breaker(), CircuitBreaker::State::kOpen);
  ASSERT_TRUE(RunUntilUp(70'000'000));
  link_.Proven();
  client_->Cut(true);
  client_->Cut(false);
  EXPECT_TRUE(RunUntilUp(5'000'000));
}

TEST_F(LinkTest, ClosedMeansNoEventAndNoAttemptFollow) {
  link_.Open();
  ASSERT_TRUE(RunUntilUp(1'000'000));
  link_.Close();
  scheduler_.RunFor(100'000'000);
  EXPECT_EQ(link_.state(), Link::State::kClosed);
  EXPECT_EQ(ups_, 1);
  EXPECT_EQ(downs_, 0);
  EXPECT_EQ(link_.Send("up", {}, false, {}).error().code, ErrorCode::kNotConnected);
}

}  // namespace
}  // namespace edcsync::edge
