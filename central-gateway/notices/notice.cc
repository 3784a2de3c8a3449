#include "central-gateway/notices/notice.h"

#include <array>

namespace edcsync::central {
namespace {

// The bytes of the UTF-8 character that begins with `first`; 1 for what begins none.
std::size_t CharacterBytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte >= 0xF0) return 4;
  if (byte >= 0xE0) return 3;
  return byte >= 0xC0 ? 2 : 1;
}

bool BreaksOrTurns(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  const auto second = static_cast<unsigned char>(character[1]);
  if (character.size() == 2) return (first == 0xC2 && second < 0xA0) || character == "\u061C";
  if (character.size() != 3 || first != 0xE2) return false;
  const auto third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE);
  return second == 0x81 && third >= 0xA6 && third <= 0xA9;  // U+2066 to U+2069.
}

template <class T>
Json OrNull(const T& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json OrNull(const std::optional<WallTime>& time) {
  return time ? Json(FormatUtc(*time)) : Json(nullptr);
}

}  // namespace

NoticeTopic TopicOf(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kHardConflict:
      return NoticeTopic::kHardConflict;
    case NoticeKind::kConflictOverdue:
      return NoticeTopic::kConflictOverdue;
    case NoticeKind::kQuarantine:
      return NoticeTopic::kQuarantine;
    case NoticeKind::kEdgeSilent:
    case NoticeKind::kEdgeBack:
      return NoticeTopic::kEdgeSilent;
    case NoticeKind::kClockDrift:
    case NoticeKind::kClockRight:
      return NoticeTopic::kClockDrift;
    case NoticeKind::kReconciliationMended:
    case NoticeKind::kReconciliationUnmended:
    case NoticeKind::kReconciliationOverdue:
      return NoticeTopic::kReconciliation;
  }
  return NoticeTopic::kHardConflict;
}

std::string_view ToString(NoticeTopic topic) {
  constexpr std::array<std::string_view, 6> kNames = {"hard_conflict", "conflict_overdue",
                                                      "quarantine",    "edge_silent",
                                                      "clock_drift",   "reconciliation"};
  return kNames.at(static_cast<std::size_t>(topic));
}

std::optional<NoticeTopic> ParseTopic(std::string_view name) {
  for (const NoticeTopic topic : kAllTopics) {
    if (ToString(topic) == name) return topic;
  }
  return std::nullopt;
}

std::string_view ToString(NoticeKind kind) {
  if (kind == NoticeKind::kEdgeBack) return "edge_back";
  if (kind == NoticeKind::kClockRight) return "clock_right";
  if (kind == NoticeKind::kReconciliationMended) return "reconciliation_mended";
  if (kind == NoticeKind::kReconciliationUnmended) return "reconciliation_unmended";
  if (kind == NoticeKind::kReconciliationOverdue) return "reconciliation_overdue";
  return ToString(TopicOf(kind));
}

std::string ReconciliationOf(const NoticeRow& notice) {
  if (notice.kind != NoticeKind::kReconciliationMended &&
      notice.kind != NoticeKind::kReconciliationUnmended) {
    return {};
  }
  return notice.id.substr(notice.id.rfind('-') + 1);
}

std::string LinkOf(const NoticeRow& notice, const std::string& desk_url) {
  if (desk_url.empty()) return {};
  if (notice.conflict != SnowflakeId()) {
    return desk_url + "/conflicts/" + std::to_string(notice.conflict.value());
  }
  if (notice.revision) return desk_url + "/quarantine/" + notice.revision->ToHex();
  return desk_url + "/overview";
}

Json NoticeJson(const NoticeRow& notice, const std::string& desk_url) {
  Json json;
  json["id"] = notice.id;
  json["kind"] = ToString(notice.kind);
  json["studyOID"] = OrNull(notice.study.str());
  json["siteOID"] = OrNull(notice.site.str());
  json["recordKey"] = OrNull(notice.record);
  json["conflictId"] = nullptr;
  if (notice.conflict != SnowflakeId()) {
    json["conflictId"] = std::to_string(notice.conflict.value());
  }
  json["revisionId"] = OrNull(notice.revision ? notice.revision->ToHex() : std::string());
  json["edgeId"] = OrNull(notice.edge.str());
  json["severity"] = OrNull(std::string(notice.severity ? ToString(*notice.severity) : ""));
  const ErrorInfo* reason = FindError(notice.reason);
  json["reason"] = OrNull(std::string(reason == nullptr ? "" : reason->name));
  json["at"] = FormatUtc(notice.at);
  json["since"] = OrNull(notice.since);
  json["dueAt"] = OrNull(notice.due_at);
  json["reconciliationId"] = OrNull(ReconciliationOf(notice));
  json["clockDriftMs"] = nullptr;
  if (notice.drift_ms) json["clockDriftMs"] = *notice.drift_ms;
  json["link"] = OrNull(LinkOf(notice, desk_url));
  return json;
}

std::string OneLine(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kCut = "\u2026";
  std::string line;
  while (!text.empty()) {
    const std::string_view character =
        text.substr(0, std::min(CharacterBytes(text.front()), text.size()));
    if (line.size() + character.size() + kCut.size() > bytes_max && text.size() > kCut.size()) {
      return line.append(kCut);
    }
    BreaksOrTurns(character) ? line.append(1, ' ') : line.append(character);
    text.remove_prefix(character.size());
  }
  return line;
}

}  // namespace edcsync::central
