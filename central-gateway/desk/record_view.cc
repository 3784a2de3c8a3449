#include "central-gateway/desk/record_view.h"

#include "shared/base/bytes.h"

namespace edcsync::central {
namespace {

// Revisions whose values one answer shows; older ones stay in the time line without values.
constexpr std::size_t kValueColumnsMax = 50;
constexpr std::size_t kPage = 500;

Json SummaryJson(const FormContext& form, const RecordState& record) {
  return {{"key", ToString(record.key)},
          {"studyOID", record.key.study.str()},
          {"siteOID", record.site.str()},
          {"subjectKey", record.key.subject.str()},
          {"event", EventJson(form)},
          {"form", FormJson(form)},
          {"version", record.current_version},
          {"revisionId", record.current.ToHex()},
          {"removed", record.removed},
          {"conflict", record.heads.size() > 1}};
}

// The items that the search finds in a form; what is hidden from the viewer is not searched.
Json FoundJson(const FormContext& form, const FormItems& items, const RecordSearch& search) {
  Json found = Json::array();
  const std::string wanted = AsciiLower(search.value);
  for (const auto& [group, held] : items) {
    for (const auto& [item, value] : held) {
      if (!search.item.empty() && item.str() != search.item) continue;
      if (form.Hides(item) || (!wanted.empty() && !value)) continue;
      const std::string text = value.value_or("");
      if (AsciiLower(text).find(wanted) == std::string::npos) continue;
      found.push_back({{"path", ToString(ItemPath{group, item})},
                       {"question", QuestionOf(form, item)},
                       {"value", text}});
    }
  }
  return found;
}

// One record of a search; null if it is not to be shown.
Result<Json> FindIn(CentralReader& reader, const Catalogue& studies, const Viewer& viewer,
                    const RecordState& record, const RecordSearch& search) {
  const FormContext plain = MakeFormContext(viewer, studies, record.key, record.site, {});
  Json json = SummaryJson(plain, record);
  if (search.value.empty() && search.item.empty()) return json;
  EDCSYNC_ASSIGN(const RevisionRow row, GetRevision(reader, record.current));
  const Revision& revision = row.known.revision;
  const FormContext form =
      MakeFormContext(viewer, studies, record.key, record.site, revision.metadata_version);
  json["found"] = FoundJson(form, revision.items, search);
  return json["found"].empty() ? Json(nullptr) : json;
}

}  // namespace

Result<Json> SearchRecordsJson(CentralStore& store, StudyCatalogue& catalogue,
                               const Viewer& viewer, const RecordSearch& search,
                               std::optional<RecordKey>& next) {
  const bool opens = !search.value.empty() || !search.item.empty();
  if (opens && search.filter.study.empty()) {
    return Fail(ErrorCode::kFieldMissing, "A search by item names its study");
  }
  Json json{{"records", Json::array()}};
  next.reset();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    std::optional<RecordKey> after = search.after;
    std::size_t looked_at = 0;
    while (true) {
      EDCSYNC_ASSIGN(const std::vector<RecordState> rows,
                     reader.ListRecords(search.filter, after ? &*after : nullptr, kPage));
      for (const RecordState& record : rows) {
        after = record.key;
        if (!Covers(viewer.reads, record.key.study, record.site)) continue;
        EDCSYNC_ASSIGN(Json one, FindIn(reader, *studies, viewer, record, search));
        if (!one.is_null()) json["records"].push_back(std::move(one));
        ++looked_at;
        if (json["records"].size() == search.count_max ||
            (opens && looked_at == kOpenedRecordsMax)) {
          next = after;
          return Ok();
        }
      }
      if (rows.size() < kPage) return Ok();
    }
  }));
  return json;
}

Result<Json> RecordDetailJson(CentralStore& store, StudyCatalogue& catalogue,
                              const Viewer& viewer, const RecordKey& key) {
  Json json;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<RecordState> record, reader.FindRecord(key));
    if (!record || !Covers(viewer.reads, key.study, record->site)) {
      return Fail(ErrorCode::kNotFound, "There is no record " + ToString(key));
    }
    EDCSYNC_ASSIGN(const auto studies, catalogue.Get(reader));
    EDCSYNC_ASSIGN(const std::vector<RevisionRow> all, reader.RevisionsOf(record->record_id));
    MetaDataVersionOID version;
    std::vector<FormColumn> columns;
    json["timeline"] = Json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Revision& revision = all[i].known.revision;
      if (all[i].known.id == record->current) version = revision.metadata_version;
      if (i + kValueColumnsMax >= all.size()) columns.push_back({all[i].known.id, &revision.items});
      EDCSYNC_ASSIGN(Json meta, RevisionMetaJson(reader, all[i]));
      json["timeline"].push_back(std::move(meta));
    }
    const FormContext form = MakeFormContext(viewer, *studies, key, record->site, version);
    json.update(SummaryJson(form, *record));
    json["groups"] = GroupsJson(form, nullptr, columns);
    EDCSYNC_ASSIGN(json["locked"], reader.IsLocked(key, record->site));
    json["conflictIds"] = Json::array();
    EDCSYNC_ASSIGN(const std::vector<SnowflakeId> conflicts,
                   reader.ConflictsOfRecord(record->record_id));
    for (const SnowflakeId id : conflicts) {
      json["conflictIds"].push_back(std::to_string(id.value()));
    }
    return Ok();
  }));
  return json;
}

}  // namespace edcsync::central
