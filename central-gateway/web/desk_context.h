// What the desk's routes work with. Threads: all of it from any.
#pragma once

#include "central-gateway/desk/conflict_desk.h"
#include "central-gateway/people/accounts.h"
#include "central-gateway/people/oidc_log_in.h"
#include "central-gateway/web/api_router.h"
#include "shared/crypto/certificate.h"
#include "shared/http/event_streams.h"

namespace edcsync::central {

// As whom the centre signs.
struct SigningIdentity {
  PrivateKey key;
  Certificate certificate;
};

struct DeskContext {
  CentralStore& store;
  Sessions& sessions;
  PasswordHasher& hasher;
  StudyCatalogue& catalogue;
  const Clock& clock;
  Random& random;
  std::string gateway;            // Its name, in checkpoints.
  // The centre's present one, for checkpoints: asked for each, since it may have been rotated.
  std::function<Result<SigningIdentity>()> signing_identity;
  DueTimes due_times;
  EventStreams& events;           // Of the store's version, for GET /changes.
  SigningTickets& tickets;
  OidcLogIn* oidc = nullptr;      // nullptr: no identity provider.
  DeskTelemetry* telemetry = nullptr;  // nullptr: none.

  CentreWriter centre() const { return {clock, random}; }
  WallTime now() const { return clock.Wall(); }
};

// A text that is another one once anything of the store has changed that pages show.
Result<std::string> StoreVersion(CentralStore& store);

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
// What a person decides about in one call, at most; and the length of a reason.
inline constexpr std::size_t kBulkMax = 500;
inline constexpr std::size_t kReasonBytesMax = 2000 * 4;
// A list of texts in the body, at most `count_max`. kFieldMissing, kTooLarge, kFieldInvalid.
Result<std::vector<std::string>> TextsOf(const Json& body, const std::string& name,
                                         std::size_t count_max);
// {"id", "done"} and, if it was not done, "code" and "detail".
Json OutcomeJson(const std::string& id, const Status& status);

}  // namespace edcsync::central
