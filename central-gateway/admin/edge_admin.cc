#include "central-gateway/admin/edge_admin.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "shared/base/file.h"

namespace edcsync::central {
namespace {

constexpr int kEdgeDays = 2 * 365;

std::string BundleConfig(const EdgeId& edge, const SiteOID& site, const BundleOptions& bundle) {
  return "# The edge agent's configuration, made by `central-gateway edge add`. Paths are "
         "relative\n"
         "# to this file's folder. Every key, its default and unit: README.md.\n"
         "\n"
         "[edge]\n"
         "id = \"" +
         edge.str() +
         "\"\n"
         "site = \"" +
         site.str() +
         "\"\n"
         "data = \"data\"               # Database and keys of this site.\n"
         "\n"
         "[broker]\n"
         "host = \"" +
         bundle.broker_host +
         "\"\n"
         "port = " +
         std::to_string(bundle.broker_port) +
         "\n"
         "\n"
         "[tls]\n"
         "ca = \"ca.crt\"\n"
         "certificate = \"edge.crt\"\n"
         "key = \"edge.key\"\n"
         "gateway = \"gateway.crt\"     # Frames are sealed to this certificate.\n"
         "\n"
         "[http]\n"
         "address = \"127.0.0.1\"\n"
         "port = 0                    # 0: any free one; data/http.port says which.\n";
}

// A SiteOID goes into a TOML string and a certificate.
Status CheckSite(const SiteOID& site) {
  EDCSYNC_TRY(CheckOid("site", site.str(), 64));
  if (site.str().find_first_of("\"\\") != std::string::npos) {
    return Fail(ErrorCode::kFieldInvalid, "site holds a quote or a backslash");
  }
  return Ok();
}

}  // namespace

Status AddEdge(CentralStore& store, const Installation& installation, const EdgeId& edge,
               const SiteOID& site, const BundleOptions& bundle, const std::string& user,
               const Clock& clock, Random& random) {
  if (!IsDeviceName(edge.str()) || edge.str() == "gateway") {
    return Fail(ErrorCode::kFieldInvalid,
                "An edge's name is 1 to 64 of A-Z a-z 0-9 . _ - and not \"gateway\"");
  }
  EDCSYNC_TRY(CheckSite(site));
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
  EDCSYNC_ASSIGN(const Certificate gateway, Certificate::Load(installation.Pki("gateway.crt")));
  if (mkdir(bundle.out_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return Fail(ErrorCode::kIo,
                "Cannot make the folder " + bundle.out_dir + ": " + std::strerror(errno));
  }
  const auto in = [&](const char* name) { return bundle.out_dir + "/" + name; };
  EDCSYNC_TRY(WriteFile(in("edge.key"), key.ToPem(), 0600, true));
  EDCSYNC_TRY(WriteFile(in("edge.crt"), certificate.ToPem(), 0644, true));
  EDCSYNC_TRY(WriteFile(in("ca.crt"), authority.certificate().ToPem(), 0644, true));
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
    if (row->standing == EdgeStanding::kRevoked) {
      return Fail(ErrorCode::kAlreadyExists, "Edge " + edge.str() + " is revoked already");
    }
    EDCSYNC_TRY(writer.SetEdgeStanding(edge, EdgeStanding::kRevoked, reason));
    return writer.AppendAudit(user, "edge.revoked", edge.str(), reason);
  }));
  return WriteRevocationList(store, installation, clock);
}

Status WriteRevocationList(CentralStore& store, const Installation& installation,
                           const Clock& clock) {
  std::vector<std::string> revoked;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(revoked, reader.RevokedCertificatesPem());
    return Ok();
  }));
  EDCSYNC_ASSIGN(const CertificateAuthority authority, LoadAuthority(installation));
  std::vector<std::string> serials;
  for (const std::string& pem : revoked) {
    EDCSYNC_ASSIGN(const Certificate certificate, Certificate::FromPem(pem));
    serials.push_back(certificate.SerialHex());
  }
  EDCSYNC_ASSIGN(const std::string crl, authority.IssueCrl(serials, clock.Wall(), kCrlDays));
  return WriteFile(installation.Pki("crl.pem"), crl, 0644, false);
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
