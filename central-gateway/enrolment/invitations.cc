#include "central-gateway/enrolment/invitations.h"

#include <algorithm>
#include <array>

#include "central-gateway/admin/edge_admin.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kMsPerHour = 3'600'000;
constexpr std::int64_t kMsPerMinute = 60'000;
constexpr std::int64_t kBackdateMsMax = 24 * kMsPerHour;  // For sites whose clock is behind.

tl::unexpected<Error> NotInvited() {
  return Fail(ErrorCode::kUnauthorized,
              "No invitation fits this edge and secret; ask the centre for a new token");
}

// From as long ago as they are valid for (a day at most) until then.
Result<Certificate> IssueTo(const IssuePolicy& policy, const EdgeId& edge, const SiteOID& site,
                            const CertificateRequest& request, WallTime now) {
  const std::int64_t valid_ms = policy.certificate_minutes * kMsPerMinute;
  CertificateAuthority::Request wish;
  wish.common_name = edge.str();
  wish.organizational_unit = site.str();
  wish.purpose = CertificateAuthority::Purpose::kEdge;
  wish.not_before = {now.ms - std::min(valid_ms, kBackdateMsMax)};
  wish.not_after = {now.ms + valid_ms};
  return policy.authority.Issue(request, wish, policy.random);
}

tl::unexpected<Error> WasReplaced(const EdgeId& edge) {
  return Fail(ErrorCode::kForbidden,
              "This certificate of edge " + edge.str() +
                  " was replaced by a later one. Is this a copy, or an old state, of its machine? "
                  "A rebuilt machine needs a new token");
}

// A request may leave its subject to us; it may not name another.
Status CheckSubject(const CertificateRequest& request, const EdgeId& edge, const SiteOID& site) {
  const std::string name = request.CommonName();
  const std::string unit = request.OrganizationalUnit();
  if (!name.empty() && name != edge.str()) {
    return Fail(ErrorCode::kFieldInvalid,
                "The signing request's common name is not the edge's, " + edge.str());
  }
  if (!unit.empty() && unit != site.str()) {
    return Fail(ErrorCode::kFieldInvalid,
                "The signing request's organizational unit is not the edge's site, " + site.str());
  }
  return Ok();
}

// Why the invitation, whose secret was right, may not be used any more. Ok(): it may.
Status CheckUsable(const InvitationRow& invitation, WallTime now) {
  switch (invitation.state) {
    case InvitationState::kOpen:
      break;
    case InvitationState::kUsed:
      return Fail(ErrorCode::kForbidden,
                  "This token was used on " + FormatUtc(*invitation.used_at) +
                      " for another key. If that was not you, tell the centre at once; else ask "
                      "it for a new token");
    case InvitationState::kReplaced:
      return Fail(ErrorCode::kForbidden,
                  "This token counts no more: a later one replaced it, or the centre was restored "
                  "from a backup. Use the later one, or ask the centre for a new one");
    case InvitationState::kBlocked:
      return Fail(ErrorCode::kForbidden,
                  "This token was blocked after wrong attempts; ask the centre for a new one");
  }
  if (now < invitation.expires_at) return Ok();
  return Fail(ErrorCode::kForbidden, "This token expired on " + FormatUtc(invitation.expires_at) +
                                         "; ask the centre for a new one");
}

Status CountFailure(CentralWriter& writer, InvitationRow invitation) {
  if (invitation.state != InvitationState::kOpen) return Ok();
  if (invitation.failed_count >= kInvitationFailuresMax) return Ok();
  if (++invitation.failed_count == kInvitationFailuresMax) {
    EDCSYNC_TRY(writer.AppendAudit("gateway", "edge.invitation_attacked", invitation.edge.str(),
                                   "wrong secrets=" + std::to_string(invitation.failed_count)));
  }
  return writer.UpdateInvitation(invitation);
}

// What the invitation says of the edge must still fit the registry.
Status CheckStanding(const std::optional<EdgeRow>& known, const InvitationRow& invitation) {
  if (known && known->standing == EdgeStanding::kRevoked) {
    return Fail(ErrorCode::kRevokedEdge, "This edge was revoked meanwhile");
  }
  if (known.has_value() == invitation.rebuild) return Ok();
  return Fail(ErrorCode::kForbidden,
              known ? "This edge was registered in another way meanwhile; ask the centre"
                    : "The edge that was to be rebuilt is not known any more; ask the centre");
}

Status Register(CentralWriter& writer, const InvitationRow& invitation,
                const std::optional<EdgeRow>& known, const Certificate& certificate) {
  const std::string pem = certificate.ToPem();
  std::string detail = "site=" + invitation.site.str() + " certificate=" + certificate.SerialHex() +
                       " invited by=" + invitation.invited_by;
  if (!known) {
    EdgeRow row;
    row.edge = invitation.edge;
    row.site = invitation.site;
    row.certificates_pem = {pem};
    row.added_at = writer.Now();
    EDCSYNC_TRY(writer.InsertEdge(row));
  } else {
    EDCSYNC_TRY(writer.AddCertificate(invitation.edge, pem));
    EDCSYNC_TRY(writer.RevokeCertificatesBut(invitation.edge, pem));
    EDCSYNC_TRY(writer.SetIncarnation(invitation.edge, Incarnation()));
    EDCSYNC_TRY(writer.SetEdgeStanding(invitation.edge, EdgeStanding::kActive, ""));
    detail +=
        " rebuilt; known through sequence=" + std::to_string(known->acknowledged_through.value()) +
        " of " + known->incarnation.ToHex();
  }
  return writer.AppendAudit("edge:" + invitation.edge.str(), "edge.enrolled", invitation.edge.str(),
                            detail);
}

}  // namespace

Result<Invitation> Invite(CentralStore& store, const InvitationWish& wish, Random& random) {
  std::array<std::uint8_t, wire::kSecretBytes> bytes{};
  random.Fill(bytes);
  Invitation made;
  made.secret = ToHex(bytes);
  made.site = wish.site;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> known, writer.FindEdge(wish.edge));
    if (known && known->standing == EdgeStanding::kRevoked) {
      return Fail(ErrorCode::kRevokedEdge,
                  "Edge " + wish.edge.str() + " was revoked; invite a new edge for the site");
    }
    if (known && !wish.rebuild) {
      return Fail(ErrorCode::kAlreadyExists,
                  "Edge " + wish.edge.str() +
                      " is registered. If its machine was lost or is set up anew, say --rebuild: "
                      "its former certificate is then revoked when it enrols");
    }
    if (!known && wish.rebuild) {
      return Fail(ErrorCode::kNotFound, "There is no edge " + wish.edge.str() + " to rebuild");
    }
    if (known && !wish.site.str().empty() && wish.site != known->site) {
      return Fail(ErrorCode::kFieldInvalid,
                  "Edge " + wish.edge.str() + " is of site " + known->site.str());
    }
    InvitationRow row;
    row.edge = wish.edge;
    row.site = known ? known->site : wish.site;
    EDCSYNC_TRY(CheckEdgeName(row.edge, row.site));
    row.rebuild = wish.rebuild;
    row.secret_digest = Sha256(AsBytes(made.secret));
    row.invited_by = wish.invited_by;
    row.invited_at = writer.Now();
    row.expires_at = {row.invited_at.ms + wish.valid_hours * kMsPerHour};
    made.site = row.site;
    made.expires_at = row.expires_at;
    if (known)
      made.known_loss = {known->incarnation, known->acknowledged_through, known->last_contact};
    EDCSYNC_TRY(writer.InsertInvitation(row));
    return writer.AppendAudit(wish.invited_by, "edge.invited", wish.edge.str(),
                              "site=" + row.site.str() + " until=" + FormatUtc(row.expires_at) +
                                  (wish.rebuild ? " rebuild" : ""));
  }));
  return made;
}

Result<Result<Certificate>> UseInvitation(CentralWriter& writer, const IssuePolicy& policy,
                                          const EdgeId& edge, std::string_view secret,
                                          const CertificateRequest& request) {
  using Outcome = Result<Certificate>;
  EDCSYNC_ASSIGN(std::optional<InvitationRow> invitation, writer.FindInvitation(edge));
  if (!invitation) return Outcome(NotInvited());
  const Digest given = Sha256(AsBytes(secret));
  if (!EqualInConstantTime(given, invitation->secret_digest)) {
    EDCSYNC_TRY(CountFailure(writer, *invitation));
    return Outcome(NotInvited());
  }
  const WallTime now = writer.Now();
  if (invitation->state == InvitationState::kUsed && now < invitation->expires_at) {
    EDCSYNC_ASSIGN(const Certificate issued, Certificate::FromPem(invitation->certificate_pem));
    if (PublicKeyHex(issued) == request.PublicKeyHex()) return Outcome(issued);
  }
  Status fits = CheckUsable(*invitation, now);
  if (fits.ok()) fits = CheckSubject(request, edge, invitation->site);
  EDCSYNC_ASSIGN(const std::optional<EdgeRow> known, writer.FindEdge(edge));
  if (fits.ok()) fits = CheckStanding(known, *invitation);
  if (!fits.ok()) return Outcome(tl::unexpected<Error>(fits.error()));
  EDCSYNC_ASSIGN(Certificate certificate, IssueTo(policy, edge, invitation->site, request, now));
  EDCSYNC_TRY(Register(writer, *invitation, known, certificate));
  invitation->state = InvitationState::kUsed;
  invitation->used_at = now;
  invitation->certificate_pem = certificate.ToPem();
  EDCSYNC_TRY(writer.UpdateInvitation(*invitation));
  return Outcome(std::move(certificate));
}

Result<EdgeRow> EdgeOfCertificate(CentralReader& reader, const Certificate& certificate) {
  const EdgeId edge(certificate.CommonName());
  EDCSYNC_ASSIGN(std::optional<EdgeRow> row, reader.FindEdge(edge));
  if (!row) return Fail(ErrorCode::kUnknownEdge, "No edge is called " + edge.str());
  if (row->standing == EdgeStanding::kRevoked) {
    return Fail(ErrorCode::kRevokedEdge, "Edge " + edge.str() + " was revoked");
  }
  const std::vector<std::string>& valid = row->certificates_pem;
  if (std::find(valid.begin(), valid.end(), certificate.ToPem()) != valid.end()) {
    return std::move(*row);
  }
  if (certificate.OrganizationalUnit() != row->site.str()) {
    return Fail(ErrorCode::kForbidden, "Edge " + edge.str() + " is of site " + row->site.str());
  }
  EDCSYNC_ASSIGN(const std::vector<std::string> revoked, reader.RevokedCertificatesPem());
  if (std::find(revoked.begin(), revoked.end(), certificate.ToPem()) == revoked.end()) {
    return Fail(ErrorCode::kNotFound, "This certificate of edge " + edge.str() + " is not known");
  }
  return WasReplaced(edge);
}

Result<EdgeRow> RememberCertificate(CentralWriter& writer, const Certificate& certificate,
                                    const IsListed& is_listed) {
  Result<EdgeRow> row = EdgeOfCertificate(writer, certificate);
  if (row.ok() || row.error().code != ErrorCode::kNotFound) return row;
  EDCSYNC_ASSIGN(const bool listed, is_listed(certificate.SerialHex()));
  if (listed) return WasReplaced(EdgeId(certificate.CommonName()));
  const EdgeId edge(certificate.CommonName());
  EDCSYNC_TRY(writer.AddCertificate(edge, certificate.ToPem()));
  EDCSYNC_TRY(writer.AppendAudit("gateway", "edge.certificate_remembered", edge.str(),
                                 "certificate=" + certificate.SerialHex()));
  return EdgeOfCertificate(writer, certificate);
}

Result<Certificate> Renew(CentralWriter& writer, const IssuePolicy& policy,
                          const Certificate& present, const CertificateRequest& request,
                          const IsListed& is_listed) {
  EDCSYNC_ASSIGN(const EdgeRow row, RememberCertificate(writer, present, is_listed));
  EDCSYNC_TRY(CheckSubject(request, row.edge, row.site));
  for (const std::string& pem : row.certificates_pem) {
    if (pem == present.ToPem()) continue;
    EDCSYNC_ASSIGN(const Certificate issued, Certificate::FromPem(pem));
    const bool fresh = issued.NotBefore() >= present.NotBefore() &&
                       VerifyIssued(issued, policy.authority.certificate(), writer.Now()).ok();
    if (fresh && PublicKeyHex(issued) == request.PublicKeyHex()) return issued;
  }
  EDCSYNC_ASSIGN(Certificate certificate,
                 IssueTo(policy, row.edge, row.site, request, writer.Now()));
  EDCSYNC_TRY(writer.AddCertificate(row.edge, certificate.ToPem()));
  EDCSYNC_TRY(writer.AppendAudit(
      "edge:" + row.edge.str(), "edge.renewed", row.edge.str(),
      "certificate=" + certificate.SerialHex() + " in place of=" + present.SerialHex()));
  return certificate;
}

}  // namespace edcsync::central
