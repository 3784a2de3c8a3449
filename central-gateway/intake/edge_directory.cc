#include "central-gateway/intake/edge_directory.h"

#include "shared/base/log.h"

namespace edcsync::central {

Result<bool> EdgeDirectory::Refresh() {
  bool changed = false;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::uint64_t generation, reader.RegistryGeneration());
    if (known_ && generation == generation_) return Ok();
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> rows, reader.ListEdges());
    std::map<EdgeId, EdgeEntry> edges;
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
      // A revoked edge has no valid certificate any more; its last one stays here, so that it
      // can be told.
      const auto before = edges_.find(row.edge);
      if (entry.certificates.empty() && before != edges_.end()) {
        entry.certificates = before->second.certificates;
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
