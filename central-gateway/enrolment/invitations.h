// Invitations: an operator makes one, a site uses it once. What is decided here is decided in one
// transaction with its audit entry; nothing here speaks HTTP or reads files.
//
//   made by   central-gateway/app (edge invite)
//   used by   central-gateway/enrolment/est_server.h
//
// A wrong secret is told apart from nothing: who does not know it learns neither whether the edge
// is invited nor what became of the invitation. Who knows it is told what is wrong.
#pragma once

#include <string>
#include <functional>
#include <string_view>

#include "central-gateway/store/central_store.h"
#include "shared/crypto/certificate_request.h"
#include "shared/wire/enrolment_token.h"

namespace edcsync::central {

// So many wrong secrets are counted, and then written to the audit trail. They end no invitation:
// whoever knows an edge's name could end each new one, and 192 random bits are not guessed.
inline constexpr std::uint32_t kInvitationFailuresMax = 20;

struct InvitationWish {
  EdgeId edge;
  SiteOID site;          // Empty with `rebuild`: the edge's own.
  bool rebuild = false;  // The edge is known: its machine was lost or is set up anew.
  std::int64_t valid_hours = 72;
  std::string invited_by;
};

// What the centre knows of an edge that is rebuilt. What it captured after `through` and could not
// deliver is lost with its disk.
struct KnownLoss {
  Incarnation incarnation;
  Sequence through;
  std::optional<WallTime> last_contact;
};

struct Invitation {
  std::string secret;  // Hex; nowhere else.
  SiteOID site;
  WallTime expires_at;
  std::optional<KnownLoss> known_loss;  // With `rebuild`.
};

// kAlreadyExists for a known edge without `rebuild`, kNotFound with it for an unknown one,
// kRevokedEdge, kFieldInvalid. An earlier open invitation of the edge ends.
Result<Invitation> Invite(CentralStore& store, const InvitationWish& wish, Random& random);

struct IssuePolicy {
  const CertificateAuthority& authority;
  std::int64_t certificate_minutes;  // How long certificates are valid from now.
  Random& random;
};

// Uses the edge's invitation for the key of `request`: registers the edge, or, of a rebuilt one,
// revokes what it had and lets a new incarnation speak. The same key is answered again while the
// invitation has not expired: the answer may have been lost. A refusal counts and is a value, so
// that the count is committed: kUnauthorized, kForbidden, kFieldInvalid, kRevokedEdge.
Result<Result<Certificate>> UseInvitation(CentralWriter& writer, const IssuePolicy& policy,
                                          const EdgeId& edge, std::string_view secret,
                                          const CertificateRequest& request);

// The edge to whom `certificate` belongs; its chain is judged by the caller. kRevokedEdge,
// kUnknownEdge, kForbidden (replaced by a later one). kNotFound: issued by us and forgotten, as by
// a centre that was restored from a backup.
Result<EdgeRow> EdgeOfCertificate(CentralReader& reader, const Certificate& certificate);

// Whether the list of revoked certificates names this serial. Fails if that cannot be told.
using IsListed = std::function<Result<bool>(const std::string& serial_hex)>;

// Registers a forgotten one again; no effect on one that is registered. What `is_listed` names was
// revoked before the centre forgot it: kForbidden. Else as EdgeOfCertificate.
Result<EdgeRow> RememberCertificate(CentralWriter& writer, const Certificate& certificate,
                                    const IsListed& is_listed);

// A further certificate for an edge, for the key of `request`; the one it holds goes on until the
// new one has said Hello. The same key again is answered with the same certificate.
Result<Certificate> Renew(CentralWriter& writer, const IssuePolicy& policy,
                          const Certificate& present, const CertificateRequest& request,
                          const IsListed& is_listed);

}  // namespace edcsync::central
