// The people of the conflict desk as the central store keeps them: accounts, their rights, who they
// are at an identity provider, their saved views. Part of central_store.h, which stages include.
//
//   written by   central-gateway/people
//   read by      central-gateway/people, app
//   kept in      tables `account`, `account_right`, `saved_view`, schema/central/0002_people.sql;
//                `account_identity`, schema/central/0006_oidc.sql
//
// Invariants the store itself keeps: an account is never removed and never gets another name; a
// right that ends stays readable; credential_generation only rises; a link to a provider is bound
// to one subject, once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/model/odm_keys.h"

namespace edcsync::central {

enum class Role : std::uint8_t {
  kDataManager = 1,    // Reads, claims, decides, releases, rejects.
  kMonitor = 2,        // Reads.
  kOperator = 3,       // Reads edges, overview and audit; no record.
  kAdministrator = 4,  // Keeps accounts, reads the audit trail; no record.
};
std::string_view ToString(Role role);  // "data_manager", ...
std::optional<Role> ParseRole(std::string_view text);

struct RightRow {
  Role role = Role::kMonitor;
  StudyOID study;             // Empty: every study.
  SiteOID site;               // Empty: every site.
  bool sees_blinded = false;  // Counts for a monitor; who decides must see what is decided on.
  friend bool operator==(const RightRow&, const RightRow&) = default;
};

// Who an account is at an identity provider.
struct IdentityRow {
  std::string issuer;                // The provider's address.
  std::string name;                  // What the provider calls the person, in any case.
  std::string subject;               // The provider's own, which never changes; empty: not bound.
  WallTime linked_at;
  std::optional<WallTime> bound_at;  // With `subject`, at the first log-in.
};

struct AccountRow {
  std::string user;                         // [A-Za-z0-9._@-]{1,64}; unique, whatever its case.
  std::string full_name;                    // As it stands in signatures.
  // Argon2id in libsodium's text form. Empty: no password fits, until one is set.
  std::string password_hash;
  std::vector<std::string> earlier_hashes;  // Newest first, at most kEarlierHashCountMax.
  bool must_change_password = true;
  bool active = true;
  std::uint32_t failed_count = 0;        // Wrong passwords in a row.
  std::optional<WallTime> locked_until;  // May lie in the past.
  std::optional<WallTime> last_log_in_at;
  WallTime created_at;
  // Rises with every change of name, password, rights or standing: a session that knows a lower
  // one reads the account anew.
  std::uint64_t credential_generation = 1;
  std::vector<RightRow> rights;         // Those that stand now.
  std::optional<IdentityRow> identity;  // Logs in by a provider. Set by LinkAccount and so on.

  static constexpr std::size_t kEarlierHashCountMax = 4;  // With the present one, the last 5.
};

struct SavedViewRow {
  std::string name;
  std::string query;  // The queue's query string.
  friend bool operator==(const SavedViewRow&, const SavedViewRow&) = default;
};

// The part of CentralReader that is about people. `user` in any case.
class PeopleReader {
 public:
  virtual ~PeopleReader() = default;

  virtual Result<std::optional<AccountRow>> FindAccount(const std::string& user) = 0;
  virtual Result<std::vector<AccountRow>> ListAccounts() = 0;  // By name.
  // nullopt: no such account.
  virtual Result<std::optional<std::uint64_t>> CredentialGeneration(const std::string& user) = 0;
  // The account whose standing link is bound to this subject, or has this name (in any case).
  virtual Result<std::optional<AccountRow>> FindAccountBySubject(const std::string& issuer,
                                                                 const std::string& subject) = 0;
  virtual Result<std::optional<AccountRow>> FindAccountByProviderName(const std::string& issuer,
                                                                      const std::string& name) = 0;
  // In their order; empty for an account that is not there.
  virtual Result<std::vector<SavedViewRow>> ListSavedViews(const std::string& user) = 0;
};

// The part of CentralWriter that is about people. The caller appends the audit entries.
class PeopleWriter {
 public:
  virtual ~PeopleWriter() = default;

  virtual Status InsertAccount(const AccountRow& account) = 0;  // With rights. kAlreadyExists.
  // All but name, created_at, rights and identity. kNotFound; kInvariant if the generation were to
  // fall.
  virtual Status UpdateAccount(const AccountRow& account) = 0;
  // Ends the rights that are not among `rights` and begins those that are new. kNotFound.
  virtual Status SetRights(const std::string& user, const std::vector<RightRow>& rights) = 0;
  // Begins a link, as yet bound to no subject. kNotFound; kAlreadyExists if an account has that
  // name at the provider. REQUIRES: the account has none.
  virtual Status LinkAccount(const std::string& user, const std::string& issuer,
                             const std::string& name) = 0;
  virtual Status BindAccount(const std::string& user, const std::string& subject) = 0;  // kStale.
  virtual Status UnlinkAccount(const std::string& user) = 0;  // kNotFound.
  virtual Status PutSavedViews(const std::string& user,
                               const std::vector<SavedViewRow>& views) = 0;  // kNotFound.
};

}  // namespace edcsync::central
