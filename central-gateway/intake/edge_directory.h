// Who may speak: every edge's certificate, site and standing, parsed once and again when the
// registry changes (by this or another process).
//
//   used by   central-gateway/intake/gateway_session.h
//
// Threads: the intake loop's only.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "central-gateway/store/central_store.h"
#include "shared/crypto/certificate.h"

namespace edcsync::central {

struct EdgeEntry {
  EdgeId edge;
  SiteOID site;
  EdgeStanding standing = EdgeStanding::kActive;
  std::string standing_reason;
  std::vector<Certificate> certificates;  // Newest first. Of a revoked edge: those it had.
};

class EdgeDirectory {
 public:
  EdgeDirectory(CentralStore& store, std::vector<Certificate> authorities)
      : store_(store), authorities_(std::move(authorities)) {}

  void SetAuthorities(std::vector<Certificate> authorities) {
    authorities_ = std::move(authorities);
  }

  // Reads the registry if it changed; true if it did.
  Result<bool> Refresh();
  // nullptr if unknown. Valid until the next Refresh.
  const EdgeEntry* Find(const EdgeId& edge) const;
  // Fails with kCertificate if the certificate was issued by no CA of ours, is out of its dates, or
  // names another edge or site than the registry.
  Status CheckCertificate(const EdgeEntry& entry, const Certificate& certificate,
                          WallTime now) const;
  const std::map<EdgeId, EdgeEntry>& all() const { return edges_; }

 private:
  CentralStore& store_;
  std::vector<Certificate> authorities_;
  bool known_ = false;
  std::uint64_t generation_ = 0;
  std::map<EdgeId, EdgeEntry> edges_;
};

}  // namespace edcsync::central
