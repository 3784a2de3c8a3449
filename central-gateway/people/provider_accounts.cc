#include "central-gateway/people/provider_accounts.h"

#include "central-gateway/people/authentication.h"

namespace edcsync::central {
namespace {

constexpr char kUnknown[] = "unknown";

Status Refuse(CentralWriter& writer, const std::string& user, const std::string& address,
              const std::string& detail) {
  return writer.AppendAudit(user, "session.refused", user,
                            AddressDetail(address) + " method=oidc " + detail);
}

bool IsBoundTo(const AccountRow& account, const ProviderIdentity& identity) {
  return account.identity && account.identity->issuer == identity.issuer &&
         account.identity->subject == identity.subject;
}

Status Bind(CentralWriter& writer, const AccountRow& account, const ProviderIdentity& identity) {
  EDCSYNC_TRY(writer.BindAccount(account.user, identity.subject));
  return writer.AppendAudit(account.user, "user.bound", account.user,
                            "issuer=" + identity.issuer + " subject=" + identity.subject);
}

// The account, or nullopt after the refusal was told.
Result<std::optional<AccountRow>> Settle(CentralWriter& writer, const ProviderIdentity& identity,
                                         const std::string& address) {
  EDCSYNC_ASSIGN(std::optional<AccountRow> account,
                 writer.FindAccountBySubject(identity.issuer, identity.subject));
  if (!account && !identity.name.empty()) {
    EDCSYNC_ASSIGN(account, writer.FindAccountByProviderName(identity.issuer, identity.name));
  }
  const auto refuse = [&](const std::string& user,
                          const char* reason) -> Result<std::optional<AccountRow>> {
    EDCSYNC_TRY(Refuse(writer, user, address, std::string("reason=") + reason));
    return std::optional<AccountRow>();
  };
  // A name that is nobody's here may be anything; it is not written down.
  if (!account) return refuse(kUnknown, "unknown_name");
  const bool binds = account->identity && account->identity->subject.empty();
  if (!binds && !IsBoundTo(*account, identity)) return refuse(account->user, "other_subject");
  if (!account->active) return refuse(account->user, "not_active");
  if (binds) EDCSYNC_TRY(Bind(writer, *account, identity));
  account->last_log_in_at = writer.Now();
  EDCSYNC_TRY(writer.UpdateAccount(*account));
  EDCSYNC_TRY(writer.AppendAudit(account->user, "session.opened", account->user,
                                 AddressDetail(address) + " method=oidc"));
  return account;
}

}  // namespace

Result<std::optional<AccountRow>> AcceptIdentity(CentralStore& store,
                                                 const ProviderIdentity& identity,
                                                 const std::string& address) {
  std::optional<AccountRow> account;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(account, Settle(writer, identity, address));
    return Ok();
  }));
  return account;
}

Result<bool> ConfirmIdentity(CentralStore& store, const ProviderIdentity& identity,
                             const std::string& user, const std::string& address) {
  bool confirmed = false;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<AccountRow> account, reader.FindAccount(user));
    confirmed = account && account->active && IsBoundTo(*account, identity);
    return Ok();
  }));
  if (!confirmed) {
    EDCSYNC_TRY(TellRefused(store, user, address, "other_subject"));
  }
  return confirmed;
}

Status TellRefused(CentralStore& store, const std::string& user, const std::string& address,
                   const std::string& reason) {
  return store.Write([&](CentralWriter& writer) -> Status {
    if (user.empty()) return Refuse(writer, kUnknown, address, "reason=" + reason);
    return Refuse(writer, user, address, "purpose=signature reason=" + reason);
  });
}

}  // namespace edcsync::central
