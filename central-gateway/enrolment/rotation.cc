#include "central-gateway/enrolment/rotation.h"

#include <filesystem>
#include <map>
#include <set>

#include "central-gateway/admin/edge_admin.h"
#include "shared/base/file.h"
#include "shared/crypto/certificate_facts.h"
#include "shared/crypto/certificate_request.h"

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

// Keeps the present identity among the former ones and takes a new one of `authority`.
Result<Certificate> NewIdentity(const RotationContext& context,
                                const CertificateAuthority& authority) {
  const Installation& installation = context.installation;
  const IdentityFiles present = PairOf(installation, "gateway");
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Load(present.key_file));
  EDCSYNC_ASSIGN(const Certificate certificate, Certificate::Load(present.certificate_file));
  std::error_code error;
  fs::create_directory(installation.Pki("former"), error);
  fs::permissions(installation.Pki("former"), fs::perms::owner_all, error);
  if (error) return Fail(ErrorCode::kIo, "Cannot make pki/former: " + error.message());
  EDCSYNC_TRY(
      ReplaceIdentity(PairOf(installation, "former/" + certificate.SerialHex()), key, certificate));
  CertificateAuthority::Request request;
  request.common_name = "gateway";
  request.purpose = CertificateAuthority::Purpose::kGateway;
  request.not_before = IssueStart(context.clock);
  request.valid_days = kServiceDays;
  EDCSYNC_ASSIGN(const PrivateKey fresh, PrivateKey::Generate());
  EDCSYNC_ASSIGN(Certificate issued, authority.Issue(fresh, request, context.random));
  EDCSYNC_TRY(ReplaceIdentity(present, fresh, issued));
  return issued;
}

Status Finish(const RotationContext& context, const std::string& action,
              const Certificate& certificate) {
  EDCSYNC_TRY(SettleTrust(context.installation));
  EDCSYNC_TRY(WriteRevocationList(context.store, context.installation, context.clock));
  EDCSYNC_TRY(BumpTrustGeneration(context.installation, context.random));
  return context.store.Write([&](CentralWriter& writer) {
    return writer.AppendAudit(
        context.user, action, certificate.CommonName(),
        "certificate=" + certificate.SerialHex() + " fingerprint=" + certificate.FingerprintHex());
  });
}

bool IssuedBy(const std::string& pem, const Certificate& authority, WallTime now) {
  const Result<Certificate> certificate = Certificate::FromPem(pem);
  return certificate.ok() && VerifyIssued(*certificate, authority, now).ok();
}

// Why the edge still needs the former authority; empty if it does not.
std::string NeedOf(const EdgeRow& edge, const EdgeCredential* credential,
                   const Certificate& issuing, const std::set<std::string>& gateway_serials,
                   WallTime now) {
  const std::string name = "edge " + edge.edge.str() + " of site " + edge.site.str();
  const std::string contact =
      edge.last_contact ? ", last contact " + FormatUtc(*edge.last_contact) : ", no contact yet";
  if (credential == nullptr) return name + " has not connected since" + contact;
  for (const std::string& pem : edge.certificates_pem) {
    const Result<Certificate> certificate = Certificate::FromPem(pem);
    if (!certificate.ok() || certificate->SerialHex() != credential->certificate_serial) continue;
    if (!IssuedBy(pem, issuing, now)) {
      return name + " still uses a certificate of the former authority" + contact;
    }
  }
  if (!gateway_serials.contains(credential->gateway_serial)) {
    return name + " has not fetched the new certificates" + contact;
  }
  return {};
}

// Those that have ended, too.
Status DropFormerIdentities(const Installation& installation, const Certificate& retired) {
  std::error_code error;
  std::vector<fs::path> dropped;
  for (const auto& entry : fs::directory_iterator(installation.Pki("former"), error)) {
    if (entry.path().extension() != ".crt") continue;
    const Result<Certificate> certificate = Certificate::Load(entry.path().string());
    if (certificate.ok() && IsSignedBy(*certificate, retired)) {
      dropped.push_back(entry.path());
    }
  }
  for (fs::path path : dropped) {
    fs::remove(path, error);
    fs::remove(path.replace_extension(".key"), error);
    if (error) return Fail(ErrorCode::kIo, "Cannot remove " + path.string());
  }
  return Ok();
}

Status ReissueBroker(const RotationContext& context, const CertificateAuthority& authority) {
  return IssueServerCertificate(context.installation, "broker", context.broker_hosts, kServiceDays,
                                authority, context.clock, context.random);
}

}  // namespace

Result<Certificate> RotateGatewayCertificate(const RotationContext& context) {
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  // By the authority that every edge knows by now.
  EDCSYNC_TRY(ReissueBroker(context, authorities.back()));
  EDCSYNC_ASSIGN(Certificate issued, NewIdentity(context, authorities.front()));
  EDCSYNC_TRY(Finish(context, "gateway.certificate_rotated", issued));
  return issued;
}

Result<Certificate> RotateAuthority(const RotationContext& context) {
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  const CertificateAuthority& present = authorities.front();
  if (authorities.size() > 1) {
    return Fail(ErrorCode::kAlreadyExists,
                "A rotation is under way: the authority with the fingerprint " +
                    authorities.back().certificate().FingerprintHex() +
                    " is still trusted. End it with `central-gateway ca retire`");
  }
  const WallTime begin = IssueStart(context.clock);
  // A name of its own, so that chains and revocation lists are never taken for the former one's.
  EDCSYNC_ASSIGN(const CertificateAuthority fresh,
                 CertificateAuthority::Create("edcsync CA " + FormatUtc(context.clock.Wall()),
                                              begin, kAuthorityDays, context.random));
  EDCSYNC_TRY(ReplaceIdentity(PairOf(context.installation, "ca-former"), present.key(),
                              present.certificate()));
  EDCSYNC_TRY(
      ReplaceIdentity(PairOf(context.installation, "ca"), fresh.key(), fresh.certificate()));
  EDCSYNC_TRY(NewIdentity(context, fresh));
  EDCSYNC_TRY(Finish(context, "ca.rotated", fresh.certificate()));
  return fresh.certificate();
}

Result<std::vector<std::string>> NeedsFormerAuthority(const RotationContext& context) {
  std::vector<std::string> needs;
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  if (authorities.size() < 2) return needs;
  const Certificate& issuing = authorities.front().certificate();
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(context.installation));
  const WallTime now = context.clock.Wall();
  std::set<std::string> gateway_serials;  // Of the identities that the new authority issued.
  for (const Sealer& identity : trust.identities) {
    const Certificate& certificate = identity.certificate();
    if (VerifyIssued(certificate, issuing, now).ok()) {
      gateway_serials.insert(certificate.SerialHex());
    }
  }
  EDCSYNC_TRY(context.store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, reader.ListEdges());
    EDCSYNC_ASSIGN(const std::vector<EdgeCredential> credentials, reader.ListEdgeCredentials());
    std::map<EdgeId, const EdgeCredential*> by_edge;
    for (const EdgeCredential& credential : credentials) by_edge[credential.edge] = &credential;
    for (const EdgeRow& edge : edges) {
      if (edge.standing == EdgeStanding::kRevoked) continue;
      const auto found = by_edge.find(edge.edge);
      std::string need = NeedOf(edge, found == by_edge.end() ? nullptr : found->second, issuing,
                                gateway_serials, now);
      if (!need.empty()) needs.push_back(std::move(need));
    }
    EDCSYNC_ASSIGN(const std::vector<InvitationRow> open, reader.ListOpenInvitations());
    for (const InvitationRow& invitation : open) {
      if (invitation.expires_at <= now) continue;
      needs.push_back("the open invitation of edge " + invitation.edge.str() + ", until " +
                      FormatUtc(invitation.expires_at));
    }
    return Ok();
  }));
  return needs;
}

Status RetireAuthority(const RotationContext& context, bool regardless) {
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  if (authorities.size() < 2) {
    return Fail(ErrorCode::kNotFound, "No rotation is under way: one authority is trusted");
  }
  EDCSYNC_ASSIGN(const std::vector<std::string> needs, NeedsFormerAuthority(context));
  if (!needs.empty() && !regardless) {
    std::string message = "The former authority is still needed by " + needs.front();
    if (needs.size() > 1) {
      message += " and " + std::to_string(needs.size() - 1) + " more (`central-gateway ca status`)";
    }
    return Fail(ErrorCode::kForbidden, message);
  }
  const Certificate retired = authorities.back().certificate();
  const Installation& installation = context.installation;
  // Before it goes: what is broken off here is repeated by the same command.
  EDCSYNC_TRY(ReissueBroker(context, authorities.front()));
  EDCSYNC_TRY(DropFormerIdentities(installation, retired));
  std::error_code error;
  fs::remove(installation.Pki("ca-former.crt"), error);
  if (!error) fs::remove(installation.Pki("ca-former.key"), error);
  if (error) return Fail(ErrorCode::kIo, "Cannot remove pki/ca-former: " + error.message());
  return Finish(context, "ca.retired", retired);
}

}  // namespace edcsync::central
