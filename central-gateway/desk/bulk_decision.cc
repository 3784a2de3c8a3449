#include "central-gateway/desk/bulk_decision.h"

namespace edcsync::central {
namespace {

Result<RevisionId> OnlyHeadOf(const std::vector<RevisionRow>& heads, Origin origin) {
  const RevisionRow* found = nullptr;
  for (const RevisionRow& head : heads) {
    if (head.known.revision.origin != origin) continue;
    if (found != nullptr) {
      return Fail(ErrorCode::kFieldInvalid, "The rule does not fit: several sides are of that kind");
    }
    found = &head;
  }
  if (found != nullptr) return found->known.id;
  return Fail(ErrorCode::kFieldInvalid, "The rule does not fit: no side is of that kind");
}

Result<RevisionId> Choose(const std::vector<RevisionRow>& heads, const RevisionId& current,
                          BulkRule rule) {
  switch (rule) {
    case BulkRule::kCurrent: return current;
    case BulkRule::kSite: return OnlyHeadOf(heads, Origin::kSite);
    case BulkRule::kOnline: return OnlyHeadOf(heads, Origin::kOnline);
    case BulkRule::kNewest: break;
  }
  const auto newest = std::max_element(
      heads.begin(), heads.end(), [](const RevisionRow& a, const RevisionRow& b) {
        return std::tuple(a.known.revision.edited_at, a.known.id) <
               std::tuple(b.known.revision.edited_at, b.known.id);
      });
  return newest->known.id;
}

}  // namespace

std::optional<BulkRule> ParseBulkRule(std::string_view text) {
  if (text == "current") return BulkRule::kCurrent;
  if (text == "newest") return BulkRule::kNewest;
  if (text == "site") return BulkRule::kSite;
  if (text == "online") return BulkRule::kOnline;
  return std::nullopt;
}

Result<RevisionId> HeadByRule(CentralStore& store, SnowflakeId conflict, BulkRule rule) {
  RevisionId chosen;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<ConflictRow> row, reader.FindConflict(conflict));
    if (!row) {
      return Fail(ErrorCode::kNotFound,
                  "There is no conflict " + std::to_string(conflict.value()));
    }
    if (row->end != ConflictEnd::kOpen) {
      return Fail(ErrorCode::kStale, "This conflict was settled already");
    }
    EDCSYNC_ASSIGN(const std::optional<RecordState> record, reader.FindRecord(row->key));
    std::vector<RevisionRow> heads;
    for (const RevisionId& head : row->heads) {
      EDCSYNC_ASSIGN(std::optional<RevisionRow> revision, reader.FindRevision(head));
      if (!revision || !record) return Fail(ErrorCode::kInvariant, "A head is not stored");
      heads.push_back(std::move(*revision));
    }
    EDCSYNC_ASSIGN(chosen, Choose(heads, record->current, rule));
    return Ok();
  }));
  return chosen;
}

}  // namespace edcsync::central
