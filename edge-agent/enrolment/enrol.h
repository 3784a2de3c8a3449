// Enrolment of this machine with an invitation: makes the key here, where it stays, checks that who
// answers is the centre that invited, and leaves a folder with which the agent runs.
//
// Whatever breaks off, the same token again goes on where it was: the key is kept from before it is
// first sent, and the centre answers the same key again. The configuration is written last, so a
// folder that has one is whole.
//
// Threads: one enrolment of a folder at a time.
#pragma once

#include <string>

#include "edge-agent/enrolment/est_client.h"
#include "edge-agent/enrolment/tls_files.h"
#include "shared/base/time.h"
#include "shared/wire/enrolment_token.h"

namespace edcsync::edge {

struct Enrolled {
  EdgeId edge;
  SiteOID site;
  std::string config_file;
  std::string broker;  // "HOST:PORT"
  WallTime not_after;  // Of the certificate, which is renewed before.
};

// `config_file`: edge-agent.toml, which may be there with other keys set. kAlreadyExists if it
// belongs to another edge; kCertificate if who answers is not the centre that invited; else what
// EstClient fails with.
Result<Enrolled> Enrol(const wire::EnrolmentToken& token, const std::string& config_file,
                       const Clock& clock);

// That `certificate` is for `edge`, was issued by one of `authorities` and is for `key`.
Status CheckOwnCertificate(const Certificate& certificate, const EdgeId& edge,
                           const PrivateKey& key, const std::vector<Certificate>& authorities,
                           WallTime now);
// Those that may be sealed to: the first, which must be the gateway's, of `authorities` and valid,
// and the further ones that are. A former one may have ended: it is of no use, and no harm.
// kCertificate, also if one of them is somebody else's.
Result<std::vector<Certificate>> GoodGateways(const std::vector<Certificate>& gateways,
                                              const std::vector<Certificate>& authorities,
                                              WallTime now);

}  // namespace edcsync::edge
