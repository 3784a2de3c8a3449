// Detached signatures: ECDSA on P-256 with SHA-256, DER-encoded (RFC 3279, 2.2.3).
// Threads: any.
#pragma once

#include "shared/base/bytes.h"
#include "shared/crypto/certificate.h"

namespace edcsync {

// kInternal if OpenSSL fails.
Result<Bytes> SignDetached(const PrivateKey& key, BytesView data);
// True if `signature` was made over `data` with the key of the certificate.
bool VerifyDetached(const Certificate& certificate, BytesView data, BytesView signature);

}  // namespace edcsync
