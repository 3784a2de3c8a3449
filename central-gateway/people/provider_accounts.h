// Which account a person is whom an identity provider has vouched for. No account is made here: an
// administrator makes it and names whom the provider calls that (accounts.h). The first log-in by
// that name binds the account to the provider's subject, for good: a name may be given to somebody
// else at the provider later, a subject is not (OpenID Connect Core 1.0, 5.7).
//
//   called by   oidc_log_in.h
//
// Audit entries: user.bound, session.opened, session.refused.
//
// Threads: any, but none of the store's works.
#pragma once

#include <optional>
#include <string>

#include "central-gateway/store/central_store.h"

namespace edcsync::central {

struct ProviderIdentity {
  std::string issuer;
  std::string subject;
  std::string name;  // Empty: the provider told none.
};

// The account that may go in, after session.opened was appended and last_log_in_at set. nullopt:
// none may, and session.refused tells why: unknown_name, other_subject, not_active.
Result<std::optional<AccountRow>> AcceptIdentity(CentralStore& store,
                                                 const ProviderIdentity& identity,
                                                 const std::string& address);

// Whether the person is the one that `user`'s account is bound to, for signing. If not,
// session.refused tells.
Result<bool> ConfirmIdentity(CentralStore& store, const ProviderIdentity& identity,
                             const std::string& user, const std::string& address);

// session.refused for what never became an identity. `user`: who signs, or "" if somebody logs in.
// `reason` is a word of ours.
Status TellRefused(CentralStore& store, const std::string& user, const std::string& address,
                   const std::string& reason);

}  // namespace edcsync::central
