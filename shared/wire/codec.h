// Frames to bytes and back, sealed:
//   "EDCS" | u8 protocol version | u8 kind | u8 flags (0) | u8 0 | CMS( zstd( cereal portable
//   binary ( header again, sender, receiver, body ) ) )
// The header stands inside the signature too, with both names, so a frame cannot be redirected
// or passed off as another kind. Every length is checked before memory is taken; decompressed
// size is at most limits::kFramePayloadBytesMax.
//
// Threads: any; const calls share nothing that changes.
#pragma once

#include "shared/crypto/seal.h"
#include "shared/wire/frames.h"

namespace edcsync::wire {

FrameKind KindOf(const Frame& frame);

// The frame's unsealed form. Split from sealing for the fuzzers and for those who must look at a
// payload after its signature was checked.
Result<Bytes> EncodePayload(const Frame& frame, std::string_view sender,
                            std::string_view receiver);
// Fails with kMalformed, kTooLarge, kUnsupportedVersion, kUnknownKind; kBadSeal if the names are
// not those expected.
Result<Frame> DecodePayload(BytesView payload, std::string_view sender, std::string_view receiver);

// A sealed frame from us (`sealer`'s common name) to `receiver`. kTooLarge beyond
// limits::kFrameBytesMax.
Result<Bytes> SealFrame(const Frame& frame, const Sealer& sealer, const Certificate& receiver);

// Opens and decodes. Errors of Sealer::Open and DecodePayload.
Result<Frame> OpenFrame(BytesView bytes, const Sealer& sealer, const Certificate& sender);

}  // namespace edcsync::wire
