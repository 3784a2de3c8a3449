#include "central-gateway/intake/push_intake.h"

#include "shared/crypto/digest.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

class IntakeTest : public CentralStoreTest {
 protected:
  // An outbox as an edge keeps it.
  void Capture(const std::string& subject) {
    sent_.push_back(Make(subject, "F.VS", {}, 1, "70"));
    chains_.push_back(ChainDigest(chains_.back(), sent_.back().id.view()));
  }
  wire::Hello Hello(std::size_t acknowledged) {
    wire::Hello hello;
    hello.hello_id = 7;
    hello.incarnation = incarnation_;
    hello.next_sequence = Sequence(sent_.size() + 1);
    hello.acknowledged_through = Sequence(acknowledged);
    hello.acknowledged_chain = chains_.at(acknowledged);
    return hello;
  }
  Answer Say(const wire::Hello& hello, const std::string& gateway = "g1") {
    Answer answer;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(answer, TakeHello(writer, Context(gateway), hello));
      return Ok();
    }));
    return answer;
  }
  wire::Welcome Welcomed(const wire::Hello& hello) {
    const Answer answer = Say(hello);
    EXPECT_TRUE(std::holds_alternative<wire::Welcome>(answer));
    return std::holds_alternative<wire::Welcome>(answer) ? std::get<wire::Welcome>(answer)
                                                         : wire::Welcome{};
  }
  Answer Push(Epoch epoch, std::size_t first, std::size_t last) {
    ReadPush push{epoch, Sequence(first), {}};
    for (std::size_t i = first; i <= last; ++i) {
      push.revisions.push_back(ReadIncoming(EncodeRevision(sent_.at(i - 1).revision)));
    }
    Answer answer;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(answer, TakePush(writer, registry_, Context("g1"), push));
      return Ok();
    }));
    return answer;
  }
  // A revision made at the centre, as the centre gives it to its edges.
  wire::OfferedRevision Marked(const std::string& subject) {
    Bytes mark_key;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(mark_key, reader.MarkKey());
      return Ok();
    }));
    Revision revision = Make(subject, "F.VS", {}, 1, "70").revision;
    revision.origin = Origin::kOnline;
    revision.edge = EdgeId();
    const Bytes encoding = EncodeRevision(revision);
    return {encoding, HmacSha256(mark_key, IdOf(encoding).view())};
  }
  Answer Offer(Epoch epoch, const std::vector<wire::OfferedRevision>& revisions) {
    Answer answer;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(answer,
                     TakeOffer(writer, registry_, Context("g1"), wire::Offer{epoch, 7, revisions}));
      return Ok();
    }));
    return answer;
  }
  bool Holds(const RevisionId& id) {
    bool holds = false;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(holds, reader.HasRevision(id));
      return Ok();
    }));
    return holds;
  }
  void ExpectRefused(const Answer& answer, ErrorCode reason) {
    ASSERT_TRUE(std::holds_alternative<wire::Refuse>(answer));
    EXPECT_EQ(std::get<wire::Refuse>(answer).reason, static_cast<std::uint16_t>(reason));
  }
  EdgeRow Row() {
    EdgeRow row;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      row = *Must(reader.FindEdge(kisumu_));
      return Ok();
    }));
    return row;
  }
  void Readmit() {
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(writer.SetIncarnation(kisumu_, Incarnation()));
      return writer.SetEdgeStanding(kisumu_, EdgeStanding::kActive, "");
    }));
  }
  SessionContext Context(const std::string& gateway) {
    return {kisumu_, SiteOID("Kisumu"), GatewayId(gateway)};
  }

  RegistryCache registry_;
  std::vector<KnownRevision> sent_;
  std::vector<Digest> chains_{Digest{}};
};

TEST_F(IntakeTest, ASessionIsReceiptedThroughWhatItSentAndARepeatGetsItsStoredOutcomes) {
  for (const char* subject : {"S1", "S2", "S3"}) Capture(subject);
  sent_[1].revision.version = 5;  // Never well formed: its outcome is an exception.
  sent_[1].id = IdOf(EncodeRevision(sent_[1].revision));
  chains_ = {Digest{}};
  for (const auto& known : sent_) chains_.push_back(ChainDigest(chains_.back(), known.id.view()));
  const wire::Welcome welcome = Welcomed(Hello(0));
  EXPECT_EQ(welcome.hello_id, 7u);
  const auto first = std::get<wire::Receipt>(Push(welcome.epoch, 1, 3));
  EXPECT_EQ(first.acknowledged_through, Sequence(3));
  EXPECT_EQ(first.acknowledged_chain, chains_[3]);
  ASSERT_EQ(first.exceptions.size(), 1u);
  EXPECT_EQ(first.exceptions[0].sequence, Sequence(2));
  EXPECT_EQ(first.exceptions[0].outcome, Outcome::kQuarantined);
  const auto again = std::get<wire::Receipt>(Push(welcome.epoch, 2, 3));
  EXPECT_EQ(again.acknowledged_through, Sequence(3));
  ASSERT_EQ(again.exceptions.size(), 1u);
  EXPECT_EQ(again.exceptions[0].outcome, Outcome::kQuarantined);
  // Behind (a lost receipt) and resumed: both are the same database.
  EXPECT_EQ(Welcomed(Hello(1)).acknowledged_through, Sequence(3));
  EXPECT_GT(Welcomed(Hello(3)).epoch, welcome.epoch);
}

TEST_F(IntakeTest, AnAcknowledgementARestoredCentreForgotIsWelcomedFromWhatItKnows) {
  for (const char* subject : {"S1", "S2", "S3"}) Capture(subject);
  const wire::Welcome welcome = Welcomed(Hello(0));
  Push(welcome.epoch, 1, 1);
  EXPECT_EQ(Welcomed(Hello(3)).acknowledged_through, Sequence(1));
}

TEST_F(IntakeTest, AGapIsRefusedWithWhereToGoOnAndAStaleEpochWithoutEffect) {
  for (const char* subject : {"S1", "S2"}) Capture(subject);
  const Epoch old = Welcomed(Hello(0)).epoch;
  const Answer gap = Push(old, 2, 2);
  ExpectRefused(gap, ErrorCode::kSequenceGap);
  EXPECT_EQ(std::get<wire::Refuse>(gap).resend_from, Sequence(1));
  Say(Hello(0), "g2");
  ExpectRefused(Push(old, 1, 2), ErrorCode::kStaleEpoch);
  EXPECT_EQ(Row().acknowledged_through, Sequence());
}

TEST_F(IntakeTest, APushFromSequenceZeroIsRefusedAndMovesNothing) {
  const Epoch epoch = Welcomed(Hello(0)).epoch;
  ReadPush push{epoch, Sequence(), {}};
  Answer answer;
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(answer, TakePush(writer, registry_, Context("g1"), push));
    return Ok();
  }));
  ExpectRefused(answer, ErrorCode::kMalformed);
}

TEST_F(IntakeTest, AnotherRevisionUnderAKnownSequenceSuspendsTheEdge) {
  Capture("S1");
  const Epoch epoch = Welcomed(Hello(0)).epoch;
  Push(epoch, 1, 1);
  sent_[0] = Make("S9", "F.VS", {}, 1, "99");
  ExpectRefused(Push(epoch, 1, 1), ErrorCode::kIncarnationMismatch);
  EXPECT_EQ(Row().standing, EdgeStanding::kSuspended);
  ExpectRefused(Say(Hello(0)), ErrorCode::kIncarnationMismatch);
}

TEST_F(IntakeTest, ADatabaseThatRunsBehindDiffersOrIsAnotherIsSuspendedNotMergedByGuess) {
  for (const char* subject : {"S1", "S2"}) Capture(subject);
  Push(Welcomed(Hello(0)).epoch, 1, 2);
  std::vector<wire::Hello> wrong(4, Hello(2));
  wrong[0].next_sequence = Sequence(2);
  wrong[0].chain_differs = true;
  wrong[1].acknowledged_chain = chains_[1];
  wrong[2].incarnation = random_.NewId<Incarnation>();
  wrong[3].chain_differs = true;
  for (const wire::Hello& hello : wrong) {
    ExpectRefused(Say(hello), ErrorCode::kIncarnationMismatch);
    EXPECT_EQ(Row().standing, EdgeStanding::kSuspended);
    ExpectOk(store_->Write([&](CentralWriter& writer) {
      return writer.SetEdgeStanding(kisumu_, EdgeStanding::kActive, "");
    }));
  }
}

// Story: a gateway hung with a Hello in its hands; the edge said another one, captured, and delivered
// through the second gateway. The first woke and took the edge, whose old Hello knew of less than was
// received, for an old copy: a healthy site stood still until a person came. Found by the protocol's
// model (schema/wire/model).
TEST_F(IntakeTest, AHelloThatComesLateSuspendsNobody) {
  Capture("S1");
  const wire::Hello late = Hello(0);
  Capture("S2");
  Push(Welcomed(Hello(0)).epoch, 1, 2);
  const wire::Welcome welcome = Welcomed(late);  // The edge waits for no answer to it.
  EXPECT_EQ(Row().standing, EdgeStanding::kActive);
  // An old copy of the database sees here that it is one.
  EXPECT_EQ(welcome.acknowledged_through, Sequence(2));
  EXPECT_EQ(welcome.acknowledged_chain, chains_[2]);
}

// Story: an edge had lost its disk and went on as a new incarnation; a gateway that had hung since then
// found a Hello of the old one in its hands, and suspended the healthy edge for it.
TEST_F(IntakeTest, AHelloOfAnEndedIncarnationIsRefusedAndSuspendsNobody) {
  Capture("S1");
  const wire::Hello late = Hello(0);
  Push(Welcomed(late).epoch, 1, 1);
  Readmit();
  wire::Hello fresh = Hello(0);
  fresh.incarnation = random_.NewId<Incarnation>();
  Welcomed(fresh);
  ExpectRefused(Say(late), ErrorCode::kIncarnationMismatch);
  EXPECT_EQ(Row().standing, EdgeStanding::kActive);
  EXPECT_EQ(Row().incarnation, fresh.incarnation);
}

// Story: readmitting twice failed, since "no incarnation" counted as one that spoke before.
TEST_F(IntakeTest, AReadmittedEdgeGoesOnAsANewIncarnationOnlyAndCanBeReadmittedAgain) {
  Capture("S1");
  const Epoch epoch = Welcomed(Hello(0)).epoch;
  Push(epoch, 1, 1);
  for (int round = 0; round < 2; ++round) {
    Readmit();
    ExpectRefused(Push(Row().epoch, 1, 1), ErrorCode::kStaleEpoch);  // Which database, says Hello.
    ExpectRefused(Say(Hello(1)), ErrorCode::kIncarnationMismatch);
    EXPECT_EQ(Row().standing, EdgeStanding::kActive);
    wire::Hello fresh = Hello(0);
    fresh.incarnation = random_.NewId<Incarnation>();
    EXPECT_EQ(Welcomed(fresh).acknowledged_through, Sequence());
    const auto receipt = std::get<wire::Receipt>(Push(Row().epoch, 1, 1));
    EXPECT_EQ(receipt.exceptions.at(0).outcome, Outcome::kDuplicate);
  }
}

TEST_F(IntakeTest, AnOfferIsTakenWithTheCentresMarkAndPassedOverWithout) {
  const Epoch epoch = Welcomed(Hello(0)).epoch;
  const wire::OfferedRevision marked = Marked("S1");
  const KnownRevision invented = Make("S2", "F.VS", {}, 1, "70");
  const Answer answer =
      Offer(epoch, {marked, {EncodeRevision(invented.revision), marked.mark}});
  EXPECT_EQ(std::get<wire::Receipt>(answer).offer_page, 7u);
  EXPECT_TRUE(Holds(IdOf(marked.revision)));
  EXPECT_FALSE(Holds(invented.id));
}

// Story: only pushes looked at the edge's standing in their own work; what else had waited while the
// edge was revoked went through.
TEST_F(IntakeTest, WhateverAnEdgeSaysThatWaitedWhileItWasRevokedIsRefusedWithoutEffect) {
  Capture("S1");
  const Epoch epoch = Welcomed(Hello(0)).epoch;
  const wire::OfferedRevision marked = Marked("S2");
  ExpectOk(store_->Write([&](CentralWriter& writer) {
    return writer.SetEdgeStanding(kisumu_, EdgeStanding::kRevoked, "Device stolen");
  }));
  ExpectRefused(Push(epoch, 1, 1), ErrorCode::kRevokedEdge);
  ExpectRefused(Offer(epoch, {marked}), ErrorCode::kRevokedEdge);
  wire::Endorsement endorsement;
  endorsement.epoch = epoch;
  Answer answer;
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(answer, TakeEndorsement(writer, registry_, Context("g1"), endorsement));
    return Ok();
  }));
  ExpectRefused(answer, ErrorCode::kRevokedEdge);
  ExpectRefused(Say(Hello(0)), ErrorCode::kRevokedEdge);
  EXPECT_FALSE(Holds(sent_[0].id));
  EXPECT_FALSE(Holds(IdOf(marked.revision)));
  EXPECT_EQ(Row().acknowledged_through, Sequence());
}

}  // namespace
}  // namespace edcsync::central
