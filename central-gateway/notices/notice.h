// What a notice is outside of the store: the topics that channels subscribe to, its names, its link
// into the conflict desk, and its JSON.
//
//   found by   central-gateway/notices/watch.h
//   kept in    central-gateway/store/notice_store.h
//   told by    central-gateway/notices/message.h
//
// A notice leaves the building, perhaps unencrypted at its end: it names study, site, record,
// conflict, edge, severity and times, and NEVER an item value or a reason for change.
// Threads: any.
#pragma once

#include <nlohmann/json.hpp>
#include <set>

#include "central-gateway/store/notice_store.h"
#include "shared/base/json.h"

namespace edcsync::central {

// What a channel asks for: a kind, together with the kind that takes it back.
enum class NoticeTopic : std::uint8_t {
  kHardConflict,
  kConflictOverdue,
  kQuarantine,
  kEdgeSilent,
  kClockDrift,
  kReconciliation,
};
using NoticeTopics = std::set<NoticeTopic>;

inline constexpr NoticeTopic kAllTopics[] = {
    NoticeTopic::kHardConflict, NoticeTopic::kConflictOverdue, NoticeTopic::kQuarantine,
    NoticeTopic::kEdgeSilent,   NoticeTopic::kClockDrift,      NoticeTopic::kReconciliation};
inline constexpr NoticeKind kAllKinds[] = {
    NoticeKind::kHardConflict,         NoticeKind::kConflictOverdue,
    NoticeKind::kQuarantine,           NoticeKind::kEdgeSilent,
    NoticeKind::kEdgeBack,             NoticeKind::kClockDrift,
    NoticeKind::kClockRight,           NoticeKind::kReconciliationMended,
    NoticeKind::kReconciliationUnmended, NoticeKind::kReconciliationOverdue};

NoticeTopic TopicOf(NoticeKind kind);
// "hard_conflict", "conflict_overdue", "quarantine", "edge_silent", "clock_drift", "reconciliation".
std::string_view ToString(NoticeTopic topic);
std::optional<NoticeTopic> ParseTopic(std::string_view name);
// As the topics, and "edge_back", "clock_right"; "reconciliation_mended", "reconciliation_unmended",
// "reconciliation_overdue".
std::string_view ToString(NoticeKind kind);

// The reconciliation that a notice of kinds kReconciliationMended and ...Unmended tells of, by its
// number; empty for others.
std::string ReconciliationOf(const NoticeRow& notice);

// Where the desk shows it: "https://desk.example.org:8443/conflicts/117"; empty without a desk.
std::string LinkOf(const NoticeRow& notice, const std::string& desk_url);

// {"id", "kind", "studyOID", ...}: schema/notices.md. What it has no word for is null.
Json NoticeJson(const NoticeRow& notice, const std::string& desk_url);

// `text` as one line that shows in the order it is read: control and format characters that break
// lines or turn the direction of writing (Unicode C0, C1, line separators, bidirectional controls)
// become spaces; at most `bytes_max` bytes, cut between characters.
std::string OneLine(std::string_view text, std::size_t bytes_max);

}  // namespace edcsync::central
