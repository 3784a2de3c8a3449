#include "central-gateway/store/account_table.h"

#include <algorithm>

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

constexpr char kBetweenHashes = '\n';

std::string Joined(const std::vector<std::string>& hashes) {
  std::string text;
  for (const std::string& hash : hashes) {
    if (!text.empty()) text += kBetweenHashes;
    text += hash;
  }
  return text;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> hashes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kBetweenHashes), text.size());
    hashes.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return hashes;
}

// The columns of every SELECT below, after account_id.
AccountRow RowAt(const Statement& statement) {
  AccountRow row;
  row.user = TextAt(statement, 1);
  row.full_name = TextAt(statement, 2);
  row.password_hash = TextAt(statement, 3);
  row.earlier_hashes = Split(statement.Text(4));
  row.must_change_password = statement.Int(5) != 0;
  row.active = statement.Int(6) != 0;
  row.failed_count = static_cast<std::uint32_t>(statement.Int(7));
  row.locked_until = OptionalTime(statement, 8);
  row.last_log_in_at = OptionalTime(statement, 9);
  row.created_at.ms = statement.Int(10);
  row.credential_generation = Unsigned(statement.Int(11));
  return row;
}

// `earlier` is Joined(row.earlier_hashes); SQLite reads it in place when the statement runs.
void BindState(Statement& statement, const AccountRow& row, const std::string& earlier) {
  statement.Bind(1, row.user)
      .Bind(2, row.full_name)
      .Bind(3, row.password_hash)
      .Bind(4, earlier)
      .Bind(5, std::int64_t{row.must_change_password})
      .Bind(6, std::int64_t{row.active})
      .Bind(7, std::int64_t{row.failed_count});
  BindOptional(statement, 8, row.locked_until);
  BindOptional(statement, 9, row.last_log_in_at);
  statement.Bind(10, Signed(row.credential_generation));
}

bool HasPlaceOf(const RightRow& a, const RightRow& b) {
  return a.role == b.role && a.study == b.study && a.site == b.site;
}

tl::unexpected<Error> NoAccount(const std::string& user) {
  return Fail(ErrorCode::kNotFound, "there is no account " + user);
}

}  // namespace

Result<std::int64_t> AccountTable::IdOf(const std::string& user) {
  Statement statement = database_.Prepare("SELECT account_id FROM account WHERE user = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, user).Step());
  if (!found) return NoAccount(user);
  return statement.Int(0);
}

Result<std::vector<RightRow>> AccountTable::RightsOf(std::int64_t account_id) {
  Statement statement = database_.Prepare(
      "SELECT role, study_oid, site_oid, sees_blinded FROM account_right "
      "WHERE account_id = ?1 AND ended_at_ms IS NULL ORDER BY role, study_oid, site_oid");
  statement.Bind(1, account_id);
  std::vector<RightRow> rights;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rights;
    rights.push_back({static_cast<Role>(statement.Int(0)), StudyOID(statement.Text(1)),
                      SiteOID(statement.Text(2)), statement.Int(3) != 0});
  }
}

Result<std::optional<AccountRow>> AccountTable::Find(const std::string& user) {
  Statement statement = database_.Prepare(
      "SELECT account_id, user, full_name, password_hash, earlier_hashes, must_change_password, "
      "active, failed_count, locked_until_ms, last_log_in_at_ms, created_at_ms, "
      "credential_generation FROM account WHERE user = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, user).Step());
  if (!found) return std::optional<AccountRow>();
  AccountRow row = RowAt(statement);
  EDCSYNC_ASSIGN(row.rights, RightsOf(statement.Int(0)));
  return std::optional(std::move(row));
}

Result<std::vector<AccountRow>> AccountTable::List() {
  Statement statement = database_.Prepare(
      "SELECT account_id, user, full_name, password_hash, earlier_hashes, must_change_password, "
      "active, failed_count, locked_until_ms, last_log_in_at_ms, created_at_ms, "
      "credential_generation FROM account ORDER BY user");
  std::vector<AccountRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(RowAt(statement));
    EDCSYNC_ASSIGN(rows.back().rights, RightsOf(statement.Int(0)));
  }
}

Result<std::optional<std::uint64_t>> AccountTable::Generation(const std::string& user) {
  Statement statement =
      database_.Prepare("SELECT credential_generation FROM account WHERE user = ?1");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, user).Step());
  if (!found) return std::optional<std::uint64_t>();
  return std::optional(Unsigned(statement.Int(0)));
}

Status AccountTable::Insert(const AccountRow& account, WallTime now) {
  const std::string earlier = Joined(account.earlier_hashes);
  {
    Statement statement = database_.Prepare(
        "INSERT INTO account (user, full_name, password_hash, earlier_hashes, "
        "must_change_password, active, failed_count, locked_until_ms, last_log_in_at_ms, "
        "credential_generation, created_at_ms) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (user) DO NOTHING");
    BindState(statement, account, earlier);
    EDCSYNC_ASSIGN(const std::int64_t inserted, statement.Bind(11, account.created_at.ms).Run());
    if (inserted != 1) {
      return Fail(ErrorCode::kAlreadyExists, "there is an account " + account.user + " already");
    }
  }
  return SetRights(account.user, account.rights, now);
}

Status AccountTable::Update(const AccountRow& account) {
  EDCSYNC_ASSIGN(const std::optional<std::uint64_t> generation, Generation(account.user));
  if (!generation) return NoAccount(account.user);
  if (account.credential_generation < *generation) {
    return Fail(ErrorCode::kInvariant, "an account's generation only rises: " + account.user);
  }
  const std::string earlier = Joined(account.earlier_hashes);
  Statement statement = database_.Prepare(
      "UPDATE account SET full_name = ?2, password_hash = ?3, earlier_hashes = ?4, "
      "must_change_password = ?5, active = ?6, failed_count = ?7, locked_until_ms = ?8, "
      "last_log_in_at_ms = ?9, credential_generation = ?10 WHERE user = ?1");
  BindState(statement, account, earlier);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Status AccountTable::EndRight(std::int64_t account_id, const RightRow& right, WallTime now) {
  Statement statement = database_.Prepare(
      "UPDATE account_right SET ended_at_ms = ?5 WHERE account_id = ?1 AND role = ?2 "
      "AND study_oid = ?3 AND site_oid = ?4 AND ended_at_ms IS NULL");
  EDCSYNC_TRY(statement.Bind(1, account_id)
                  .Bind(2, Number(right.role))
                  .Bind(3, right.study.str())
                  .Bind(4, right.site.str())
                  .Bind(5, now.ms)
                  .Run());
  return Ok();
}

Status AccountTable::BeginRight(std::int64_t account_id, const RightRow& right, WallTime now) {
  Statement statement = database_.Prepare(
      "INSERT INTO account_right (account_id, role, study_oid, site_oid, sees_blinded, from_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  EDCSYNC_TRY(statement.Bind(1, account_id)
                  .Bind(2, Number(right.role))
                  .Bind(3, right.study.str())
                  .Bind(4, right.site.str())
                  .Bind(5, std::int64_t{right.sees_blinded})
                  .Bind(6, now.ms)
                  .Run());
  return Ok();
}

Status AccountTable::SetRights(const std::string& user, const std::vector<RightRow>& rights,
                               WallTime now) {
  EDCSYNC_ASSIGN(const std::int64_t account_id, IdOf(user));
  EDCSYNC_ASSIGN(const std::vector<RightRow> standing, RightsOf(account_id));
  for (const RightRow& right : standing) {
    if (std::find(rights.begin(), rights.end(), right) != rights.end()) continue;
    EDCSYNC_TRY(EndRight(account_id, right, now));
  }
  std::vector<RightRow> begun;
  for (const RightRow& right : rights) {
    const auto same = [&](const RightRow& other) { return HasPlaceOf(right, other); };
    if (std::any_of(begun.begin(), begun.end(), same)) {
      return Fail(ErrorCode::kFieldInvalid, "a right is named twice");
    }
    begun.push_back(right);
    if (std::find(standing.begin(), standing.end(), right) != standing.end()) continue;
    EDCSYNC_TRY(BeginRight(account_id, right, now));
  }
  return Ok();
}

Result<std::vector<SavedViewRow>> AccountTable::ListViews(const std::string& user) {
  Statement statement = database_.Prepare(
      "SELECT v.name, v.query FROM saved_view v JOIN account a ON a.account_id = v.account_id "
      "WHERE a.user = ?1 ORDER BY v.position");
  statement.Bind(1, user);
  std::vector<SavedViewRow> views;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return views;
    views.push_back({TextAt(statement, 0), TextAt(statement, 1)});
  }
}

Status AccountTable::PutViews(const std::string& user, const std::vector<SavedViewRow>& views) {
  EDCSYNC_ASSIGN(const std::int64_t account_id, IdOf(user));
  EDCSYNC_TRY(
      database_.Prepare("DELETE FROM saved_view WHERE account_id = ?1").Bind(1, account_id).Run());
  Statement statement = database_.Prepare(
      "INSERT INTO saved_view (account_id, position, name, query) VALUES (?1, ?2, ?3, ?4)");
  std::int64_t position = 0;
  for (const SavedViewRow& view : views) {
    EDCSYNC_TRY(statement.Bind(1, account_id)
                    .Bind(2, ++position)
                    .Bind(3, view.name)
                    .Bind(4, view.query)
                    .Run());
  }
  return Ok();
}

}  // namespace edcsync::central
