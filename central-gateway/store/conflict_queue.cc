#include "central-gateway/store/conflict_queue.h"

#include <nlohmann/json.hpp>

#include "central-gateway/store/conflict_sql.h"

namespace edcsync::central {
namespace {

using Json = nlohmann::json;

#define EDCSYNC_DUE "(c.opened_at_ms + CASE c.severity WHEN 2 THEN ?13 ELSE ?14 END)"

constexpr std::string_view kFrom =
    " FROM conflict c JOIN record r ON r.record_id = c.record_id"
    " LEFT JOIN conflict_work w ON w.conflict_id = c.conflict_id";

// One text for every filter, so that few statements are prepared: what is NULL asks nothing.
constexpr std::string_view kWhere =
    " AND (?1 IS NULL OR c.severity = ?1)"
    " AND (?2 IS NULL OR r.study_oid = ?2)"
    " AND (?3 IS NULL OR r.site_oid = ?3)"
    " AND (?4 IS NULL OR r.subject_key = ?4)"
    " AND (?5 IS NULL OR r.study_event_oid = ?5)"
    " AND (?6 IS NULL OR r.form_oid = ?6)"
    " AND (?7 IS NULL OR instr(c.items, '/' || ?7 || char(10)) > 0)"
    " AND (?8 IS NULL OR coalesce(w.assignee, '') = ?8)"
    " AND (?9 IS NULL OR " EDCSYNC_DUE " < ?9)"
    " AND (?10 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(?10) word WHERE instr(lower("
    "r.site_oid || ' ' || r.subject_key || ' ' || r.study_event_oid || ' ' || r.form_oid || ' ' ||"
    " c.items || ' ' || coalesce(w.assignee, '')), lower(word.value)) = 0))"
    " AND (?11 IS NULL OR EXISTS (SELECT 1 FROM json_each(?11) scope WHERE"
    " (scope.value ->> 0 = '' OR scope.value ->> 0 = r.study_oid) AND"
    " (scope.value ->> 1 = '' OR scope.value ->> 1 = r.site_oid)))";

std::string Where(const QueueFilter& filter) {
  // The state stands in the text: open conflicts have an index of their own.
  std::string sql(kFrom);
  if (filter.state == ConflictEnd::kOpen) {
    sql += " WHERE c.state = 0 AND ?12 IS NOT NULL";
  } else {
    sql += " WHERE (?12 IS NULL OR c.state = ?12)";
  }
  return sql.append(kWhere);
}

void BindText(Statement& statement, int index, const std::string& text) {
  if (text.empty()) {
    statement.BindNull(index);
  } else {
    statement.Bind(index, std::string_view(text));
  }
}

// `words` and `scopes` must outlive the statement's use.
struct Lists {
  explicit Lists(const QueueFilter& filter) {
    if (!filter.words.empty()) words = Json(filter.words).dump();
    Json list = Json::array();
    for (const Scope& scope : filter.scopes) {
      if (scope.study.empty() && scope.site.empty()) return;  // All of it: nothing to ask.
      list.push_back({scope.study.str(), scope.site.str()});
    }
    scopes = list.dump();
  }
  std::string words, scopes;
};

void BindFilter(Statement& statement, const QueueFilter& filter, const Lists& lists) {
  if (filter.severity) {
    statement.Bind(1, Number(*filter.severity));
  } else {
    statement.BindNull(1);
  }
  BindText(statement, 2, filter.study);
  BindText(statement, 3, filter.site);
  BindText(statement, 4, filter.subject);
  BindText(statement, 5, filter.event);
  BindText(statement, 6, filter.form);
  BindText(statement, 7, filter.item);
  if (filter.assignee) {
    statement.Bind(8, std::string_view(*filter.assignee));
  } else {
    statement.BindNull(8);
  }
  BindOptional(statement, 9, filter.due_before);
  BindText(statement, 10, lists.words);
  BindText(statement, 11, lists.scopes);
  if (filter.state) {
    statement.Bind(12, Number(*filter.state));
  } else {
    statement.BindNull(12);
  }
  statement.Bind(13, filter.due_times.hard_ms).Bind(14, filter.due_times.soft_ms);
}

struct SortColumn {
  std::string_view sql;
  bool is_number;
};

SortColumn ColumnOf(QueueSort sort) {
  switch (sort) {
    case QueueSort::kSeverity: return {"c.severity", true};
    case QueueSort::kStudy: return {"r.study_oid", false};
    case QueueSort::kSite: return {"r.site_oid", false};
    case QueueSort::kSubject: return {"r.subject_key", false};
    case QueueSort::kEvent: return {"r.study_event_oid", false};
    case QueueSort::kForm: return {"r.form_oid", false};
    case QueueSort::kItems: return {"c.items", false};
    case QueueSort::kOpenedAt: return {"c.opened_at_ms", true};
    case QueueSort::kDue: return {EDCSYNC_DUE, true};
    case QueueSort::kAssignee: return {"coalesce(w.assignee, '')", false};
  }
  return {"c.opened_at_ms", true};
}

ConflictWork ReadWork(const Statement& statement, SnowflakeId conflict, int column) {
  ConflictWork work;
  work.conflict = conflict;
  if (statement.IsNull(column)) return work;
  work.assignee = TextAt(statement, column);
  work.claimed_by = TextAt(statement, column + 1);
  work.claim_expires_at.ms = statement.Int(column + 2);
  work.fencing_token = Unsigned(statement.Int(column + 3));
  return work;
}

#define EDCSYNC_WORK "w.assignee, w.claimed_by, w.claim_expires_at_ms, w.fencing_token"

}  // namespace

Result<std::vector<QueueRow>> ConflictQueue::Page(const QueueFilter& filter,
                                                  const QueueOrder& order,
                                                  const QueuePlace* after,
                                                  std::size_t count_max) {
  const SortColumn column = ColumnOf(order.sort);
  const std::string by(column.sql);
  std::string sql = "SELECT " EDCSYNC_CONFLICT_COLUMNS ", " EDCSYNC_WORK ", " + by + Where(filter);
  if (after != nullptr) {
    sql += " AND (" + by + ", c.conflict_id) " + (order.descending ? "<" : ">") + " (?15, ?16)";
  }
  const std::string_view way = order.descending ? " DESC" : "";
  sql.append(" ORDER BY ").append(by).append(way).append(", c.conflict_id").append(way);
  sql += " LIMIT ?17";
  Statement statement = database_.Prepare(sql);
  const Lists lists(filter);
  BindFilter(statement, filter, lists);
  if (after != nullptr) {
    if (column.is_number) {
      statement.Bind(15, static_cast<std::int64_t>(std::strtoll(after->value.c_str(), nullptr, 10)));
    } else {
      statement.Bind(15, std::string_view(after->value));
    }
    statement.Bind(16, Signed(after->conflict.value()));
  }
  statement.Bind(17, Limit(count_max));
  std::vector<QueueRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    QueueRow row;
    row.conflict = ReadConflict(statement);
    row.work = ReadWork(statement, row.conflict.id, kConflictColumns);
    row.sort_value = TextAt(statement, kConflictColumns + 4);
    rows.push_back(std::move(row));
  }
}

Result<std::uint64_t> ConflictQueue::Total(const QueueFilter& filter) {
  Statement statement = database_.Prepare("SELECT count(*)" + Where(filter));
  const Lists lists(filter);
  BindFilter(statement, filter, lists);
  EDCSYNC_TRY(statement.Step());
  return Unsigned(statement.Int(0));
}

Result<QueueCounts> ConflictQueue::Count(const QueueFilter& filter, const std::string& user,
                                         WallTime now) {
  // One walk: a row for each site, severity, age and owner.
  std::string age = "CASE";
  for (std::size_t i = QueueCounts::kFromHours.size() - 1; i > 0; --i) {
    age += " WHEN ?16 - c.opened_at_ms >= " +
           std::to_string(std::int64_t{QueueCounts::kFromHours[i]} * 3'600'000) + " THEN " +
           std::to_string(i);
  }
  age += " ELSE 0 END";
  Statement statement = database_.Prepare(
      "SELECT r.site_oid, c.severity, " + age + ", CASE coalesce(w.assignee, '') WHEN '' THEN 0 "
      "WHEN ?15 THEN 1 ELSE 2 END, " EDCSYNC_DUE " < ?16 AND c.state = 0, count(*)" +
      Where(filter) + " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1");
  const Lists lists(filter);
  BindFilter(statement, filter, lists);
  statement.Bind(15, std::string_view(user)).Bind(16, now.ms);
  QueueCounts counts;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return counts;
    const std::uint64_t count = Unsigned(statement.Int(5));
    const bool hard = static_cast<Severity>(statement.Int(1)) == Severity::kHard;
    counts.total += count;
    (hard ? counts.hard : counts.soft) += count;
    QueueCounts::Ages& ages = counts.by_age[static_cast<std::size_t>(statement.Int(2))];
    (hard ? ages.hard : ages.soft) += count;
    if (statement.Int(3) == 0) counts.unassigned += count;
    if (statement.Int(3) == 1) counts.mine += count;
    if (statement.Int(4) != 0) counts.overdue += count;
    const SiteOID site{TextAt(statement, 0)};
    if (counts.by_site.empty() || counts.by_site.back().site != site) {
      counts.by_site.push_back({site, 0});
    }
    counts.by_site.back().count += count;
  }
}

Result<ConflictWork> ConflictQueue::FindWork(SnowflakeId conflict) {
  Statement statement =
      database_.Prepare("SELECT " EDCSYNC_WORK " FROM conflict_work w WHERE w.conflict_id = ?1");
  statement.Bind(1, Signed(conflict.value()));
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return ConflictWork{conflict, "", "", {}, 0};
  return ReadWork(statement, conflict, 0);
}

Status ConflictQueue::PutWork(const ConflictWork& work) {
  Statement statement = database_.Prepare(
      "INSERT INTO conflict_work (conflict_id, assignee, claimed_by, claim_expires_at_ms, "
      "fencing_token) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (conflict_id) DO UPDATE SET "
      "assignee = ?2, claimed_by = ?3, claim_expires_at_ms = ?4, fencing_token = ?5");
  statement.Bind(1, Signed(work.conflict.value()))
      .Bind(2, std::string_view(work.assignee))
      .Bind(3, std::string_view(work.claimed_by))
      .Bind(4, work.claim_expires_at.ms)
      .Bind(5, Signed(work.fencing_token));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

}  // namespace edcsync::central
