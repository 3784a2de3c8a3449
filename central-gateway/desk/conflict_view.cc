#include "central-gateway/desk/conflict_view.h"

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
  std::map<RevisionId, RevisionRow> revisions;  // Heads and ancestor.

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

Result<OpenedConflict> Open(CentralReader& reader, StudyCatalogue& catalogue,
                            const Viewer& viewer, SnowflakeId id) {
  OpenedConflict opened;
  EDCSYNC_ASSIGN(const std::optional<ConflictRow> conflict, reader.FindConflict(id));
  if (!conflict || !Covers(viewer.reads, conflict->key.study, conflict->site)) {
    return Fail(ErrorCode::kNotFound, "There is no conflict " + std::to_string(id.value()));
  }
  opened.conflict = *conflict;
  // An ended conflict lists what ended it; what was decided upon are its parents.
  if (conflict->end != ConflictEnd::kOpen && conflict->ended_by) {
    EDCSYNC_ASSIGN(const RevisionRow end, GetRevision(reader, *conflict->ended_by));
    opened.conflict.heads = end.known.revision.parents;
  }
  EDCSYNC_ASSIGN(opened.studies, catalogue.Get(reader));
  std::vector<KnownRevision> heads;
  for (const RevisionId& head : opened.conflict.heads) {
    EDCSYNC_ASSIGN(RevisionRow row, GetRevision(reader, head));
    heads.push_back(row.known);
    opened.revisions.emplace(head, std::move(row));
  }
  opened.current = Winner(heads).id;
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
    EDCSYNC_ASSIGN(json["ancestor"], RevisionMetaJson(reader, opened.revisions.at(*conflict.ancestor)));
  }
  json["headRevisions"] = Json::array();
  for (const RevisionId& head : conflict.heads) {
    EDCSYNC_ASSIGN(Json meta, RevisionMetaJson(reader, opened.revisions.at(head)));
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
    json = ConflictSummaryJson(form, {conflict, work, ""}, due_times, now);
    json["mayDecide"] = conflict.end == ConflictEnd::kOpen &&
                        Covers(viewer.decides, conflict.key.study, conflict.site);
    EDCSYNC_TRY(AddRevisions(reader, opened, json));
    EDCSYNC_TRY(AddResolution(reader, conflict, json));
    std::vector<FormColumn> columns;
    for (const RevisionId& head : conflict.heads) {
      columns.push_back({head, &opened.revisions.at(head).known.revision.items});
    }
    const FormItems* ancestor =
        conflict.ancestor ? &opened.revisions.at(*conflict.ancestor).known.revision.items
                          : nullptr;
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
    json["items"] = Json::array();
    for (const auto& [path, after] : Diff(before, composed.items)) {
      json["items"].push_back({{"path", ToString(path)},
                               {"question", QuestionOf(form, path.item)},
                               {"before", ItemStateJson(form, path, StateAt(before, path))},
                               {"after", ItemStateJson(form, path, after)}});
    }
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
