// What the desk's routes work with. Threads: all of it from any.
#pragma once

#include "central-gateway/desk/conflict_desk.h"
#include "central-gateway/people/accounts.h"
#include "central-gateway/people/oidc_log_in.h"
#include "central-gateway/web/api_router.h"
#include "shared/crypto/certificate.h"

namespace edcsync::central {

struct DeskContext {
  CentralStore& store;
  Sessions& sessions;
  PasswordHasher& hasher;
  StudyCatalogue& catalogue;
  const Clock& clock;
  Random& random;
  std::string gateway;            // Its name, in checkpoints.
  PrivateKey signing_key;         // The centre's, for checkpoints;
  Certificate signing_certificate;
  DueTimes due_times;
  SigningTickets& tickets;
  OidcLogIn* oidc = nullptr;      // nullptr: no identity provider.

  CentreWriter centre() const { return {clock, random}; }
  WallTime now() const { return clock.Wall(); }
};

// All outlive the server's run.
void AddSessionRoutes(ApiRouter& router, DeskContext& context);    // session, users, views
void AddOidcRoutes(ApiRouter& router, DeskContext& context);       // session/oidc
void AddConflictRoutes(ApiRouter& router, DeskContext& context);   // conflicts
void AddOversightRoutes(ApiRouter& router, DeskContext& context);  // all that is left

// Signs for the session's user: verifies the password given in {"signature": {...}}, or takes the
// ticket that an identity provider confirmed, and that its meaning is one of `meanings`.
// kUnauthorized, kFieldMissing, kFieldInvalid.
Result<Signing> Authorise(DeskContext& context, const ApiCall& call,
                          const std::vector<std::string>& meanings);
// The ids of a list in the body, each by `parse`; at most `count_max`.
Result<std::vector<std::string>> TextsOf(const Json& body, const std::string& name,
                                         std::size_t count_max);
Json OutcomeJson(const std::string& id, const Status& status);

// A whole filtered list as a file: `page` gives JSON pages until it says there is no more.
enum class FileFormat { kCsv, kJson };
Result<FileFormat> ParseFormat(const HttpRequest& request);
HttpResponse FileResponse(FileFormat format, const std::string& name, std::string body);

}  // namespace edcsync::central
