// Every limit of the product, with its reason. A limit is checked before memory is taken.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edcsync::limits {

// --- A submission and its revision (shared/model) ---
inline constexpr std::size_t kOidBytesMax = 255;        // Longer OIDs occur in no study build seen.
inline constexpr std::size_t kRepeatKeyBytesMax = 64;
inline constexpr std::size_t kSubjectKeyBytesMax = 255;
inline constexpr std::size_t kUserBytesMax = 255;
inline constexpr std::size_t kReasonBytesMax = 4096;
inline constexpr std::size_t kValueBytesMax = 64 * 1024;  // A long narrative; files are not values.
inline constexpr std::size_t kItemGroupCountMax = 4096;
inline constexpr std::size_t kItemCountMax = 16384;       // In one record.
inline constexpr std::size_t kParentCountMax = 64;        // Heads one resolution may settle.
inline constexpr std::size_t kRevisionBytesMax = 512 * 1024;
inline constexpr std::size_t kSubmissionBytesMax = 4 * 1024 * 1024;  // One JSON object.

// --- A frame (shared/wire) ---
// Pushes are packed to the target; only a single larger revision exceeds it. 8 of these fly at
// once, and more than 1 MiB in flight stalls MQTT clients without TCP_NODELAY.
inline constexpr std::size_t kPushTargetBytes = 384 * 1024;  // Before compression (about 5:1).
inline constexpr std::size_t kPushRevisionCountMax = 512;
inline constexpr std::size_t kFrameBytesMax = 1024 * 1024;         // As sent.
inline constexpr std::size_t kFramePayloadBytesMax = 2 * 1024 * 1024;  // Decompressed.
inline constexpr std::size_t kFeedEntryCountMax = 512;
inline constexpr std::size_t kFramesInFlightMax = 8;
inline constexpr std::size_t kBytesInFlightMax = 1024 * 1024;

// --- Queues and stores ---
inline constexpr std::uint64_t kOutboxRevisionCountMax = 20'000'000;  // About 20 GB at the edge.
inline constexpr std::size_t kCaptureQueueMax = 4096;   // Submissions waiting for a commit.
inline constexpr std::size_t kIntakeQueueBytesMax = 64 * 1024 * 1024;  // Opened frames waiting.
inline constexpr std::size_t kGroupCommitWorkMax = 512;  // Works that share one commit.
// A group takes no further work once those in it hold so much memory, as four full frames do: nobody
// shall wait for the commit of a long backlog.
inline constexpr std::size_t kGroupCommitBytesAimed = 12 * 1024 * 1024;

// --- HTTP (shared/http) ---
inline constexpr std::size_t kHttpHeadBytesMax = 64 * 1024;  // Request line and headers.
inline constexpr std::size_t kHttpPathBytesMax = 6 * 1024;   // All ODM keys, percent-encoded.
inline constexpr std::size_t kHttpResponseBytesMax = 256 * 1024 * 1024;  // A client takes no more.

// --- Time ---
inline constexpr std::int64_t kClockSkewMsMax = 5 * 60 * 1000;  // Beyond: accepted and marked.
inline constexpr std::int64_t kSnowflakeBackwardsMsMax = 10;    // Waited out; beyond: refused.

static_assert(kRevisionBytesMax <= kFramePayloadBytesMax / 2, "one revision always fits a frame");
static_assert(kPushTargetBytes + kRevisionBytesMax <= kFramePayloadBytesMax,
              "a push that takes one more revision than its target still fits");
static_assert(kRevisionBytesMax <= kFrameBytesMax / 2, "incompressible values still fit");

}  // namespace edcsync::limits
