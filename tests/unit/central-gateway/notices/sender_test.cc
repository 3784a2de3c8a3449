#include "central-gateway/notices/sender.h"

#include <gmock/gmock.h>

#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Sent = SendResult::Outcome;

// Answers as the test says, and keeps what it was given.
class ScriptedChannel final : public Channel {
 public:
  ScriptedChannel() : Channel("ops") {}
  SendResult Send(const Message& message, const std::atomic<bool>&) override {
    got.push_back(message);
    if (on_send) on_send();
    return answer;
  }
  SendResult answer{Sent::kSent, "taken", 0, {}};
  std::vector<Message> got;
  std::function<void()> on_send;
};

class SenderTest : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    options_.holder = "gateway-1";
    Lease("gateway-1");
    Restart();
  }

  void Restart() {
    sender_ = std::make_unique<Sender>(options_, channel_, maker_, *store_, clock_, random_);
  }
  void Lease(const std::string& holder) {
    ExpectOk(store_->Write([&](CentralWriter& writer) {
      return writer.PutNoticesState({FeedCursor(), holder, WallTime{1LL << 60}});
    }));
  }
  // Of kinds in turn, all found now.
  void Queue(int count, const std::string& name) {
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      for (int i = 0; i < count; ++i) {
        NoticeRow notice;
        notice.id = name + "-" + std::to_string(i);
        notice.kind = i % 2 == 0 ? NoticeKind::kHardConflict : NoticeKind::kQuarantine;
        notice.site = SiteOID("Kisumu");
        notice.found_at = writer.Now();
        EDCSYNC_ASSIGN(const bool fresh, writer.InsertNotice(notice, {"ops"}));
        EXPECT_TRUE(fresh);
      }
      return Ok();
    }));
  }
  // As the service does, for so long.
  void Run(std::int64_t ms) {
    const std::int64_t end = clock_.Wall().ms + ms;
    do {
      const std::int64_t wait_ms = sender_->Step(stop_);
      clock_.Advance(wait_ms);
    } while (clock_.Wall().ms < end);
  }
  std::vector<std::string> NoticeIds(const Message& message) const {
    std::vector<std::string> ids;
    const auto json = nlohmann::json::parse(message.json);
    for (const auto& notice : json["notices"]) ids.push_back(notice["id"]);
    return ids;
  }
  std::size_t CountIn(const Message& message) const {
    return nlohmann::json::parse(message.json)["count"];
  }
  std::vector<NoticeMessageRow> Failed() {
    std::vector<NoticeMessageRow> failed;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(failed, reader.ListFailedMessages(100));
      return Ok();
    }));
    return failed;
  }
  NoticeChannelRow ChannelRow() {
    std::optional<NoticeChannelRow> row;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(row, reader.FindNoticeChannel("ops"));
      return Ok();
    }));
    return row.value_or(NoticeChannelRow{});
  }

  static constexpr std::int64_t kMinuteMs = 60'000;
  SenderOptions options_;
  ScriptedChannel channel_;
  MessageMaker maker_{{"gateway-1", "https://desk.example.org"},
                      Templates::BuiltIn(NoticeLanguage::kEnglish)};
  std::atomic<bool> stop_ = false;
  std::unique_ptr<Sender> sender_;
};

TEST_F(SenderTest, TheFirstGoesAtOnceAndTheRestInOneMessageAtTheEndOfTheWindow) {
  Queue(1, "first");
  Run(options_.linger_ms + 2000);
  ASSERT_EQ(channel_.got.size(), 1u);
  EXPECT_THAT(NoticeIds(channel_.got[0]), ElementsAre("first-0"));
  for (int i = 0; i < 5; ++i) {
    Queue(2, "later" + std::to_string(i));
    Run(2 * kMinuteMs);
  }
  EXPECT_EQ(channel_.got.size(), 1u);
  Run(5 * kMinuteMs);
  ASSERT_EQ(channel_.got.size(), 2u);
  EXPECT_EQ(CountIn(channel_.got[1]), 10u);
  Run(60 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 2u);
}

TEST_F(SenderTest, ABurstThatIsStillComingMakesOneMessage) {
  for (int i = 0; i < 5; ++i) {
    Queue(1000, "burst" + std::to_string(i));
    Run(options_.linger_ms - 1000);
  }
  EXPECT_THAT(channel_.got, IsEmpty());
  Run(options_.linger_ms + 1000);
  ASSERT_EQ(channel_.got.size(), 1u);
  EXPECT_EQ(CountIn(channel_.got[0]), 5000u);
  EXPECT_EQ(NoticeIds(channel_.got[0]).size(), kNoticesListedMax);
  const auto json = nlohmann::json::parse(channel_.got[0].json);
  EXPECT_EQ(json["notListed"], 5000 - kNoticesListedMax);
  EXPECT_EQ(json["counts"]["hard_conflict"], 2500);
  EXPECT_THAT(channel_.got[0].text, HasSubstr("and 4950 more"));
  EXPECT_LT(channel_.got[0].json.size(), 100'000u);
}

TEST_F(SenderTest, ABurstWithoutEndIsCutOffAfterHalfAMinute) {
  for (int i = 0; i < 20; ++i) {
    Queue(1, "drip" + std::to_string(i));
    Run(options_.linger_ms - 1000);
  }
  EXPECT_EQ(channel_.got.size(), 1u);
}

TEST_F(SenderTest, WhatFailsIsSentAgainUnderTheSameIdWithTheSameWords) {
  channel_.answer = {Sent::kRetry, "the receiver answered 500", 0, {}};
  Queue(3, "n");
  Run(10 * kMinuteMs);
  const std::size_t tries = channel_.got.size();
  EXPECT_GT(tries, 1u);
  EXPECT_THAT(ChannelRow().last_error, HasSubstr("500"));
  Queue(2, "later");
  channel_.answer = {Sent::kSent, "taken", 0, {}};
  Run(10 * kMinuteMs);
  ASSERT_EQ(channel_.got.size(), tries + 1);
  for (const Message& message : channel_.got) {
    EXPECT_EQ(message.id, channel_.got[0].id);
    EXPECT_EQ(message.json, channel_.got[0].json);
  }
  EXPECT_EQ(ChannelRow().last_error, "");
  Run(20 * kMinuteMs);
  ASSERT_EQ(channel_.got.size(), tries + 2);
  EXPECT_EQ(CountIn(channel_.got.back()), 2u);
}

TEST_F(SenderTest, AProcessThatDiesBetweenSendingAndKeepingItSendsTheSameMessageAgain) {
  Queue(2, "n");
  channel_.on_send = [&] { throw std::runtime_error("killed"); };
  EXPECT_THROW(Run(10'000), std::runtime_error);
  channel_.on_send = nullptr;
  Restart();
  Run(10 * kMinuteMs);
  ASSERT_EQ(channel_.got.size(), 2u);
  EXPECT_EQ(channel_.got[0].id, channel_.got[1].id);
  EXPECT_EQ(channel_.got[0].json, channel_.got[1].json);
}

TEST_F(SenderTest, AfterFailuresInARowTheCircuitOpensAndOneTrialGoesThrough) {
  channel_.answer = {Sent::kRetry, "Connection refused", 0, {}};
  options_.retry_max_ms = 5'000;  // The breaker alone slows it.
  Restart();
  Queue(1, "n");
  Run(2 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 5u);
  ASSERT_TRUE(ChannelRow().open_until.has_value());
  Run(3 * kMinuteMs + 30'000);
  EXPECT_EQ(channel_.got.size(), 6u);  // The trial after five minutes.
  Run(4 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 6u);
  channel_.answer = {Sent::kSent, "taken", 0, {}};
  Run(2 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 7u);
  EXPECT_FALSE(ChannelRow().open_until.has_value());
}

TEST_F(SenderTest, ARefusedMessageIsADeadLetterAtOnceUntilAPersonSendsItAgain) {
  channel_.answer = {Sent::kRefused, "the receiver answered 400", 0, {}};
  Queue(3, "n");
  Run(60 * kMinuteMs);
  ASSERT_EQ(channel_.got.size(), 1u);
  ASSERT_EQ(Failed().size(), 1u);
  EXPECT_EQ(Failed()[0].notice_count, 3u);
  EXPECT_EQ(Failed()[0].error, "the receiver answered 400");
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto entries,
                   reader.ListAudit("notice:" + channel_.got[0].id, 0, 10));
    EXPECT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries.at(0).action, "notice.failed");
    return Ok();
  }));
  channel_.answer = {Sent::kSent, "taken", 0, {}};
  ExpectOk(store_->Write(
      [&](CentralWriter& writer) { return writer.RequeueMessage(Failed()[0].id); }));
  EXPECT_THAT(Failed(), IsEmpty());
  Run(20 * kMinuteMs);
  ASSERT_EQ(channel_.got.size(), 2u);
  EXPECT_EQ(NoticeIds(channel_.got[1]), NoticeIds(channel_.got[0]));
}

TEST_F(SenderTest, AMessageThatNobodyTakesForThreeDaysIsADeadLetter) {
  channel_.answer = {Sent::kRetry, "Connection refused", 0, {}};
  Queue(1, "n");
  Run(71LL * 60 * kMinuteMs);
  EXPECT_THAT(Failed(), IsEmpty());
  Run(2LL * 60 * kMinuteMs);
  EXPECT_EQ(Failed().size(), 1u);
}

TEST_F(SenderTest, TheWaitThatTheReceiverAsksForIsKept) {
  channel_.answer = {Sent::kRetry, "the receiver answered 429", 30 * kMinuteMs, {}};
  Queue(1, "n");
  Run(29 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 1u);
  Run(2 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 2u);
}

TEST_F(SenderTest, OnlyTheHolderOfTheLeaseSends) {
  Lease("gateway-2");
  Queue(1, "n");
  Run(10 * kMinuteMs);
  EXPECT_THAT(channel_.got, IsEmpty());
  Lease("gateway-1");
  Run(10 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 1u);
}

// Ids are made by the clock, so that no message can be formed until it has caught up.
TEST_F(SenderTest, AStoreThatCannotWriteDelaysAndLosesNothing) {
  Queue(1, "first");
  Run(10'000);
  ASSERT_EQ(channel_.got.size(), 1u);
  clock_.Advance(20 * kMinuteMs);
  const WallTime right = clock_.Wall();
  Queue(1, "second");
  clock_.SetWall({right.ms - 60 * kMinuteMs});
  Run(30 * kMinuteMs);
  EXPECT_EQ(channel_.got.size(), 1u);
  clock_.SetWall(right);
  Run(10'000);
  EXPECT_EQ(channel_.got.size(), 2u);
}

TEST_F(SenderTest, SettledMessagesAreForgottenAfterAMonthAndOpenOnesKept) {
  Queue(3, "old");
  Run(10'000);
  ASSERT_EQ(channel_.got.size(), 1u);
  channel_.answer = {Sent::kRetry, "Connection refused", 0, {}};
  clock_.Advance(20 * kMinuteMs);
  Queue(2, "open");
  Run(10'000);
  const auto prune = [&] {
    std::uint64_t count = 0;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(count, writer.PruneNotices(
                                {writer.Now().ms - 30LL * 24 * 60 * kMinuteMs}, 1000));
      return Ok();
    }));
    return count;
  };
  EXPECT_EQ(prune(), 0u);
  clock_.Advance(31LL * 24 * 60 * kMinuteMs);
  EXPECT_EQ(prune(), 4u);  // The message and its notices.
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto waiting, reader.WaitingMessage("ops"));
    EXPECT_TRUE(waiting.has_value());
    EXPECT_EQ(waiting ? waiting->notice_count : 0, 2u);
    return Ok();
  }));
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

}  // namespace
}  // namespace edcsync::central
