#include "central-gateway/enrolment/rotation.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "central-gateway/admin/edge_admin.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/crypto/certificate_facts.h"
#include "shared/crypto/certificate_request.h"

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

constexpr char kRotated[] = "ca.rotated";
constexpr char kRetired[] = "ca.retired";
// Beside pki/retired/FINGERPRINT.crt: retired regardless, perhaps because its key was stolen, so that
// nothing signed under it proves anything.
constexpr char kUntrusted[] = ".untrusted";

Status MakePkiFolder(const Installation& installation, const std::string& name) {
  std::error_code error;
  const std::string folder = installation.Pki(name);
  const bool made = fs::create_directory(folder, error);
  fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return Fail(ErrorCode::kIo, "Cannot make " + folder + ": " + error.message());
  return made ? GiveToFolderOwner(folder) : Ok();
}

// Keeps the present identity among the former ones and takes a new one of `authority`.
Result<Certificate> NewIdentity(const RotationContext& context,
                                const CertificateAuthority& authority) {
  const Installation& installation = context.installation;
  const IdentityFiles present = PairOf(installation, "gateway");
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Load(present.key_file));
  EDCSYNC_ASSIGN(const Certificate certificate, Certificate::Load(present.certificate_file));
  EDCSYNC_TRY(MakePkiFolder(installation, "former"));
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

// Those that have ended, too. Their certificates first, so that nobody loads one whose key is gone; a
// key alone is one whose certificate an earlier attempt dropped.
Status DropFormerIdentities(const Installation& installation, const Certificate& retired) {
  std::error_code error;
  std::vector<fs::path> dropped;
  for (const auto& entry : fs::directory_iterator(installation.Pki("former"), error)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".key" && !fs::exists(fs::path(path).replace_extension(".crt"))) {
      dropped.push_back(path);
    }
    if (path.extension() != ".crt") continue;
    const Result<Certificate> certificate = Certificate::Load(path.string());
    if (!certificate.ok() || !IsSignedBy(*certificate, retired)) continue;
    dropped.push_back(path);
    dropped.push_back(fs::path(path).replace_extension(".key"));
  }
  for (const fs::path& path : dropped) {
    fs::remove(path, error);
    if (error) return Fail(ErrorCode::kIo, "Cannot remove " + path.string());
  }
  return Ok();
}

// The rotation to `authority` has come to its end.
Result<bool> IsRotated(const RotationContext& context, const Certificate& authority) {
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(context.installation));
  const Certificate& gateway = trust.identities.front().certificate();
  if (!VerifyIssued(gateway, authority, context.clock.Wall()).ok()) return false;
  bool told = false;
  EDCSYNC_TRY(context.store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<AuditEntry> entries,
                   reader.ListAudit(authority.CommonName(), 0, 1000));
    for (const AuditEntry& entry : entries) {
      told = told || (entry.action == kRotated &&
                      entry.detail.find("certificate=" + authority.SerialHex()) !=
                          std::string::npos);
    }
    return Ok();
  }));
  return told;
}

// From when `authority` issues: the gateway gets its certificate from it, and all are told.
Status EndRotation(const RotationContext& context, const CertificateAuthority& authority) {
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(context.installation));
  const Certificate& gateway = trust.identities.front().certificate();
  if (!VerifyIssued(gateway, authority.certificate(), context.clock.Wall()).ok()) {
    EDCSYNC_TRY(NewIdentity(context, authority));
  }
  return Finish(context, kRotated, authority.certificate());
}

// The authority whose retirement was broken off: its certificate has gone to pki/retired, its key is
// still there.
Result<std::optional<Certificate>> HalfRetired(const Installation& installation) {
  std::optional<Certificate> half;
  const IdentityFiles files = PairOf(installation, "ca-former");
  if (!fs::exists(files.key_file) || fs::exists(files.certificate_file)) return half;
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Load(files.key_file));
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(installation.Pki("retired"), absent)) {
    Result<Certificate> certificate = Certificate::Load(entry.path().string());
    if (certificate.ok() && Belongs(key, *certificate)) half = std::move(*certificate);
  }
  if (half) return half;
  return Fail(ErrorCode::kCertificate, files.key_file + " is there without the certificate of a "
                                           "retired authority: move that key away");
}

// From when the retired authority's certificate is in its new place.
Status EndRetirement(const RotationContext& context, const Certificate& retired) {
  EDCSYNC_TRY(Finish(context, kRetired, retired));
  std::error_code error;
  fs::remove(context.installation.Pki("ca-former.key"), error);
  if (error) return Fail(ErrorCode::kIo, "Cannot remove pki/ca-former.key: " + error.message());
  return SyncFolderOf(context.installation.Pki("ca-former.key"));
}

// Brings a retirement to its end that was broken off; true if there was one.
Result<bool> TakeUpRetirement(const RotationContext& context) {
  EDCSYNC_ASSIGN(const std::optional<Certificate> half, HalfRetired(context.installation));
  if (!half) return false;
  EDCSYNC_TRY(EndRetirement(context, *half));
  return true;
}

// Likewise a rotation of the authority.
Status TakeUpRotation(const RotationContext& context) {
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  if (authorities.size() < 2) return Ok();
  EDCSYNC_ASSIGN(const bool whole, IsRotated(context, authorities.front().certificate()));
  return whole ? Ok() : EndRotation(context, authorities.front());
}

Status ReissueBroker(const RotationContext& context, const CertificateAuthority& authority) {
  return IssueServerCertificate(context.installation, "broker", context.broker_hosts, kServiceDays,
                                authority, context.clock, context.random);
}

}  // namespace

Result<std::string> BrokenOff(const RotationContext& context) {
  EDCSYNC_ASSIGN(const std::optional<Certificate> half, HalfRetired(context.installation));
  if (half) return std::string("ca retire");
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  if (authorities.size() < 2) return std::string();
  EDCSYNC_ASSIGN(const bool whole, IsRotated(context, authorities.front().certificate()));
  return std::string(whole ? "" : "ca rotate");
}

Result<Certificate> RotateGatewayCertificate(const RotationContext& context) {
  EDCSYNC_TRY(TakeUpRetirement(context));
  EDCSYNC_TRY(TakeUpRotation(context));
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  // By the authority that every edge knows by now.
  EDCSYNC_TRY(ReissueBroker(context, authorities.back()));
  EDCSYNC_ASSIGN(Certificate issued, NewIdentity(context, authorities.front()));
  EDCSYNC_TRY(Finish(context, "gateway.certificate_rotated", issued));
  return issued;
}

Result<Certificate> RotateAuthority(const RotationContext& context) {
  EDCSYNC_TRY(TakeUpRetirement(context));
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(context.installation));
  const CertificateAuthority& present = authorities.front();
  if (authorities.size() > 1) {
    EDCSYNC_ASSIGN(const bool whole, IsRotated(context, present.certificate()));
    if (!whole) {
      EDCSYNC_TRY(EndRotation(context, present));
      return present.certificate();
    }
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
  EDCSYNC_TRY(EndRotation(context, fresh));
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
  EDCSYNC_ASSIGN(const bool taken_up, TakeUpRetirement(context));
  if (taken_up) return Ok();
  EDCSYNC_TRY(TakeUpRotation(context));
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
  EDCSYNC_TRY(MakePkiFolder(installation, "retired"));
  const std::string kept = installation.Pki("retired/" + retired.FingerprintHex() +
                                            (regardless ? kUntrusted : ".crt"));
  std::error_code error;
  fs::rename(installation.Pki("ca-former.crt"), kept, error);
  if (error) return Fail(ErrorCode::kIo, "Cannot move pki/ca-former.crt: " + error.message());
  EDCSYNC_TRY(SyncFolderOf(kept));
  EDCSYNC_TRY(SyncFolderOf(installation.Pki("ca-former.crt")));
  return EndRetirement(context, retired);
}

}  // namespace edcsync::central
