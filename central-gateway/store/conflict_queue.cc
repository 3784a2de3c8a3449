#include "central-gateway/store/conflict_queue.h"

#include <map>
#include <nlohmann/json.hpp>

#include "central-gateway/store/conflict_sql.h"
#include "shared/base/bytes.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

#define EDCSYNC_DUE "(c.opened_at_ms + CASE c.severity WHEN 2 THEN ?13 ELSE ?14 END)"

constexpr std::string_view kFrom =
    " FROM conflict c JOIN record r ON r.record_id = c.record_id"
    " LEFT JOIN conflict_work w ON w.conflict_id = c.conflict_id";

// What is NULL asks nothing: one text serves most filters, so that few statements are prepared.
constexpr std::string_view kWhere =
    " AND (?1 IS NULL OR c.severity = ?1)"
    " AND (?2 IS NULL OR r.study_oid = ?2)"
    " AND (?3 IS NULL OR r.site_oid = ?3)"
    " AND (?4 IS NULL OR r.subject_key = ?4)"
    " AND (?5 IS NULL OR r.study_event_oid = ?5)"
    " AND (?6 IS NULL OR r.form_oid = ?6)"
    " AND (?7 IS NULL OR instr(c.items, '/' || ?7 || char(10)) > 0)"
    " AND (?9 IS NULL OR " EDCSYNC_DUE " < ?9)";

// These cost each row something even if they ask nothing, so they stand only where they are meant:
// without them SQLite leaves `conflict_work` alone.
constexpr std::string_view kAssignee = " AND coalesce(w.assignee, '') = ?8";
constexpr std::string_view kScopes =
    " AND EXISTS (SELECT 1 FROM json_each(?11) scope WHERE"
    " (scope.value ->> 0 = '' OR scope.value ->> 0 = r.study_oid) AND"
    " (scope.value ->> 1 = '' OR scope.value ->> 1 = r.site_oid))";
constexpr int kFirstWord = 18;  // Parameters from here on, one a word.

// Whose assignee holds the word is listed once: a look into `conflict_work` for each row would cost
// as much as the rest of the search.
std::string HoldsWord(int parameter) {
  const std::string word = "text_contains(?" + std::to_string(parameter);
  return "(" + word + ", r.subject_key, r.site_oid, r.form_oid, r.study_event_oid, c.items) OR "
         "c.conflict_id IN (SELECT a.conflict_id FROM conflict_work a WHERE " + word +
         ", a.assignee)))";
}

// Few proposals wait at a time: SQLite lists them once.
#define EDCSYNC_AT_SITE "c.conflict_id IN (SELECT p.conflict_id FROM proposal p WHERE p.state = 1)"

std::string Where(const QueueFilter& filter) {
  // The state stands in the text: open conflicts have an index of their own.
  std::string sql(kFrom);
  if (filter.state == ConflictEnd::kOpen) {
    sql += " WHERE c.state = 0 AND ?12 IS NOT NULL";
  } else {
    sql += " WHERE (?12 IS NULL OR c.state = ?12)";
  }
  sql += kWhere;
  if (filter.assignee) sql += kAssignee;
  if (filter.at_site) sql += *filter.at_site ? " AND " EDCSYNC_AT_SITE : " AND NOT " EDCSYNC_AT_SITE;
  if (!CoversAll(filter.scopes)) sql += kScopes;
  for (std::size_t i = 0; i < filter.words.size(); ++i) {
    sql += " AND " + HoldsWord(kFirstWord + static_cast<int>(i));
  }
  return sql;
}

void BindText(Statement& statement, int index, const std::string& text) {
  if (text.empty()) {
    statement.BindNull(index);
  } else {
    statement.Bind(index, std::string_view(text));
  }
}

// The texts that are made for binding; they must outlive the statement's use.
struct Lists {
  explicit Lists(const QueueFilter& filter) {
    for (const std::string& word : filter.words) words.push_back(AsciiLower(word));
    Json list = Json::array();
    for (const Scope& scope : filter.scopes) {
      list.push_back({scope.study.str(), scope.site.str()});
    }
    scopes = list.dump();
  }
  std::vector<std::string> words;
  std::string scopes;
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
  if (filter.assignee) statement.Bind(8, std::string_view(*filter.assignee));
  BindOptional(statement, 9, filter.due_before);
  if (!CoversAll(filter.scopes)) statement.Bind(11, std::string_view(lists.scopes));
  for (std::size_t i = 0; i < lists.words.size(); ++i) {
    statement.Bind(kFirstWord + static_cast<int>(i), std::string_view(lists.words[i]));
  }
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

// The last of QueueCounts::kFromHours that an age in milliseconds has reached.
std::size_t AgeOf(std::int64_t age_ms) {
  std::size_t age = QueueCounts::kFromHours.size() - 1;
  while (age > 0 && age_ms < std::int64_t{QueueCounts::kFromHours[age]} * 3'600'000) --age;
  return age;
}

#define EDCSYNC_WORK "w.assignee, w.claimed_by, w.claim_expires_at_ms, w.fencing_token"

}  // namespace

Result<std::vector<QueueRow>> ConflictQueue::Page(const QueueFilter& filter,
                                                  const QueueOrder& order,
                                                  const QueuePlace* after,
                                                  std::size_t count_max) {
  const SortColumn column = ColumnOf(order.sort);
  const std::string by(column.sql);
  const std::string_view way = order.descending ? " DESC" : "";
  // Sorted by number and value alone: the rest is read for the rows of the page only.
  std::string sql = "SELECT " EDCSYNC_CONFLICT_COLUMNS ", " EDCSYNC_WORK
                    ", page.value, " EDCSYNC_AT_SITE " FROM (SELECT c.conflict_id, " +
                    by + " AS value" + Where(filter);
  if (after != nullptr) {
    sql += " AND (" + by + ", c.conflict_id) " + (order.descending ? "<" : ">") + " (?15, ?16)";
  }
  sql.append(" ORDER BY 2").append(way).append(", 1").append(way).append(" LIMIT ?17) page");
  sql += " JOIN conflict c ON c.conflict_id = page.conflict_id JOIN record r ON r.record_id = "
         "c.record_id LEFT JOIN conflict_work w ON w.conflict_id = c.conflict_id";
  sql.append(" ORDER BY page.value").append(way).append(", page.conflict_id").append(way);
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
    row.at_site = statement.Int(kConflictColumns + 5) != 0;
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
  // One walk, counted here: SQLite would sort all rows to group them.
  Statement statement = database_.Prepare(
      "SELECT r.site_oid, c.severity, c.opened_at_ms, coalesce(w.assignee, ''), " EDCSYNC_DUE
      " < ?15 AND c.state = 0" + Where(filter));
  const Lists lists(filter);
  BindFilter(statement, filter, lists);
  statement.Bind(15, now.ms);
  QueueCounts counts;
  std::map<std::string, std::uint64_t, std::less<>> by_site;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) break;
    ++counts.total;
    const bool hard = static_cast<Severity>(statement.Int(1)) == Severity::kHard;
    ++(hard ? counts.hard : counts.soft);
    QueueCounts::Ages& ages = counts.by_age[AgeOf(now.ms - statement.Int(2))];
    ++(hard ? ages.hard : ages.soft);
    const std::string_view assignee = statement.Text(3);
    if (assignee.empty()) ++counts.unassigned;
    if (!assignee.empty() && assignee == user) ++counts.mine;
    if (statement.Int(4) != 0) ++counts.overdue;
    const std::string_view site = statement.Text(0);
    const auto known = by_site.find(site);
    if (known != by_site.end()) {
      ++known->second;
    } else {
      by_site.emplace(site, 1);
    }
  }
  for (const auto& [site, count] : by_site) counts.by_site.push_back({SiteOID(site), count});
  QueueFilter at_site = filter;
  at_site.at_site = filter.at_site.value_or(true);
  if (*at_site.at_site) {
    EDCSYNC_ASSIGN(counts.at_site, Total(at_site));
  }
  return counts;
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
