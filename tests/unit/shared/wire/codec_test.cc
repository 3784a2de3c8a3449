#include "shared/wire/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "shared/base/limits.h"
#include "tests/support/slowdown.h"

namespace edcsync::wire {
namespace {

constexpr std::string_view kEdge = "kisumu-1";
constexpr std::string_view kGateway = "gateway";

template <std::size_t N>
std::array<std::uint8_t, N> Filled(std::uint8_t first) {
  std::array<std::uint8_t, N> bytes;
  for (std::size_t i = 0; i < N; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

FeedEntry Entry(std::uint64_t cursor, FeedKind kind) {
  FeedEntry entry;
  entry.cursor = FeedCursor(cursor);
  entry.kind = kind;
  return entry;
}

// One frame of each kind, every field away from its default.
std::vector<Frame> Samples() {
  const Digest chain = Filled<32>(7);
  Hello hello{77, {Filled<16>(1)}, "edge-agent 0.1.0", Sequence(12), Sequence(9), chain,
              {Filled<16>(2)}, FeedCursor(5), WallTime{1234}, true};
  Push push{Epoch(3), Sequence(10), {Bytes{1, 2, 3}, Bytes{}, Bytes(1000, 0xAB)}};
  Offer offer{Epoch(4), 2, {{Bytes{9, 8}, chain}, {Bytes(3, 1), Filled<32>(9)}}};
  Welcome welcome{77, Epoch(3), GatewayId("gw-a"), Sequence(9), chain, {1024, 8},
                  WallTime{1'790'000'000'123}, {Filled<16>(3)}, FeedCursor(44)};
  Receipt receipt{Epoch(3), Sequence(11), chain,
                  {{Sequence(10), Outcome::kHeld, 113}, {Sequence(11), Outcome::kConflictLost, 0}},
                  6, {2048, 4}};
  Feed feed{Epoch(3), {}, FeedCursor(99), true};
  feed.entries.push_back(Entry(90, FeedKind::kRevision));
  feed.entries.back().revision = Bytes{5, 5, 5};
  feed.entries.back().mark = chain;
  feed.entries.push_back(Entry(91, FeedKind::kConflict));
  feed.entries.back().conflict = {
      424242,
      {StudyOID("S"), SubjectKey("01-702-1082"), StudyEventOID("SE.1"), RepeatKey("2"),
       FormOID("F.VS"), RepeatKey("1")},
      true, Severity::kHard, {RevisionId{chain}, RevisionId{Filled<32>(8)}},
      {777, "Grace Achieng", Bytes{4, 4}}};
  feed.entries.push_back(Entry(92, FeedKind::kLock));
  feed.entries.back().lock = {false, LockScope::kForm, StudyOID("S"), SiteOID("SITE.702"),
                              SubjectKey("01"), "S/01/SE.1/F.VS"};
  feed.entries.push_back(Entry(93, FeedKind::kQuarantine));
  feed.entries.back().quarantine = {RevisionId{chain}, 3, 110};
  return {hello, push, Pull{Epoch(3), FeedCursor(6), 500}, offer, welcome, receipt, feed,
          Nudge{Epoch(3), FeedCursor(7)},
          Refuse{302, 77, Epoch(3), Sequence(10), 1500, "Resend from 10, bitte schön"},
          Endorsement{Epoch(3), 777, RevisionId{chain}, true, "investigator", "seen",
                      WallTime{1234}},
          EndorsementReceipt{Epoch(3), 777, ProposalState::kSuperseded},
          Compare{Epoch(3), 9, 4, ReconcileQuestion::kGive, {Sequence(5), FeedCursor(6), 7},
                  Sequence(8), FeedCursor(9), {Filled<16>(4)}, {1, 65535}, 11, {RevisionId{chain}}},
          Comparison{Epoch(3), 9, 4, ReconcileAnswer::kNotYet, {Sequence(5), FeedCursor(6), 7},
                     Sequence(8), {{chain, 3}},
                     {{12, {StudyOID("S"), SubjectKey("01"), StudyEventOID("SE.1"), RepeatKey("1"),
                            FormOID("F.VS"), RepeatKey("1")}, RevisionId{chain}}},
                     true, {RevisionPresence::kHeld}, "{\"a\":1}", Bytes{1, 2}, "schön"},
          Return{Epoch(3), 9, 4, {{Bytes{9, 8}, chain}}, {RevisionId{Filled<32>(8)}}},
          Redelivery{Epoch(3), 9, 4, true, {{Bytes{9, 8}, chain}}},
          Settlement{Epoch(3), 9, 4, "{\"b\":2}", Bytes{3, 4}}};
}

Bytes Unpack(BytesView packed) {
  Bytes plain(limits::kFramePayloadBytesMax);
  plain.resize(ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size()));
  return plain;
}

Bytes Pack(BytesView plain) {
  Bytes packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  return packed;
}

Bytes PlainOf(const Frame& frame) { return Unpack(EncodePayload(frame, kEdge, kGateway).value()); }

ErrorCode CodeOf(BytesView plain) {
  const auto frame = DecodePayload(Pack(plain), kEdge, kGateway);
  return frame.ok() ? ErrorCode::kInternal : frame.error().code;
}

// The place of a push's revision count: mark, header, two names, epoch and first sequence.
constexpr std::size_t kBodyAt = 1 + 4 + (4 + kEdge.size()) + (4 + kGateway.size());
constexpr std::size_t kCountAt = kBodyAt + 8 + 8;

void PutU32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i, value >>= 8) bytes[at + i] = static_cast<std::uint8_t>(value);
}

TEST(Codec, EveryKindComesBackWithEveryField) {
  for (const Frame& sample : Samples()) {
    const Bytes plain = PlainOf(sample);
    const auto frame = DecodePayload(EncodePayload(sample, kEdge, kGateway).value(), kEdge,
                                     kGateway);
    ASSERT_TRUE(frame.ok()) << sample.index() << " " << frame.error().ToString();
    EXPECT_EQ(frame->index(), sample.index());
    EXPECT_EQ(PlainOf(*frame), plain) << sample.index();
  }
  // Equal bytes could hide a field that is never written: look at those of the longest frames.
  const auto samples = Samples();
  const Feed feed = std::get<Feed>(
      *DecodePayload(EncodePayload(samples[6], kEdge, kGateway).value(), kEdge, kGateway));
  const Feed& sent = std::get<Feed>(samples[6]);
  ASSERT_EQ(feed.entries.size(), 4u);
  EXPECT_EQ(feed.entries[0].mark, sent.entries[0].mark);
  EXPECT_EQ(feed.entries[1].conflict.key, sent.entries[1].conflict.key);
  EXPECT_EQ(feed.entries[1].conflict.heads, sent.entries[1].conflict.heads);
  EXPECT_EQ(feed.entries[1].conflict.severity, Severity::kHard);
  EXPECT_TRUE(feed.entries[1].conflict.open);
  EXPECT_EQ(feed.entries[1].conflict.proposal.proposal_id, 777u);
  EXPECT_EQ(feed.entries[1].conflict.proposal.proposed_by, "Grace Achieng");
  EXPECT_EQ(feed.entries[1].conflict.proposal.revision, (Bytes{4, 4}));
  EXPECT_EQ(feed.entries[2].lock.form, sent.entries[2].lock.form);
  EXPECT_EQ(feed.entries[3].quarantine.reason, 110);
  EXPECT_EQ(feed.next, FeedCursor(99));
  EXPECT_TRUE(feed.more);
  const Hello hello = std::get<Hello>(
      *DecodePayload(EncodePayload(samples[0], kEdge, kGateway).value(), kEdge, kGateway));
  EXPECT_EQ(hello.release, "edge-agent 0.1.0");
  EXPECT_EQ(hello.feed_cursor, FeedCursor(5));
  EXPECT_EQ(hello.edge_time, WallTime{1234});
  EXPECT_TRUE(hello.chain_differs);
  const Endorsement endorsement = std::get<Endorsement>(
      *DecodePayload(EncodePayload(samples[9], kEdge, kGateway).value(), kEdge, kGateway));
  EXPECT_EQ(endorsement.revision, RevisionId{Filled<32>(7)});
  EXPECT_TRUE(endorsement.accepted);
  EXPECT_EQ(endorsement.user, "investigator");
  EXPECT_EQ(endorsement.answered_at, WallTime{1234});
}

TEST(Codec, AFrameCutAtAnyByteOrWithBytesBehindItIsMalformed) {
  for (const Frame& sample : Samples()) {
    Bytes plain = PlainOf(sample);
    for (std::size_t size = 0; size < plain.size(); ++size) {
      ASSERT_EQ(CodeOf(BytesView(plain).first(size)), ErrorCode::kMalformed)
          << sample.index() << " at " << size;
    }
    plain.push_back(0);
    EXPECT_EQ(CodeOf(plain), ErrorCode::kMalformed);

    Bytes packed = EncodePayload(sample, kEdge, kGateway).value();
    for (std::size_t size = 0; size < packed.size(); ++size) {
      ASSERT_FALSE(DecodePayload(BytesView(packed).first(size), kEdge, kGateway).ok());
    }
    packed.push_back(0);
    EXPECT_FALSE(DecodePayload(packed, kEdge, kGateway).ok());
  }
}

TEST(Codec, EveryAlteredByteIsRefusedOrReadAsExactlyWhatItSays) {
  for (const Frame& sample : Samples()) {
    const Bytes plain = PlainOf(sample);
    for (std::size_t at = 0; at < std::min<std::size_t>(plain.size(), 600);
         at += testing::kSlowdown) {
      for (const std::uint8_t flip : {0x01, 0x80, 0xFF}) {
        Bytes altered = plain;
        altered[at] ^= flip;
        const auto frame = DecodePayload(Pack(altered), kEdge, kGateway);
        if (!frame.ok()) continue;
        ASSERT_EQ(PlainOf(*frame), altered) << sample.index() << " at " << at;
      }
    }
  }
}

TEST(Codec, ForgedCountsAndLengthsAreRefusedBeforeAnythingIsMade) {
  const Bytes plain = PlainOf(Push{Epoch(1), Sequence(1), {Bytes{1, 2, 3}}});
  Bytes forged = plain;
  PutU32(forged, kCountAt, 0xFFFFFFFF);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kTooLarge);
  PutU32(forged, kCountAt, limits::kPushRevisionCountMax + 1);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kTooLarge);
  PutU32(forged, kCountAt, limits::kPushRevisionCountMax);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kMalformed);
  forged = plain;
  PutU32(forged, kCountAt + 4, 0xFFFFFFF0);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kTooLarge);
  PutU32(forged, kCountAt + 4, limits::kRevisionBytesMax + 1);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kTooLarge);
  PutU32(forged, kCountAt + 4, 4);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kMalformed);

  forged = PlainOf(Feed{Epoch(1), {}, FeedCursor(1), false});
  PutU32(forged, kBodyAt + 8, limits::kFeedEntryCountMax + 1);
  EXPECT_EQ(CodeOf(forged), ErrorCode::kTooLarge);
}

// They are stored as SQLite's signed integers: a larger one would come back negative.
TEST(Codec, SequencesEpochsAndCursorsBeyondSignedIntegersAreRefused) {
  constexpr std::uint64_t kMax = 0x7fff'ffff'ffff'ffff;
  EXPECT_EQ(CodeOf(PlainOf(Pull{Epoch(1), FeedCursor(kMax + 1), 1})), ErrorCode::kMalformed);
  EXPECT_EQ(CodeOf(PlainOf(Push{Epoch(kMax + 1), Sequence(1), {}})), ErrorCode::kMalformed);
  EXPECT_EQ(CodeOf(PlainOf(Push{Epoch(1), Sequence(kMax + 1), {}})), ErrorCode::kMalformed);
  EXPECT_TRUE(DecodePayload(Pack(PlainOf(Pull{Epoch(kMax), FeedCursor(kMax), 1})), kEdge,
                            kGateway).ok());
}

TEST(Codec, OurOwnFramesAreHeldToTheSameLimits) {
  const auto code = [](const Frame& frame) {
    const auto payload = EncodePayload(frame, kEdge, kGateway);
    return payload.ok() ? ErrorCode::kInternal : payload.error().code;
  };
  Push push;
  push.revisions.assign(limits::kPushRevisionCountMax + 1, Bytes{1});
  EXPECT_EQ(code(push), ErrorCode::kTooLarge);
  push.revisions.assign(1, Bytes(limits::kRevisionBytesMax + 1));
  EXPECT_EQ(code(push), ErrorCode::kTooLarge);
  push.revisions.assign(5, Bytes(limits::kRevisionBytesMax));  // Beyond one payload together.
  EXPECT_EQ(code(push), ErrorCode::kTooLarge);
  Refuse refuse;
  refuse.message = "\xC3";
  EXPECT_EQ(code(refuse), ErrorCode::kMalformed);
  Welcome welcome;
  welcome.gateway = GatewayId("../#");
  EXPECT_EQ(code(welcome), ErrorCode::kMalformed);
}

TEST(Codec, ADecompressionBombIsRefusedByItsStatedSize) {
  const Bytes zeros(limits::kFramePayloadBytesMax + 1);
  const Bytes bomb = Pack(zeros);
  ASSERT_LT(bomb.size(), 1000u);
  EXPECT_EQ(DecodePayload(bomb, kEdge, kGateway).error().code, ErrorCode::kTooLarge);

  // A stream that does not state its size is not believed either.
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  Bytes unknown(ZSTD_compressBound(zeros.size()));
  unknown.resize(ZSTD_compress2(context, unknown.data(), unknown.size(), zeros.data(),
                                zeros.size()));
  ZSTD_freeCCtx(context);
  EXPECT_EQ(DecodePayload(unknown, kEdge, kGateway).error().code, ErrorCode::kMalformed);
}

TEST(Codec, ForeignHeadersAreRefusedByTheirName) {
  const Bytes plain = PlainOf(Nudge{Epoch(1), FeedCursor(1)});
  const auto with = [&](std::size_t at, std::uint8_t byte) {
    Bytes altered = plain;
    altered[at] = byte;
    return CodeOf(altered);
  };
  EXPECT_EQ(with(0, 0), ErrorCode::kMalformed);  // Big endian.
  EXPECT_EQ(with(1, kProtocolVersion - 1), ErrorCode::kUnsupportedVersion);
  for (const std::uint8_t kind : {0, 8, 15, 25, 255}) {
    EXPECT_EQ(with(2, kind), ErrorCode::kUnknownKind) << int{kind};
  }
  EXPECT_EQ(with(3, 1), ErrorCode::kMalformed);
  EXPECT_EQ(with(4, 1), ErrorCode::kMalformed);
}

struct Party {
  Certificate certificate;
  Sealer sealer;
};

class SealedFrames : public ::testing::Test {
 protected:
  Party Make(const std::string& name, CertificateAuthority::Purpose purpose) {
    const PrivateKey key = PrivateKey::Generate().value();
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = "SITE.702";
    request.purpose = purpose;
    request.not_before = kNow;
    request.valid_days = 10;
    Certificate certificate = authority_.Issue(key, request, random_).value();
    return {certificate, Sealer::Create(key, certificate).value()};
  }
  static ErrorCode CodeOf(const Result<Frame>& frame) {
    return frame.ok() ? ErrorCode::kInternal : frame.error().code;
  }

  static constexpr WallTime kNow{1'790'000'000'000};
  SystemRandom random_;
  CertificateAuthority authority_ =
      CertificateAuthority::Create("Trial CA", kNow, 100, random_).value();
  Party kisumu_ = Make("kisumu-1", CertificateAuthority::Purpose::kEdge);
  Party tororo_ = Make("tororo-1", CertificateAuthority::Purpose::kEdge);
  Party gateway_ = Make("gateway", CertificateAuthority::Purpose::kGateway);
  Frame nudge_ = Nudge{Epoch(1), FeedCursor(7)};
};

TEST_F(SealedFrames, OpenAtTheirReceiverOnlyAndFromTheirSenderOnly) {
  const Bytes bytes = SealFrame(nudge_, gateway_.sealer, kisumu_.certificate).value();
  const auto frame = OpenFrame(bytes, kisumu_.sealer, gateway_.certificate);
  ASSERT_TRUE(frame.ok()) << frame.error().ToString();
  EXPECT_EQ(std::get<Nudge>(*frame).feed_head, FeedCursor(7));
  EXPECT_EQ(CodeOf(OpenFrame(bytes, tororo_.sealer, gateway_.certificate)), ErrorCode::kBadSeal);
  EXPECT_EQ(CodeOf(OpenFrame(bytes, kisumu_.sealer, tororo_.certificate)), ErrorCode::kBadSeal);
}

// Who may read a frame may seal its signed content anew; the names inside tell.
TEST_F(SealedFrames, AFrameMadeForAnotherReceiverOrAsAnotherKindIsRefused) {
  const auto sealed = [&](std::string_view sender, std::string_view receiver, std::uint8_t kind) {
    const Bytes payload = EncodePayload(nudge_, sender, receiver).value();
    Bytes bytes{'E', 'D', 'C', 'S', kProtocolVersion, kind, 0, 0};
    Append(bytes, gateway_.sealer.Seal(payload, kisumu_.certificate).value());
    return CodeOf(OpenFrame(bytes, kisumu_.sealer, gateway_.certificate));
  };
  EXPECT_EQ(sealed("gateway", "kisumu-1", 19), ErrorCode::kInternal);  // Opens.
  EXPECT_EQ(sealed("gateway", "tororo-1", 19), ErrorCode::kBadSeal);
  EXPECT_EQ(sealed("tororo-1", "kisumu-1", 19), ErrorCode::kBadSeal);
  EXPECT_EQ(sealed("gateway", "kisumu-1", 17), ErrorCode::kBadSeal);
}

TEST_F(SealedFrames, ClearHeadersAreJudgedBeforeTheSeal) {
  const Bytes good = SealFrame(nudge_, gateway_.sealer, kisumu_.certificate).value();
  const auto with = [&](std::size_t at, std::uint8_t byte) {
    Bytes bytes = good;
    bytes[at] = byte;
    return CodeOf(OpenFrame(bytes, kisumu_.sealer, gateway_.certificate));
  };
  EXPECT_EQ(with(0, 'X'), ErrorCode::kMalformed);
  EXPECT_EQ(with(4, 9), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(with(5, 99), ErrorCode::kUnknownKind);
  EXPECT_EQ(with(6, 1), ErrorCode::kMalformed);
  EXPECT_EQ(with(7, 1), ErrorCode::kMalformed);
  EXPECT_EQ(with(good.size() - 1, static_cast<std::uint8_t>(good.back() ^ 1)),
            ErrorCode::kBadSeal);
  EXPECT_EQ(CodeOf(OpenFrame(BytesView(good).first(7), kisumu_.sealer, gateway_.certificate)),
            ErrorCode::kMalformed);
  EXPECT_EQ(CodeOf(OpenFrame(Bytes(limits::kFrameBytesMax + 1), kisumu_.sealer,
                             gateway_.certificate)),
            ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace edcsync::wire
