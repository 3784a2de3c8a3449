#include "central-gateway/admin/edge_admin.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "schema/config_templates.h"
#include "central-gateway/admin/trust.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/log.h"
#include "shared/base/toml_template.h"
#include "shared/crypto/certificate_request.h"
#include "shared/crypto/revocation_list.h"

namespace edcsync::central {
namespace {

constexpr int kEdgeDays = 2 * 365;

std::string BundleConfig(const EdgeId& edge, const SiteOID& site, const BundleOptions& bundle) {
  TomlTemplate config(schema::EdgeConfigTemplate());
  config.Set("edge", "id", edge.str())
      .Set("edge", "site", site.str())
      .Set("broker", "host", bundle.broker_host)
      .Set("broker", "port", bundle.broker_port)
      .Set("health", "port", 9465);
  if (!bundle.enrolment_address.empty()) {
    config.Set("enrolment", "address", bundle.enrolment_address);
  }
  return config.text();
}

// What the list names: the certificates that were revoked and have not ended, and what `present`
// names beside, which this registry does not know, because it was restored from a backup. What was
// revoked once stays so, whatever the registry says.
Result<std::vector<RevokedCertificate>> RevokedNow(CentralStore& store,
                                                   const Result<RevocationList>& present,
                                                   WallTime now) {
  std::vector<EdgeRow> edges;
  std::vector<std::string> revoked_pem;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(edges, reader.ListEdges());
    EDCSYNC_ASSIGN(revoked_pem, reader.RevokedCertificatesPem());
    return Ok();
  }));
  std::set<std::string> trusted_edges, judged_serials;
  for (const EdgeRow& edge : edges) {
    if (edge.standing != EdgeStanding::kRevoked) trusted_edges.insert(edge.edge.str());
  }
  std::vector<RevokedCertificate> revoked;
  for (const std::string& pem : revoked_pem) {
    EDCSYNC_ASSIGN(const Certificate certificate, Certificate::FromPem(pem));
    judged_serials.insert(certificate.SerialHex());
    if (certificate.NotAfter() <= now) continue;  // Nobody takes it anyway.
    revoked.push_back(
        {certificate.SerialHex(), trusted_edges.count(certificate.CommonName()) != 0});
  }
  if (!present.ok()) return revoked;
  for (const RevokedCertificate& entry : present->revoked) {
    if (judged_serials.count(entry.serial_hex) == 0) revoked.push_back(entry);
  }
  return revoked;
}

}  // namespace

// A SiteOID goes into a TOML string and a certificate.
Status CheckEdgeName(const EdgeId& edge, const SiteOID& site) {
  if (!IsDeviceName(edge.str()) || edge.str() == "gateway") {
    return Fail(ErrorCode::kFieldInvalid,
                "An edge's name is 1 to 64 of A-Z a-z 0-9 . _ - and not \"gateway\"");
  }
  EDCSYNC_TRY(CheckOid("site", site.str(), 64));
  if (site.str().find_first_of("\"\\") != std::string::npos) {
    return Fail(ErrorCode::kFieldInvalid, "site holds a quote or a backslash");
  }
  return Ok();
}

Status AddEdge(CentralStore& store, const Installation& installation, const EdgeId& edge,
               const SiteOID& site, const BundleOptions& bundle, const std::string& user,
               const Clock& clock, Random& random) {
  EDCSYNC_TRY(CheckEdgeName(edge, site));
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto known, reader.FindEdge(edge));
    if (!known) return Ok();
    return Fail(ErrorCode::kAlreadyExists, "Edge " + edge.str() + " is registered");
  }));
  EDCSYNC_ASSIGN(const CertificateAuthority authority, LoadAuthority(installation));
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  CertificateAuthority::Request request;
  request.common_name = edge.str();
  request.organizational_unit = site.str();
  request.purpose = CertificateAuthority::Purpose::kEdge;
  request.not_before = IssueStart(clock);
  request.valid_days = kEdgeDays;
  EDCSYNC_ASSIGN(const Certificate certificate, authority.Issue(key, request, random));
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(installation));
  const Certificate& gateway = trust.identities.front().certificate();
  if (mkdir(bundle.out_dir.c_str(), 0700) == 0) {
    EDCSYNC_TRY(GiveToFolderOwner(bundle.out_dir));
  } else if (errno != EEXIST) {
    return Fail(ErrorCode::kIo,
                "Cannot make the folder " + bundle.out_dir + ": " + std::strerror(errno));
  }
  const auto in = [&](const char* name) { return bundle.out_dir + "/" + name; };
  EDCSYNC_TRY(WriteFile(in("edge.key"), key.ToPem(), 0600, true));
  EDCSYNC_TRY(WriteFile(in("edge.crt"), certificate.ToPem(), 0644, true));
  EDCSYNC_TRY(WriteFile(in("ca.crt"), ToPem(trust.authorities), 0644, true));
  EDCSYNC_TRY(WriteFile(in("gateway.crt"), gateway.ToPem(), 0644, true));
  EDCSYNC_TRY(WriteFile(in("edge-agent.toml"), BundleConfig(edge, site, bundle), 0600, true));
  return store.Write([&](CentralWriter& writer) -> Status {
    EdgeRow row;
    row.edge = edge;
    row.site = site;
    row.certificates_pem = {certificate.ToPem()};
    row.added_at = writer.Now();
    EDCSYNC_TRY(writer.InsertEdge(row));
    return writer.AppendAudit(user, "edge.added", edge.str(),
                              "site=" + site.str() + " certificate=" + certificate.SerialHex());
  });
}

Status RevokeEdge(CentralStore& store, const Installation& installation, const EdgeId& edge,
                  const std::string& user, const std::string& reason, const Clock& clock) {
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> row, writer.FindEdge(edge));
    if (!row) return Fail(ErrorCode::kNotFound, "There is no edge " + edge.str());
    // Said again, perhaps since the list could not be written: it is written below.
    if (row->standing == EdgeStanding::kRevoked) return Ok();
    EDCSYNC_TRY(writer.SetEdgeStanding(edge, EdgeStanding::kRevoked, reason));
    return writer.AppendAudit(user, "edge.revoked", edge.str(), reason);
  }));
  return WriteRevocationList(store, installation, clock);
}

Status WriteRevocationList(CentralStore& store, const Installation& installation,
                           const Clock& clock) {
  EDCSYNC_ASSIGN(const std::vector<CertificateAuthority> authorities,
                 LoadAuthorities(installation));
  const std::string file = installation.Pki("crl.pem");
  const Result<RevocationList> present = RevocationList::Load(file);
  EDCSYNC_ASSIGN(const std::vector<RevokedCertificate> revoked,
                 RevokedNow(store, present, clock.Wall()));
  // A broker that reads the list again goes by the latest time in it, to the second.
  WallTime issued = IssueStart(clock);
  if (present.ok()) issued.ms = std::max(issued.ms, present->issued_at.ms + 1000);
  issued.ms = std::min(issued.ms, clock.Wall().ms);
  std::string lists;
  for (const CertificateAuthority& authority : authorities) {
    EDCSYNC_ASSIGN(const std::string crl, authority.IssueCrl(revoked, issued, kCrlDays));
    lists += crl;
  }
  return WriteFile(file, lists, 0644, false);
}

Status EnsureRevocationList(CentralStore& store, const Installation& installation,
                            const Clock& clock) {
  Status written = WriteRevocationList(store, installation, clock);
  if (written.ok() || written.error().code != ErrorCode::kKeyMissing) return written;
  const Result<RevocationList> present = RevocationList::Load(installation.Pki("crl.pem"));
  if (!present.ok() || present->next_update <= clock.Wall()) return written;
  Log(LogLevel::kWarn, "revocation_list.not_issued",
      {{"why", written.error().message}, {"counts_until", FormatUtc(present->next_update)}});
  return Ok();
}

Status ReadmitEdge(CentralStore& store, const EdgeId& edge, const std::string& user,
                   const std::string& reason) {
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> row, writer.FindEdge(edge));
    if (!row) return Fail(ErrorCode::kNotFound, "There is no edge " + edge.str());
    if (row->standing == EdgeStanding::kRevoked) {
      return Fail(ErrorCode::kForbidden,
                  "Edge " + edge.str() + " is revoked; add a new edge for the site instead");
    }
    EDCSYNC_TRY(writer.SetIncarnation(edge, Incarnation()));
    EDCSYNC_TRY(writer.SetEdgeStanding(edge, EdgeStanding::kActive, ""));
    return writer.AppendAudit(
        user, "edge.readmitted", edge.str(),
        "known through sequence=" + std::to_string(row->acknowledged_through.value()) + " of " +
            row->incarnation.ToHex() + "; " + reason);
  });
}

}  // namespace edcsync::central
