// Identifiers of the sync path that are no ODM keys (those are in shared/model/odm_keys.h).
#pragma once

#include <array>
#include <cstdint>

#include "shared/base/bytes.h"
#include "shared/base/strong.h"

namespace edcsync {

using EdgeId = StrongText<struct EdgeIdTag>;        // The device: [A-Za-z0-9._-]{1,64}.
using GatewayId = StrongText<struct GatewayIdTag>;  // One gateway process, same alphabet.
using Sequence = StrongNumber<struct SequenceTag>;  // Place in an incarnation's outbox, from 1.
using Epoch = StrongNumber<struct EpochTag>;        // Fencing token of a session, from 1.
using FeedCursor = StrongNumber<struct FeedCursorTag>;  // Place in the change feed; 0: before all.
using SnowflakeId = StrongNumber<struct SnowflakeIdTag>;

// 16 random bytes.
template <class Tag>
struct RandomId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const RandomId&, const RandomId&) = default;
  BytesView view() const { return bytes; }
  std::string ToHex() const { return edcsync::ToHex(bytes); }
};
using Incarnation = RandomId<struct IncarnationTag>;
using HistoryId = RandomId<struct HistoryIdTag>;

// SHA-256.
using Digest = std::array<std::uint8_t, 32>;

// True if `text` may name an edge or a gateway: 1 to 64 of [A-Za-z0-9._-], so that it is safe in
// a topic, a file name and a certificate.
bool IsDeviceName(std::string_view text);

}  // namespace edcsync
