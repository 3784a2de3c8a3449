#include "edge-agent/site/endorsement.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"
#include "shared/base/limits.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kListMax = 1000;

Error NoSuchProposal(std::uint64_t id) {
  return {ErrorCode::kNotFound, "There is no proposal " + std::to_string(id)};
}

// The state people are shown: an answer's outcome at the centre, once it is known.
std::string_view StateOf(const ProposalHere& row) {
  return ToString(row.told && row.outcome ? *row.outcome : row.state);
}

Result<Json> SummaryJson(const ProposalHere& row) {
  EDCSYNC_ASSIGN(const Revision revision, DecodeRevision(row.canonical));
  Json json{{"proposalId", std::to_string(row.proposal_id)},
            {"conflictId", std::to_string(row.conflict_id)},
            {"key", row.record_key},
            {"revisionId", row.revision.ToHex()},
            {"proposedBy", row.proposed_by},
            {"proposedAt", FormatUtc({revision.edited_at.ms})},
            {"reason", revision.reason_for_change},
            {"state", StateOf(row)}};
  if (row.answered_at) {
    json["answer"] = {{"accepted", row.state == ProposalState::kAccepted},
                      {"user", row.answered_by},
                      {"at", FormatUtc(*row.answered_at)},
                      {"reason", row.answer_reason},
                      {"told", row.told}};
  } else {
    json["answer"] = nullptr;
  }
  return json;
}

Json ValueJson(const ItemState& state) {
  if (!state.present) return Json{{"present", false}};
  return Json{{"present", true}, {"value", state.value ? Json(*state.value) : Json(nullptr)}};
}

Status CheckAnswer(const SiteAnswer& answer) {
  if (answer.user.empty()) return Fail(ErrorCode::kFieldMissing, "user says who answers");
  if (!answer.accepted && answer.reason.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Fail(ErrorCode::kFieldMissing, "reason says why the proposal is rejected");
  }
  if (answer.user.size() > limits::kUserBytesMax ||
      answer.reason.size() > limits::kReasonBytesMax) {
    return Fail(ErrorCode::kTooLarge, "user may have " + std::to_string(limits::kUserBytesMax) +
                                          " bytes, reason " +
                                          std::to_string(limits::kReasonBytesMax));
  }
  if (IsUtf8(answer.user) && IsUtf8(answer.reason)) return Ok();
  return Fail(ErrorCode::kFieldInvalid, "user and reason are UTF-8");
}

}  // namespace

Status AnswerProposal(EdgeStore& store, const SiteAnswer& answer) {
  EDCSYNC_TRY(CheckAnswer(answer));
  return store.writer().Run([&]() -> Status {
    EdgeTables& tables = store.writer_tables();
    EDCSYNC_ASSIGN(std::optional<ProposalHere> row, tables.proposals.Find(answer.proposal_id));
    if (!row) return tl::unexpected<Error>(NoSuchProposal(answer.proposal_id));
    const ProposalState state =
        answer.accepted ? ProposalState::kAccepted : ProposalState::kRejected;
    if (row->state == state && row->answered_by == answer.user) return Ok();
    if (row->state != ProposalState::kWaiting) {
      return Fail(ErrorCode::kStale, "This proposal was answered by " + row->answered_by +
                                         " or is over; see `endorse list --all`");
    }
    EDCSYNC_ASSIGN(const RecordKey key, ParseRecordKey(row->record_key));
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const bool locked, tables.locks.Covers(key, checkpoint.site));
    if (answer.accepted && locked) {
      return Fail(ErrorCode::kLocked, row->record_key + " is locked; reject or wait");
    }
    row->state = state;
    row->answered_by = answer.user;
    row->answer_reason = answer.reason;
    row->answered_at = store.clock().Wall();
    EDCSYNC_TRY(tables.proposals.Answer(*row));
    AuditEntry entry;
    entry.at = *row->answered_at;
    entry.actor = answer.user;
    entry.action = "proposal." + std::string(ToString(state));
    entry.object = row->record_key;
    entry.detail =
        "proposal=" + std::to_string(row->proposal_id) + " revision=" + row->revision.ToHex();
    return tables.audit.Append(std::move(entry));
  });
}

Result<std::string> ProposalListJson(EdgeStore& store, bool all) {
  Json json{{"proposals", Json::array()}};
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::vector<ProposalHere> rows, tables.proposals.List(all, kListMax));
    for (const ProposalHere& row : rows) {
      EDCSYNC_ASSIGN(Json summary, SummaryJson(row));
      json["proposals"].push_back(std::move(summary));
    }
    return Ok();
  }));
  return json.dump();
}

Result<std::string> ProposalJson(EdgeStore& store, std::uint64_t proposal_id) {
  Json json;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::optional<ProposalHere> row, tables.proposals.Find(proposal_id));
    if (!row) return tl::unexpected<Error>(NoSuchProposal(proposal_id));
    EDCSYNC_ASSIGN(json, SummaryJson(*row));
    EDCSYNC_ASSIGN(const Revision proposed, DecodeRevision(row->canonical));
    EDCSYNC_ASSIGN(const std::optional<RecordRow> record, tables.records.Find(proposed.key));
    FormItems before;
    if (record) {
      EDCSYNC_ASSIGN(const std::optional<StoredRevision> current,
                     tables.revisions.Find(record->current));
      if (current) before = current->known.revision.items;
    }
    json["removes"] = proposed.removed;
    json["items"] = Json::array();
    for (const auto& [path, after] : Diff(before, proposed.items)) {
      json["items"].push_back({{"path", ToString(path)},
                               {"before", ValueJson(StateAt(before, path))},
                               {"after", ValueJson(after)}});
    }
    return Ok();
  }));
  return json.dump();
}

}  // namespace edcsync::edge
