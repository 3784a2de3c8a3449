#include "central-gateway/store/identity_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {

Result<std::optional<IdentityRow>> IdentityTable::Of(const std::string& user) {
  Statement statement = database_.Prepare(
      "SELECT i.issuer, i.name, i.subject, i.linked_at_ms, i.bound_at_ms "
      "FROM account_identity i JOIN account a ON a.account_id = i.account_id "
      "WHERE a.user = ?1 AND i.ended_at_ms IS NULL");
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, user).Step());
  if (!found) return std::optional<IdentityRow>();
  IdentityRow row;
  row.issuer = TextAt(statement, 0);
  row.name = TextAt(statement, 1);
  if (!statement.IsNull(2)) row.subject = TextAt(statement, 2);
  row.linked_at.ms = statement.Int(3);
  row.bound_at = OptionalTime(statement, 4);
  return std::optional(std::move(row));
}

Result<std::optional<std::string>> IdentityTable::UserOf(const char* sql,
                                                         const std::string& issuer,
                                                         const std::string& value) {
  Statement statement = database_.Prepare(sql);
  EDCSYNC_ASSIGN(const bool found, statement.Bind(1, issuer).Bind(2, value).Step());
  if (!found) return std::optional<std::string>();
  return std::optional(TextAt(statement, 0));
}

Result<std::optional<std::string>> IdentityTable::UserOfSubject(const std::string& issuer,
                                                                const std::string& subject) {
  return UserOf(
      "SELECT a.user FROM account_identity i JOIN account a ON a.account_id = i.account_id "
      "WHERE i.issuer = ?1 AND i.subject = ?2 AND i.ended_at_ms IS NULL",
      issuer, subject);
}

Result<std::optional<std::string>> IdentityTable::UserOfName(const std::string& issuer,
                                                             const std::string& name) {
  return UserOf(
      "SELECT a.user FROM account_identity i JOIN account a ON a.account_id = i.account_id "
      "WHERE i.issuer = ?1 AND i.name = ?2 AND i.ended_at_ms IS NULL",
      issuer, name);
}

Status IdentityTable::Link(const std::string& user, const std::string& issuer,
                           const std::string& name, WallTime now) {
  EDCSYNC_ASSIGN(const std::optional<std::string> other, UserOfName(issuer, name));
  if (other) {
    return Fail(ErrorCode::kAlreadyExists,
                *other + " is linked to the provider's " + name + " already");
  }
  Statement statement = database_.Prepare(
      "INSERT INTO account_identity (account_id, issuer, name, linked_at_ms) "
      "SELECT account_id, ?2, ?3, ?4 FROM account WHERE user = ?1");
  EDCSYNC_ASSIGN(const std::int64_t inserted, statement.Bind(1, user)
                                                  .Bind(2, issuer)
                                                  .Bind(3, name)
                                                  .Bind(4, now.ms)
                                                  .Run());
  if (inserted == 1) return Ok();
  return Fail(ErrorCode::kNotFound, "there is no account " + user);
}

Status IdentityTable::Bind(const std::string& user, const std::string& subject, WallTime now) {
  Statement statement = database_.Prepare(
      "UPDATE account_identity SET subject = ?2, bound_at_ms = ?3 "
      "WHERE account_id = (SELECT account_id FROM account WHERE user = ?1) "
      "AND ended_at_ms IS NULL AND subject IS NULL");
  EDCSYNC_ASSIGN(const std::int64_t changed,
                 statement.Bind(1, user).Bind(2, subject).Bind(3, now.ms).Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kStale, user + " has no link that waits to be bound");
}

Status IdentityTable::Unlink(const std::string& user, WallTime now) {
  Statement statement = database_.Prepare(
      "UPDATE account_identity SET ended_at_ms = ?2 "
      "WHERE account_id = (SELECT account_id FROM account WHERE user = ?1) "
      "AND ended_at_ms IS NULL");
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Bind(1, user).Bind(2, now.ms).Run());
  if (changed == 1) return Ok();
  return Fail(ErrorCode::kNotFound, user + " is not linked to a provider");
}

}  // namespace edcsync::central
