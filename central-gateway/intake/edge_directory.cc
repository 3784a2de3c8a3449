#include "central-gateway/intake/edge_directory.h"

#include "shared/base/log.h"

namespace edcsync::central {
namespace {

// The certificates that revoked edges had, newest first: with them they can be told what became of
// them, also by a gateway that did not run when it happened.
Result<std::map<EdgeId, std::vector<Certificate>>> FormerCertificates(CentralReader& reader) {
  std::map<EdgeId, std::vector<Certificate>> former;
  EDCSYNC_ASSIGN(std::vector<std::string> revoked, reader.RevokedCertificatesPem());
  for (auto pem = revoked.rbegin(); pem != revoked.rend(); ++pem) {
    auto certificate = Certificate::FromPem(*pem);
    if (!certificate.ok()) continue;
    former[EdgeId(certificate->CommonName())].push_back(std::move(*certificate));
  }
  return former;
}

}  // namespace

Result<bool> EdgeDirectory::Refresh() {
  bool changed = false;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::uint64_t generation, reader.RegistryGeneration());
    if (known_ && generation == generation_) return Ok();
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> rows, reader.ListEdges());
    std::map<EdgeId, EdgeEntry> edges;
    std::optional<std::map<EdgeId, std::vector<Certificate>>> former;
    for (const EdgeRow& row : rows) {
      EdgeEntry entry{row.edge, row.site, row.standing, row.standing_reason, {}};
      for (const std::string& pem : row.certificates_pem) {
        auto certificate = Certificate::FromPem(pem);
        if (!certificate.ok()) {
          Log(LogLevel::kError, "registry.certificate_unreadable", {{"edge", row.edge.str()}});
          continue;
        }
        entry.certificates.push_back(std::move(*certificate));
      }
      if (entry.standing == EdgeStanding::kRevoked) {  // None of its certificates is valid.
        if (!former) {
          EDCSYNC_ASSIGN(former, FormerCertificates(reader));
        }
        entry.certificates = (*former)[row.edge];
      }
      edges.emplace(row.edge, std::move(entry));
    }
    edges_ = std::move(edges);
    generation_ = generation;
    known_ = true;
    changed = true;
    return Ok();
  }));
  return changed;
}

const EdgeEntry* EdgeDirectory::Find(const EdgeId& edge) const {
  const auto found = edges_.find(edge);
  return found == edges_.end() ? nullptr : &found->second;
}

Status EdgeDirectory::CheckCertificate(const EdgeEntry& entry, const Certificate& certificate,
                                       WallTime now) const {
  EDCSYNC_TRY(VerifyIssuedByAny(certificate, authorities_, now));
  if (certificate.CommonName() != entry.edge.str() ||
      certificate.OrganizationalUnit() != entry.site.str()) {
    return Fail(ErrorCode::kCertificate,
                "The certificate of edge " + entry.edge.str() + " names another edge or site");
  }
  return Ok();
}

}  // namespace edcsync::central
