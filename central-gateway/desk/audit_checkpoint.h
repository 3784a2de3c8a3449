// A checkpoint of the audit trail: how long its hash chain was at a time and with which hash it
// ended, signed by the centre. Kept apart from the gateway, it shows later that nothing before it
// was altered, taken out or put in, also by one who holds the database and could compute the
// whole chain anew.
//
//   made by      GET /api/v1/audit/checkpoint
//   checked by   central-gateway audit check-checkpoint FILE
//
// Its form: schema/api/central-gateway.openapi.yaml, Checkpoint. Threads: any.
#pragma once

#include <string>

#include "central-gateway/store/central_store.h"
#include "shared/crypto/certificate.h"

namespace edcsync::central {

Result<std::string> MakeCheckpoint(CentralStore& store, const std::string& gateway,
                                   const PrivateKey& key, const Certificate& certificate,
                                   WallTime now);

// What speaks against it, empty if it holds: the signature, a certificate that none of `authorities`
// issued to the centre, an entry that is not there or has another hash, a chain that does not lead
// to it. The whole chain is computed anew. kMalformed if it is no checkpoint.
Result<std::vector<std::string>> CheckCheckpoint(CentralStore& store, const std::string& text,
                                                 const std::vector<Certificate>& authorities);

}  // namespace edcsync::central
