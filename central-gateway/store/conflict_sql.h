// The columns of a conflict with its record's key, as every query of conflicts selects them first.
// Private to this folder.
#pragma once

#include "central-gateway/store/central_types.h"
#include "central-gateway/store/sql_values.h"
#include "shared/storage/database.h"

namespace edcsync::central {

#define EDCSYNC_CONFLICT_COLUMNS                                                                 \
  "c.conflict_id, c.record_id, c.severity, c.heads, c.ancestor, c.items, "                       \
  "c.opened_at_ms, c.state, c.ended_by, c.ended_at_ms, c.ended_user, r.study_oid, "              \
  "r.subject_key, r.study_event_oid, r.study_event_repeat_key, r.form_oid, r.form_repeat_key, "  \
  "r.site_oid, (SELECT o.reopens FROM reopening o WHERE o.conflict_id = c.conflict_id)"
#define EDCSYNC_CONFLICT \
  "SELECT " EDCSYNC_CONFLICT_COLUMNS " FROM conflict c JOIN record r ON r.record_id = c.record_id "

inline constexpr int kConflictColumns = 19;

inline ConflictRow ReadConflict(const Statement& statement) {
  ConflictRow row;
  row.id = SnowflakeId(Unsigned(statement.Int(0)));
  row.record_id = statement.Int(1);
  row.severity = static_cast<Severity>(statement.Int(2));
  row.heads = SplitIds(statement.Blob(3));
  row.ancestor = OptionalId(statement, 4);
  row.items = SplitLines(statement.Text(5));
  row.opened_at.ms = statement.Int(6);
  row.end = static_cast<ConflictEnd>(statement.Int(7));
  row.ended_by = OptionalId(statement, 8);
  row.ended_at = OptionalTime(statement, 9);
  row.ended_user = TextAt(statement, 10);
  row.key = {StudyOID(statement.Text(11)),     SubjectKey(statement.Text(12)),
             StudyEventOID(statement.Text(13)), RepeatKey(statement.Text(14)),
             FormOID(statement.Text(15)),       RepeatKey(statement.Text(16))};
  row.site = SiteOID(statement.Text(17));
  if (!statement.IsNull(18)) row.reopens = SnowflakeId(Unsigned(statement.Int(18)));
  return row;
}

}  // namespace edcsync::central
