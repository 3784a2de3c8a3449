#include "shared/wire/codec.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "shared/base/check.h"
#include "shared/wire/frame_fields.h"
#include "shared/wire/reconcile_fields.h"

namespace edcsync::wire {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'E', 'D', 'C', 'S'};
constexpr std::size_t kHeaderBytes = 8;
constexpr std::uint8_t kLittleEndian = 1;  // The first byte of cereal's archive.
constexpr int kCompressionLevel = 3;       // 5 times smaller at 500 MB/s; more costs too much.

// Stands in the clear before the seal and again inside it, where it is signed.
struct Header {
  std::uint8_t version = kProtocolVersion;
  std::uint8_t kind = 0;
  std::uint8_t flags = 0;
  std::uint8_t reserved = 0;
};

bool IsKnownKind(std::uint8_t kind) {
  return (kind >= static_cast<std::uint8_t>(FrameKind::kHello) &&
          kind <= static_cast<std::uint8_t>(FrameKind::kReturn)) ||
         (kind >= static_cast<std::uint8_t>(FrameKind::kWelcome) &&
          kind <= static_cast<std::uint8_t>(FrameKind::kSettlement));
}

Status CheckHeader(const Header& header) {
  if (header.version != kProtocolVersion) {
    return Fail(ErrorCode::kUnsupportedVersion, "The frame is of protocol version " +
                                                    std::to_string(header.version) + ", not " +
                                                    std::to_string(kProtocolVersion));
  }
  if (!IsKnownKind(header.kind)) {
    return Fail(ErrorCode::kUnknownKind, "No frame has the kind " + std::to_string(header.kind));
  }
  if (header.flags != 0 || header.reserved != 0) {
    return Fail(ErrorCode::kMalformed, "The frame's flags are not 0");
  }
  return Ok();
}

template <class Io, class H>
void HeaderFields(Io& io, H& header) {
  io.Number("version", header.version);
  io.Number("kind", header.kind);
  io.Number("flags", header.flags);
  io.Number("reserved", header.reserved);
}

Result<Bytes> Compress(BytesView plain) {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  CHECK(context != nullptr);
  Bytes packed(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compressCCtx(context.get(), packed.data(), packed.size(),
                                             plain.data(), plain.size(), kCompressionLevel);
  if (ZSTD_isError(size)) {
    return Fail(ErrorCode::kInternal,
                std::string("The frame was not compressed: ") + ZSTD_getErrorName(size));
  }
  packed.resize(size);
  return packed;
}

// One zstd frame that tells its size and fills the input to its end.
Result<Bytes> Decompress(BytesView packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Fail(ErrorCode::kMalformed, "The payload is no zstd frame of known size");
  }
  if (size > limits::kFramePayloadBytesMax) {
    return Fail(ErrorCode::kTooLarge, "The payload is larger than the limit of " +
                                          std::to_string(limits::kFramePayloadBytesMax));
  }
  if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size()) {
    return Fail(ErrorCode::kMalformed, "The payload is not exactly one zstd frame");
  }
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  CHECK(context != nullptr);
  Bytes plain(static_cast<std::size_t>(size));
  const std::size_t got = ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(),
                                              packed.data(), packed.size());
  if (ZSTD_isError(got) || got != plain.size()) {
    return Fail(ErrorCode::kMalformed, "The payload does not decompress");
  }
  return plain;
}

Frame EmptyFrame(FrameKind kind) {
  switch (kind) {
    case FrameKind::kHello: return Hello();
    case FrameKind::kPush: return Push();
    case FrameKind::kPull: return Pull();
    case FrameKind::kOffer: return Offer();
    case FrameKind::kEndorsement: return Endorsement();
    case FrameKind::kComparison: return Comparison();
    case FrameKind::kReturn: return Return();
    case FrameKind::kWelcome: return Welcome();
    case FrameKind::kReceipt: return Receipt();
    case FrameKind::kFeed: return Feed();
    case FrameKind::kNudge: return Nudge();
    case FrameKind::kRefuse: return Refuse();
    case FrameKind::kEndorsementReceipt: return EndorsementReceipt();
    case FrameKind::kCompare: return Compare();
    case FrameKind::kRedelivery: return Redelivery();
    case FrameKind::kSettlement: return Settlement();
  }
  CHECK(false);
}

Status CheckComparison(const Comparison& comparison) {
  if (!IsUtf8(comparison.statement) || !IsUtf8(comparison.message)) {
    return Fail(ErrorCode::kMalformed, "A comparison's statement or message is not UTF-8");
  }
  for (const ListedRevision& listed : comparison.revisions) {
    if (!CheckRecordKey(listed.key).ok()) {
      return Fail(ErrorCode::kMalformed, "A listed revision's record key is not valid");
    }
  }
  return Ok();
}

// What a reader may build on though it came from outside: a gateway's name is part of a topic, a
// record key of a row. A frame's maker is held to the same.
Status CheckContent(const Frame& frame) {
  if (const auto* hello = std::get_if<Hello>(&frame); hello && !IsUtf8(hello->release)) {
    return Fail(ErrorCode::kMalformed, "release is not UTF-8");
  }
  if (const auto* refuse = std::get_if<Refuse>(&frame); refuse && !IsUtf8(refuse->message)) {
    return Fail(ErrorCode::kMalformed, "message is not UTF-8");
  }
  if (const auto* welcome = std::get_if<Welcome>(&frame);
      welcome && !IsDeviceName(welcome->gateway.str())) {
    return Fail(ErrorCode::kMalformed, "gateway is no device name");
  }
  if (const auto* endorsement = std::get_if<Endorsement>(&frame);
      endorsement && !(IsUtf8(endorsement->user) && IsUtf8(endorsement->reason))) {
    return Fail(ErrorCode::kMalformed, "An endorsement's user or reason is not UTF-8");
  }
  if (const auto* comparison = std::get_if<Comparison>(&frame)) {
    return CheckComparison(*comparison);
  }
  if (const auto* settlement = std::get_if<Settlement>(&frame);
      settlement && !IsUtf8(settlement->report)) {
    return Fail(ErrorCode::kMalformed, "A report is not UTF-8");
  }
  const auto* feed = std::get_if<Feed>(&frame);
  if (feed == nullptr) return Ok();
  for (const FeedEntry& entry : feed->entries) {
    if (entry.kind == FeedKind::kConflict && !CheckRecordKey(entry.conflict.key).ok()) {
      return Fail(ErrorCode::kMalformed, "A conflict's record key is not valid");
    }
    if (entry.kind == FeedKind::kConflict && !IsUtf8(entry.conflict.proposal.proposed_by)) {
      return Fail(ErrorCode::kMalformed, "A proposal's name is not UTF-8");
    }
    if (entry.kind != FeedKind::kLock) continue;
    const LockState& lock = entry.lock;
    for (const std::string* text : {&lock.study.str(), &lock.site.str(), &lock.subject.str(),
                                    &lock.form}) {
      if (!IsUtf8(*text)) return Fail(ErrorCode::kMalformed, "A lock's key is not UTF-8");
    }
  }
  return Ok();
}

}  // namespace

FrameKind KindOf(const Frame& frame) {
  static constexpr FrameKind kKinds[] = {
      FrameKind::kHello,   FrameKind::kPush,    FrameKind::kPull, FrameKind::kOffer,
      FrameKind::kEndorsement, FrameKind::kComparison, FrameKind::kReturn, FrameKind::kWelcome,
      FrameKind::kReceipt, FrameKind::kFeed,    FrameKind::kNudge,   FrameKind::kRefuse,
      FrameKind::kEndorsementReceipt, FrameKind::kCompare, FrameKind::kRedelivery,
      FrameKind::kSettlement};
  static_assert(std::size(kKinds) == std::variant_size_v<Frame>);
  return kKinds[frame.index()];
}

Result<Bytes> EncodePayload(const Frame& frame, std::string_view sender,
                            std::string_view receiver) {
  EDCSYNC_TRY(CheckContent(frame));
  FrameWriter writer;
  Header header;
  header.kind = static_cast<std::uint8_t>(KindOf(frame));
  HeaderFields(writer, header);
  writer.Text32("sender", sender, kNameBytesMax);
  writer.Text32("receiver", receiver, kNameBytesMax);
  std::visit([&](const auto& body) { BodyFields(writer, body); }, frame);
  EDCSYNC_TRY(writer.error());
  const Bytes plain = writer.TakeBytes();
  if (plain.size() > limits::kFramePayloadBytesMax) {
    return Fail(ErrorCode::kTooLarge, "The payload is larger than the limit of " +
                                          std::to_string(limits::kFramePayloadBytesMax));
  }
  return Compress(plain);
}

Result<Frame> DecodePayload(BytesView payload, std::string_view sender,
                            std::string_view receiver) {
  EDCSYNC_ASSIGN(const Bytes plain, Decompress(payload));
  if (plain.empty() || plain[0] != kLittleEndian) {
    return Fail(ErrorCode::kMalformed, "The payload is no little-endian cereal archive");
  }
  FrameReader reader(plain);
  Header header;
  HeaderFields(reader, header);
  EDCSYNC_TRY(reader.error());
  EDCSYNC_TRY(CheckHeader(header));
  std::string named_sender;
  std::string named_receiver;
  reader.Text32("sender", named_sender, kNameBytesMax);
  reader.Text32("receiver", named_receiver, kNameBytesMax);
  EDCSYNC_TRY(reader.error());
  if (named_sender != sender || named_receiver != receiver) {
    return Fail(ErrorCode::kBadSeal,
                "The frame was made by another sender or for another receiver");
  }
  Frame frame = EmptyFrame(static_cast<FrameKind>(header.kind));
  std::visit([&](auto& body) { BodyFields(reader, body); }, frame);
  EDCSYNC_TRY(reader.error());
  if (reader.Remaining() != 0) {
    return Fail(ErrorCode::kMalformed, "Bytes follow the frame's end");
  }
  EDCSYNC_TRY(CheckContent(frame));
  return frame;
}

Result<Bytes> SealFrame(const Frame& frame, const Sealer& sealer, const Certificate& receiver) {
  EDCSYNC_ASSIGN(const Bytes payload, EncodePayload(frame, sealer.certificate().CommonName(),
                                                    receiver.CommonName()));
  EDCSYNC_ASSIGN(const Bytes sealed, sealer.Seal(payload, receiver));
  if (kHeaderBytes + sealed.size() > limits::kFrameBytesMax) {
    return Fail(ErrorCode::kTooLarge, "The frame is larger than the limit of " +
                                          std::to_string(limits::kFrameBytesMax));
  }
  Bytes bytes;
  bytes.reserve(kHeaderBytes + sealed.size());
  Append(bytes, kMagic);
  const std::uint8_t kind = static_cast<std::uint8_t>(KindOf(frame));
  Append(bytes, std::array<std::uint8_t, 4>{kProtocolVersion, kind, 0, 0});
  Append(bytes, sealed);
  return bytes;
}

Result<Frame> OpenFrame(BytesView bytes, const Sealer& sealer, const Certificate& sender) {
  if (bytes.size() > limits::kFrameBytesMax) {
    return Fail(ErrorCode::kTooLarge, "The frame is larger than the limit of " +
                                          std::to_string(limits::kFrameBytesMax));
  }
  if (bytes.size() < kHeaderBytes || !std::ranges::equal(bytes.first(kMagic.size()), kMagic)) {
    return Fail(ErrorCode::kMalformed, "The bytes are no frame: they do not start with EDCS");
  }
  const Header header{bytes[4], bytes[5], bytes[6], bytes[7]};
  EDCSYNC_TRY(CheckHeader(header));
  EDCSYNC_ASSIGN(const Bytes payload, sealer.Open(bytes.subspan(kHeaderBytes), sender,
                                                  limits::kFrameBytesMax));
  EDCSYNC_ASSIGN(Frame frame, DecodePayload(payload, sender.CommonName(),
                                            sealer.certificate().CommonName()));
  if (static_cast<std::uint8_t>(KindOf(frame)) != header.kind) {
    return Fail(ErrorCode::kBadSeal, "The frame's kind is not the one that was signed");
  }
  return frame;
}

}  // namespace edcsync::wire
