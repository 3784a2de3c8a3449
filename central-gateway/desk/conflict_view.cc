#include "central-gateway/desk/conflict_view.h"

#include <algorithm>

#include "central-gateway/desk/conflict_desk.h"

namespace edcsync::central {
namespace {

// The newest so many of a record's revisions; the DAG beyond them is in the record's history.
constexpr std::size_t kTimelineMax = 200;

// A conflict as one read found it.
struct OpenedConflict {
  ConflictRow conflict;
  std::shared_ptr<const Catalogue> studies;
  RevisionId current;  // The head that counts; of an ended conflict the greatest of its heads.
  std::vector<RevisionId> former;  // Of a conflict opened again: the heads decided upon then.
  std::map<RevisionId, RevisionRow> revisions;  // Heads, former heads and ancestor.

  std::vector<RevisionId> columns() const {
    std::vector<RevisionId> all = conflict.heads;
    all.insert(all.end(), former.begin(), former.end());
    return all;
  }

  FormContext Context(const Viewer& viewer) const {
    return MakeFormContext(viewer, *studies, conflict.key, conflict.site,
                           revisions.at(current).known.revision.metadata_version);
  }
  ChoiceSources Sources() const {
    ChoiceSources sources{current, {}};
    for (const auto& [id, row] : revisions) sources.revisions.emplace(id, row.known.revision);
    return sources;
  }
};

// What an ended conflict was decided upon: the parents of what ended it.
Result<std::vector<RevisionId>> DecidedUpon(CentralReader& reader, const ConflictRow& ended) {
  if (!ended.ended_by) return ended.heads;
  EDCSYNC_ASSIGN(const RevisionRow end, GetRevision(reader, *ended.ended_by));
  return end.known.revision.parents;
}

Result<OpenedConflict> Open(CentralReader& reader, StudyCatalogue& catalogue, const Viewer& viewer,
                            SnowflakeId id) {
  OpenedConflict opened;
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict, reader.FindConflict(id));
  if (!conflict || !Covers(viewer.reads, conflict->key.study, conflict->site)) {
    return Fail(ErrorCode::kNotFound, "There is no conflict " + std::to_string(id.value()));
  }
  opened.conflict = *conflict;
  // An ended conflict lists what ended it.
  if (conflict->end != ConflictEnd::kOpen) {
    EDCSYNC_ASSIGN(opened.conflict.heads, DecidedUpon(reader, *conflict));
  }
  if (conflict->reopens) {
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> before,
                   reader.FindConflict(*conflict->reopens));
    if (!before) return Fail(ErrorCode::kInvariant, "The conflict opened again is not stored");
    EDCSYNC_ASSIGN(opened.former, DecidedUpon(reader, *before));
    const std::vector<RevisionId>& heads = opened.conflict.heads;
    std::erase_if(opened.former, [&](const RevisionId& head) {
      return std::find(heads.begin(), heads.end(), head) != heads.end();
    });
  }
  EDCSYNC_ASSIGN(opened.studies, catalogue.Get(reader));
  std::vector<KnownRevision> heads;
  for (const RevisionId& head : opened.conflict.heads) {
    EDCSYNC_ASSIGN(RevisionRow row, GetRevision(reader, head));
    heads.push_back(row.known);
    opened.revisions.emplace(head, std::move(row));
  }
  opened.current = Winner(heads).id;
  for (const RevisionId& head : opened.former) {
    EDCSYNC_ASSIGN(RevisionRow row, GetRevision(reader, head));
    opened.revisions.emplace(head, std::move(row));
  }
  if (conflict->ancestor) {
    EDCSYNC_ASSIGN(RevisionRow row, GetRevision(reader, *conflict->ancestor));
    opened.revisions.emplace(*conflict->ancestor, std::move(row));
  }
  return opened;
}

Status AddRevisions(CentralReader& reader, const OpenedConflict& opened, Json& json) {
  const ConflictRow& conflict = opened.conflict;
  json["currentRevisionId"] = conflict.end != ConflictEnd::kOpen && conflict.ended_by
                                  ? conflict.ended_by->ToHex()
                                  : opened.current.ToHex();
  json["ancestor"] = nullptr;
  if (conflict.ancestor) {
    EDCSYNC_ASSIGN(json["ancestor"],
                   RevisionMetaJson(reader, opened.revisions.at(*conflict.ancestor)));
  }
  json["headRevisions"] = Json::array();
  for (const RevisionId& head : opened.columns()) {
    EDCSYNC_ASSIGN(Json meta, RevisionMetaJson(reader, opened.revisions.at(head)));
    meta["former"] =
        std::find(opened.former.begin(), opened.former.end(), head) != opened.former.end();
    json["headRevisions"].push_back(std::move(meta));
  }
  EDCSYNC_ASSIGN(const std::vector<RevisionRow> all, reader.RevisionsOf(conflict.record_id));
  json["timeline"] = Json::array();
  for (std::size_t i = all.size() > kTimelineMax ? all.size() - kTimelineMax : 0; i < all.size();
       ++i) {
    EDCSYNC_ASSIGN(Json meta, RevisionMetaJson(reader, all[i]));
    json["timeline"].push_back(std::move(meta));
  }
  return Ok();
}

Status AddResolution(CentralReader& reader, const ConflictRow& conflict, Json& json) {
  json["resolution"] = nullptr;
  if (conflict.end != ConflictEnd::kResolved || !conflict.ended_by) return Ok();
  EDCSYNC_ASSIGN(const RevisionRow row, GetRevision(reader, *conflict.ended_by));
  EDCSYNC_ASSIGN(const std::vector<SignatureRow> signatures,
                 reader.SignaturesOf(*conflict.ended_by));
  json["resolution"] = {{"revisionId", conflict.ended_by->ToHex()},
                        {"reason", row.known.revision.reason_for_change}};
  if (!signatures.empty()) json["resolution"]["signature"] = SignatureJson(signatures.back());
  return Ok();
}

Status AddReopening(CentralReader& reader, const ConflictRow& conflict, Json& json) {
  EDCSYNC_ASSIGN(const std::optional<SnowflakeId> again, reader.ReopenedAs(conflict.id));
  json["reopenedAs"] = again ? Json(std::to_string(again->value())) : Json(nullptr);
  json["reopening"] = nullptr;
  if (!conflict.reopens) return Ok();
  EDCSYNC_ASSIGN(const std::optional<ReopeningRow> row, reader.ReopeningOf(conflict.id));
  if (!row) return Ok();
  json["reopening"] = {{"conflictId", std::to_string(row->reopens.value())},
                       {"user", row->user},
                       {"at", FormatUtc(row->reopened_at)},
                       {"reason", row->reason}};
  return Ok();
}

// What a decision makes of the form that counts now.
Json DecidedItemsJson(const FormContext& form, const FormItems& before, const FormItems& after) {
  Json items = Json::array();
  for (const auto& [path, state] : Diff(before, after)) {
    items.push_back({{"path", ToString(path)},
                     {"question", QuestionOf(form, path.item)},
                     {"before", ItemStateJson(form, path, StateAt(before, path))},
                     {"after", ItemStateJson(form, path, state)}});
  }
  return items;
}

Status AddProposals(CentralReader& reader, const FormContext& form, const OpenedConflict& opened,
                    Json& json) {
  const auto study = opened.studies->find(opened.conflict.key.study);
  const bool endorsed =
      study != opened.studies->end() && study->second.resolution == ResolutionMode::kSiteEndorsed;
  json["resolutionMode"] =
      ToString(endorsed ? ResolutionMode::kSiteEndorsed : ResolutionMode::kCentral);
  json["resolutionRule"] = study == opened.studies->end() ? "" : study->second.resolution_rule;
  json["proposals"] = Json::array();
  const FormItems& current = opened.revisions.at(opened.current).known.revision.items;
  EDCSYNC_ASSIGN(const std::vector<ProposalRow> proposals, reader.ProposalsOf(opened.conflict.id));
  for (const ProposalRow& row : proposals) {
    EDCSYNC_ASSIGN(const Revision revision, DecodeRevision(row.canonical));
    Json proposal{
        {"proposalId", std::to_string(row.id.value())},
        {"revisionId", row.revision.ToHex()},
        {"state", ToString(row.state)},
        {"proposedBy", row.proposed_by},
        {"fullName", row.full_name},
        {"proposedAt", FormatUtc(row.proposed_at)},
        {"reason", revision.reason_for_change},
        {"removes", revision.removed},
        {"items", DecidedItemsJson(form, current, revision.items)},
        {"endedAt", row.ended_at ? Json(FormatUtc(*row.ended_at)) : Json(nullptr)},
        {"endedBy", row.ended_by},
        {"edgeId", row.edge.str()},
        {"answeredAt", row.answered_at ? Json(FormatUtc(*row.answered_at)) : Json(nullptr)},
        {"answerReason", row.answer_reason}};
    json["proposals"].push_back(std::move(proposal));
  }
  return Ok();
}

}  // namespace

Result<Json> ConflictDetailJson(CentralStore& store, StudyCatalogue& catalogue,
                                const Viewer& viewer, SnowflakeId id, const DueTimes& due_times,
                                WallTime now) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const OpenedConflict opened, Open(reader, catalogue, viewer, id));
    const ConflictRow& conflict = opened.conflict;
    const FormContext form = opened.Context(viewer);
    EDCSYNC_ASSIGN(const ConflictWork work, reader.WorkOn(id));
    EDCSYNC_ASSIGN(const std::optional<ProposalRow> waiting, reader.WaitingProposalOf(id));
    json = ConflictSummaryJson(form, {conflict, work, "", waiting.has_value()}, due_times, now);
    json["mayDecide"] = conflict.end == ConflictEnd::kOpen &&
                        Covers(viewer.decides, conflict.key.study, conflict.site);
    EDCSYNC_TRY(AddRevisions(reader, opened, json));
    EDCSYNC_TRY(AddResolution(reader, conflict, json));
    EDCSYNC_TRY(AddReopening(reader, conflict, json));
    EDCSYNC_TRY(AddProposals(reader, form, opened, json));
    std::vector<FormColumn> columns;
    for (const RevisionId& head : opened.columns()) {
      columns.push_back({head, &opened.revisions.at(head).known.revision.items});
    }
    const FormItems* ancestor =
        conflict.ancestor ? &opened.revisions.at(*conflict.ancestor).known.revision.items : nullptr;
    json["groups"] = GroupsJson(form, ancestor, columns);
    return Ok();
  }));
  return json;
}

Result<Json> PreviewJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer,
                         SnowflakeId id, const DecisionChoices& choices) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const OpenedConflict opened, Open(reader, catalogue, viewer, id));
    const FormContext form = opened.Context(viewer);
    EDCSYNC_ASSIGN(const ComposedForm composed, Compose(form, opened.Sources(), choices));
    const FormItems& before = opened.revisions.at(opened.current).known.revision.items;
    json["removes"] = composed.removes;
    json["items"] = DecidedItemsJson(form, before, composed.items);
    return Ok();
  }));
  return json;
}

Result<ComposedForm> ComposeDecision(CentralStore& store, StudyCatalogue& catalogue,
                                     const Viewer& viewer, SnowflakeId id,
                                     const DecisionChoices& choices,
                                     const std::vector<RevisionId>& seen_heads) {
  ComposedForm composed;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const OpenedConflict opened, Open(reader, catalogue, viewer, id));
    // First of all: a head chosen that is none any more is no mistake of who chose it.
    if (opened.conflict.heads != seen_heads) {
      return tl::unexpected<Error>(MovedOn(opened.conflict.heads));
    }
    EDCSYNC_ASSIGN(composed, Compose(opened.Context(viewer), opened.Sources(), choices));
    return Ok();
  }));
  return composed;
}

Status CheckReasonCode(CentralStore& store, StudyCatalogue& catalogue, SnowflakeId conflict,
                       const std::string& code) {
  return store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> row, reader.FindConflict(conflict));
    if (!row) {
      return Fail(ErrorCode::kNotFound, "There is no conflict " + std::to_string(conflict.value()));
    }
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    const auto study = studies->find(row->key.study);
    const Json reasons =
        Json::parse(study == studies->end() ? DefaultReasons() : study->second.reasons);
    for (const Json& reason : reasons) {
      if (reason["code"] == code) return Ok();
    }
    return Fail(ErrorCode::kFieldInvalid, "The reason's code is none of the study's");
  });
}

}  // namespace edcsync::central
