// The states a feed entry tells besides revisions, in the form they are kept in the feed table:
// a JSON object each, so that `feed tail` and a reader of the database can read them.
#pragma once

#include "central-gateway/store/central_types.h"
#include "shared/wire/frames.h"

namespace edcsync::central {

// Of a proposal its id only: what is proposed stands sealed in table `proposal`.
Bytes EncodeConflict(const wire::ConflictState& state);
Bytes EncodeLock(const wire::LockState& state);
Bytes EncodeQuarantine(const wire::QuarantineState& state);

// kCorrupt if the row's detail is not what was encoded.
Status DecodeDetail(const FeedRow& row, wire::FeedEntry& entry);

}  // namespace edcsync::central
