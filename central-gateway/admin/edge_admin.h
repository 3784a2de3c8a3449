// Edges of the gateway: adding one writes the bundle with which an agent runs at once; revoking
// takes effect at the gateway with the next registry look (a quarter second), at the broker with
// the rewritten ACL and CRL.
#pragma once

#include "central-gateway/admin/installation.h"
#include "central-gateway/store/central_store.h"

namespace edcsync::central {

struct BundleOptions {
  std::string out_dir;
  std::string broker_host;
  int broker_port = 8883;
  std::string enrolment_address = {};  // Where it renews its certificate; empty: it does not.
};

// An edge's name and its site, as they stand in certificates and topics. kFieldInvalid.
Status CheckEdgeName(const EdgeId& edge, const SiteOID& site);

// Issues key and certificate, registers the edge, writes DIR/{edge-agent.toml, ca.crt, edge.crt,
// edge.key, gateway.crt}. kAlreadyExists for a known edge or a bundle already there.
Status AddEdge(CentralStore& store, const Installation& installation, const EdgeId& edge,
               const SiteOID& site, const BundleOptions& bundle, const std::string& user,
               const Clock& clock, Random& random);

// Ends the edge's rights and writes the list of the revoked. Done again, as after a failure to write
// that list, it writes it and leaves the rest. kNotFound.
Status RevokeEdge(CentralStore& store, const Installation& installation, const EdgeId& edge,
                  const std::string& user, const std::string& reason, const Clock& clock);

// Issues pki/crl.pem anew from what is revoked: a list of each authority that is trusted.
Status WriteRevocationList(CentralStore& store, const Installation& installation,
                           const Clock& clock);
// The same; but if an authority's key is not on this machine, the present list stays as long as it
// counts, which is logged.
Status EnsureRevocationList(CentralStore& store, const Installation& installation,
                            const Clock& clock);

// Lets a suspended edge, or one whose database was lost, go on: the next Hello brings a new
// incarnation, which is filled from the feed.
Status ReadmitEdge(CentralStore& store, const EdgeId& edge, const std::string& user,
                   const std::string& reason);

}  // namespace edcsync::central
