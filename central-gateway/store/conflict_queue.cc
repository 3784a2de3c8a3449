#include "central-gateway/store/conflict_queue.h"

#include <map>
#include <nlohmann/json.hpp>

#include "central-gateway/store/conflict_sql.h"
#include "shared/base/bytes.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

// Open conflicts have a table of their own (schema/central/0007_queue.sql); the ended ones, which
// few ask for, are put together.
constexpr std::string_view kOpen = " FROM open_conflict q";
constexpr std::string_view kAnyState =
    " FROM (SELECT c.conflict_id, c.state, c.severity, c.opened_at_ms, r.study_oid, r.site_oid,"
    " r.subject_key, r.study_event_oid, r.form_oid, c.items, coalesce(w.assignee, '') AS assignee"
    " FROM conflict c JOIN record r ON r.record_id = c.record_id"
    " LEFT JOIN conflict_work w ON w.conflict_id = c.conflict_id) q";

constexpr std::string_view kShownColumns =
    "q.conflict_id, q.severity, q.opened_at_ms, q.study_oid, q.site_oid, q.subject_key,"
    " q.study_event_oid, q.form_oid, q.items, q.assignee";

// The rows that `open_conflict` should hold.
std::string TrueRowsSql() {
  return "SELECT " + std::string(kShownColumns) + std::string(kAnyState) + " WHERE q.state = 0";
}

// Parameters. Only those of the conditions that stand in a text may be bound.
namespace bound {
enum : int {
  kStudy = 1, kSite, kSubject, kEvent, kForm, kItem, kSeverity, kState, kAssignee, kScopes,
  kDueBefore, kAfterValue, kAfterConflict, kRowsMax, kNow, kFirstWord,  // One a word from there.
};
}  // namespace bound

std::string Parameter(int number) { return "?" + std::to_string(number); }

// Few proposals wait at a time: SQLite lists them once.
std::string AtSite(std::string_view conflict) {
  return std::string(conflict) +
         " IN (SELECT p.conflict_id FROM proposal p WHERE p.state = 1)";
}

bool OpenOnly(const QueueFilter& filter) { return filter.state == ConflictEnd::kOpen; }

// Which rows a text asks for. Only what is asked stands in it, so that SQLite can choose an index.
class AskedRows {
 public:
  explicit AskedRows(const QueueFilter& filter);

  // " FROM ... WHERE ...", with `condition` (empty: none) besides the filter's own.
  std::string Sql(const std::string& condition = "") const;
  void Bind(Statement& statement) const;

 private:
  void Add(const std::string& condition) {
    where_ += (where_.empty() ? " WHERE " : " AND ") + condition;
  }
  // The unary plus keeps SQLite from an index that hardly narrows anything: a walk in the order
  // asked for ends after a page.
  void AddText(const std::string& column, const std::string& text, int parameter);

  const QueueFilter& filter_;
  std::vector<std::string> words_;  // In lower case.
  std::string scopes_;              // JSON.
  std::string where_;
};

std::string DueSql(const DueTimes& times) {
  return "(q.opened_at_ms + CASE q.severity WHEN 2 THEN " + std::to_string(times.hard_ms) +
         " ELSE " + std::to_string(times.soft_ms) + " END)";
}

void AskedRows::AddText(const std::string& column, const std::string& text, int parameter) {
  if (!text.empty()) Add(column + " = " + Parameter(parameter));
}

AskedRows::AskedRows(const QueueFilter& filter) : filter_(filter) {
  if (filter.state && !OpenOnly(filter)) Add("q.state = " + Parameter(bound::kState));
  AddText("+q.study_oid", filter.study, bound::kStudy);
  AddText("q.site_oid", filter.site, bound::kSite);
  AddText("q.subject_key", filter.subject, bound::kSubject);
  AddText("+q.study_event_oid", filter.event, bound::kEvent);
  AddText("+q.form_oid", filter.form, bound::kForm);
  if (!filter.item.empty()) {
    Add("instr(q.items, '/' || " + Parameter(bound::kItem) + " || char(10)) > 0");
  }
  if (filter.severity) Add("q.severity = " + Parameter(bound::kSeverity));
  if (filter.assignee) {
    Add((filter.assignee->empty() ? "+q.assignee = " : "q.assignee = ") +
        Parameter(bound::kAssignee));
  }
  if (filter.due_before) Add(DueSql(filter.due_times) + " < " + Parameter(bound::kDueBefore));
  if (filter.at_site) Add((*filter.at_site ? "" : "NOT ") + AtSite("q.conflict_id"));
  if (!CoversAll(filter.scopes)) {
    Add("EXISTS (SELECT 1 FROM json_each(" + Parameter(bound::kScopes) +
        ") scope WHERE (scope.value ->> 0 = '' OR scope.value ->> 0 = q.study_oid) AND"
        " (scope.value ->> 1 = '' OR scope.value ->> 1 = q.site_oid))");
    Json list = Json::array();
    for (const Scope& scope : filter.scopes) list.push_back({scope.study.str(), scope.site.str()});
    scopes_ = list.dump();
  }
  for (const std::string& word : filter.words) {
    const int number = bound::kFirstWord + static_cast<int>(words_.size());
    Add("text_contains(" + Parameter(number) +
        ", q.subject_key, q.site_oid, q.form_oid, q.study_event_oid, q.items, q.assignee)");
    words_.push_back(AsciiLower(word));
  }
}

std::string AskedRows::Sql(const std::string& condition) const {
  std::string sql(OpenOnly(filter_) ? kOpen : kAnyState);
  sql += where_;
  if (!condition.empty()) sql += (where_.empty() ? " WHERE " : " AND ") + condition;
  return sql;
}

void AskedRows::Bind(Statement& statement) const {
  const auto bind = [&](int parameter, const std::string& text) {
    if (!text.empty()) statement.Bind(parameter, std::string_view(text));
  };
  bind(bound::kStudy, filter_.study);
  bind(bound::kSite, filter_.site);
  bind(bound::kSubject, filter_.subject);
  bind(bound::kEvent, filter_.event);
  bind(bound::kForm, filter_.form);
  bind(bound::kItem, filter_.item);
  if (filter_.severity) statement.Bind(bound::kSeverity, Number(*filter_.severity));
  if (filter_.state && !OpenOnly(filter_)) statement.Bind(bound::kState, Number(*filter_.state));
  if (filter_.assignee) statement.Bind(bound::kAssignee, std::string_view(*filter_.assignee));
  if (filter_.due_before) statement.Bind(bound::kDueBefore, filter_.due_before->ms);
  bind(bound::kScopes, scopes_);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    statement.Bind(bound::kFirstWord + static_cast<int>(i), std::string_view(words_[i]));
  }
}

struct SortColumn {
  std::string_view sql;
  bool is_number;
};

SortColumn ColumnOf(QueueSort sort) {
  switch (sort) {
    case QueueSort::kSeverity: return {"q.severity", true};
    case QueueSort::kStudy: return {"q.study_oid", false};
    case QueueSort::kSite: return {"q.site_oid", false};
    case QueueSort::kSubject: return {"q.subject_key", false};
    case QueueSort::kEvent: return {"q.study_event_oid", false};
    case QueueSort::kForm: return {"q.form_oid", false};
    case QueueSort::kItems: return {"q.items", false};
    case QueueSort::kOpenedAt:
    case QueueSort::kDue: return {"q.opened_at_ms", true};
    case QueueSort::kAssignee: return {"q.assignee", false};
  }
  return {"q.opened_at_ms", true};
}

// Number and sort value of at most kRowsMax rows, in order.
std::string PlacesSql(const AskedRows& rows, const QueueOrder& order, bool from_start) {
  const std::string by(ColumnOf(order.sort).sql);
  const std::string way = order.descending ? " DESC" : "";
  const std::string behind = "(" + by + ", q.conflict_id) " + (order.descending ? "<" : ">") +
                             " (" + Parameter(bound::kAfterValue) + ", " +
                             Parameter(bound::kAfterConflict) + ")";
  return "SELECT q.conflict_id, " + by + " AS value" + rows.Sql(from_start ? "" : behind) +
         " ORDER BY " + by + way + ", q.conflict_id" + way + " LIMIT " + Parameter(bound::kRowsMax);
}

// The same by due date. Conflicts of one severity fall due as they were opened: two walks along an
// index, joined.
std::string PlacesByDueSql(const AskedRows& rows, const QueueFilter& filter, bool descending,
                           bool from_start) {
  const std::string way = descending ? " DESC" : "";
  // Found by an index of their own, and sorted.
  const bool few = !filter.subject.empty() || !filter.site.empty() ||
                   !filter.assignee.value_or("").empty();
  std::string sql;
  const std::pair<int, std::int64_t> severities[] = {
      {Number(Severity::kSoft), filter.due_times.soft_ms},
      {Number(Severity::kHard), filter.due_times.hard_ms}};
  for (const auto& [severity, due_ms] : severities) {
    const std::string due = std::to_string(due_ms);
    std::string condition = (few ? "+q.severity = " : "q.severity = ") + std::to_string(severity);
    if (filter.due_before) {
      condition += " AND q.opened_at_ms < " + Parameter(bound::kDueBefore) + " - " + due;
    }
    if (!from_start) {
      condition += std::string(" AND (q.opened_at_ms, q.conflict_id) ") +
                   (descending ? "<" : ">") + " (" + Parameter(bound::kAfterValue) + " - " + due +
                   ", " + Parameter(bound::kAfterConflict) + ")";
    }
    sql += (sql.empty() ? "" : " UNION ALL ") +
           ("SELECT * FROM (SELECT q.conflict_id, q.opened_at_ms + " + due + " AS value" +
            rows.Sql(condition) + " ORDER BY q.opened_at_ms" + way + ", q.conflict_id" + way +
            " LIMIT " + Parameter(bound::kRowsMax) + ")");
  }
  return sql + " ORDER BY value" + way + ", conflict_id" + way + " LIMIT " +
         Parameter(bound::kRowsMax);
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
  const AskedRows asked(filter);
  const bool from_start = after == nullptr;
  const std::string way = order.descending ? " DESC" : "";
  // The rest is read for the rows of the page only.
  Statement statement = database_.PrepareOnce(
      "SELECT " EDCSYNC_CONFLICT_COLUMNS ", " EDCSYNC_WORK ", page.value, " +
      AtSite("page.conflict_id") + " FROM (" +
      (order.sort == QueueSort::kDue ? PlacesByDueSql(asked, filter, order.descending, from_start)
                                     : PlacesSql(asked, order, from_start)) +
      ") page JOIN conflict c ON c.conflict_id = page.conflict_id"
      " JOIN record r ON r.record_id = c.record_id"
      " LEFT JOIN conflict_work w ON w.conflict_id = c.conflict_id"
      " ORDER BY page.value" + way + ", page.conflict_id" + way);
  asked.Bind(statement);
  if (after != nullptr) {
    if (ColumnOf(order.sort).is_number) {
      statement.Bind(bound::kAfterValue,
                     static_cast<std::int64_t>(std::strtoll(after->value.c_str(), nullptr, 10)));
    } else {
      statement.Bind(bound::kAfterValue, std::string_view(after->value));
    }
    statement.Bind(bound::kAfterConflict, Signed(after->conflict.value()));
  }
  statement.Bind(bound::kRowsMax, Limit(count_max));
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
  const AskedRows asked(filter);
  Statement statement = database_.PrepareOnce("SELECT count(*)" + asked.Sql());
  asked.Bind(statement);
  EDCSYNC_TRY(statement.Step());
  return Unsigned(statement.Int(0));
}

Result<QueueCounts> ConflictQueue::Count(const QueueFilter& filter, const std::string& user,
                                         WallTime now) {
  // One walk, counted here: SQLite would sort all rows to group them.
  const AskedRows asked(filter);
  Statement statement = database_.PrepareOnce(
      "SELECT q.site_oid, q.severity, q.opened_at_ms, q.assignee, " + DueSql(filter.due_times) +
      " < " + Parameter(bound::kNow) + (OpenOnly(filter) ? "" : " AND q.state = 0") + asked.Sql());
  asked.Bind(statement);
  statement.Bind(bound::kNow, now.ms);
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

Result<std::vector<SnowflakeId>> ConflictQueue::ShownOtherwise(std::size_t count_max) {
  const std::string shown = "SELECT " + std::string(kShownColumns) + std::string(kOpen);
  const std::string truth = TrueRowsSql();
  Statement statement = database_.PrepareOnce(
      "SELECT conflict_id FROM (" + shown + " EXCEPT " + truth +
      ") UNION SELECT conflict_id FROM (" + truth + " EXCEPT " + shown + ") LIMIT ?1");
  statement.Bind(1, Limit(count_max));
  std::vector<SnowflakeId> ids;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return ids;
    ids.emplace_back(Unsigned(statement.Int(0)));
  }
}

Status ConflictQueue::Rebuild() {
  EDCSYNC_TRY(database_.Prepare("DELETE FROM open_conflict").Run());
  EDCSYNC_TRY(database_.PrepareOnce("INSERT INTO open_conflict " + TrueRowsSql()).Run());
  return Ok();
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
