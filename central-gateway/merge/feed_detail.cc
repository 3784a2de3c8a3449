#include "central-gateway/merge/feed_detail.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"

namespace edcsync::central {
namespace {

Bytes ToBytes(const Json& json) {
  const std::string text = json.dump();
  return Bytes(text.begin(), text.end());
}

RevisionId IdAt(const Json& json) { return RevisionIdFromHex(json.get<std::string>()).value(); }

}  // namespace

Bytes EncodeConflict(const wire::ConflictState& state) {
  Json heads = Json::array();
  for (const RevisionId& head : state.heads) heads.push_back(head.ToHex());
  Json json{{"conflictId", state.conflict_id},
            {"key", ToString(state.key)},
            {"open", state.open},
            {"severity", static_cast<int>(state.severity)},
            {"heads", heads}};
  if (state.proposal.proposal_id != 0) json["proposalId"] = state.proposal.proposal_id;
  return ToBytes(json);
}

Bytes EncodeLock(const wire::LockState& state) {
  return ToBytes({{"locked", state.locked},
                  {"scope", static_cast<int>(state.scope)},
                  {"study", state.study.str()},
                  {"site", state.site.str()},
                  {"subject", state.subject.str()},
                  {"form", state.form}});
}

Bytes EncodeQuarantine(const wire::QuarantineState& state) {
  return ToBytes(
      {{"revision", state.revision.ToHex()}, {"state", state.state}, {"reason", state.reason}});
}

Status DecodeDetail(const FeedRow& row, wire::FeedEntry& entry) {
  try {
    const Json json = Json::parse(row.detail.begin(), row.detail.end());
    switch (row.kind) {
      case FeedKind::kConflict: {
        wire::ConflictState& state = entry.conflict;
        state.conflict_id = json.at("conflictId").get<std::uint64_t>();
        EDCSYNC_ASSIGN(state.key, ParseRecordKey(json.at("key").get<std::string>()));
        state.open = json.at("open").get<bool>();
        state.severity = static_cast<Severity>(json.at("severity").get<int>());
        for (const Json& head : json.at("heads")) state.heads.push_back(IdAt(head));
        state.proposal.proposal_id = json.value("proposalId", std::uint64_t{0});
        return Ok();
      }
      case FeedKind::kLock: {
        wire::LockState& state = entry.lock;
        state.locked = json.at("locked").get<bool>();
        state.scope = static_cast<wire::LockScope>(json.at("scope").get<int>());
        state.study = StudyOID(json.at("study").get<std::string>());
        state.site = SiteOID(json.at("site").get<std::string>());
        state.subject = SubjectKey(json.at("subject").get<std::string>());
        state.form = json.at("form").get<std::string>();
        return Ok();
      }
      case FeedKind::kQuarantine: {
        wire::QuarantineState& state = entry.quarantine;
        state.revision = IdAt(json.at("revision"));
        state.state = json.at("state").get<std::uint8_t>();
        state.reason = json.at("reason").get<std::uint16_t>();
        return Ok();
      }
      case FeedKind::kRevision:
        return Ok();
    }
  } catch (const std::exception&) {
  }
  return Fail(ErrorCode::kCorrupt,
              "Feed entry " + std::to_string(row.cursor.value()) + " cannot be read");
}

}  // namespace edcsync::central
