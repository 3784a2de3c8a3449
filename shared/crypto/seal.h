// The seal of a frame: CMS (RFC 5652, RFC 5083). The payload is signed with the sender's key
// (SignedData, SHA-256, ECDSA, no certificates inside), then encrypted to the receiver
// (AuthEnvelopedData, AES-256-GCM, ECDH key agreement), so that the broker and its disk never
// see a clinical value. DER both. The signature names the receiver's certificate, so that a
// receiver cannot pass a frame on as if it had been sent to another. Both certificates are meant
// exactly: a frame sealed to a certificate that was renewed since is refused, and sent again.
//
// Threads: any; both calls are const and share nothing that changes.
#pragma once

#include "shared/base/bytes.h"
#include "shared/crypto/certificate.h"

namespace edcsync {

class Sealer {
 public:
  // `key` belongs to `certificate`; both identify this end. Fails with kCertificate otherwise.
  static Result<Sealer> Create(PrivateKey key, Certificate certificate);

  Result<Bytes> Seal(BytesView payload, const Certificate& receiver) const;

  // The payload, if it was encrypted to us and signed by `sender`. Fails with kBadSeal, in one
  // sentence that says which; with kTooLarge if the plaintext would exceed `size_bytes_max`.
  // Does not judge whether `sender` itself is to be trusted: that is the caller's registry.
  Result<Bytes> Open(BytesView sealed, const Certificate& sender,
                     std::size_t size_bytes_max) const;

  const PrivateKey& key() const { return key_; }  // For detached signatures.
  const Certificate& certificate() const { return certificate_; }

 private:
  Sealer(PrivateKey key, Certificate certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}
  PrivateKey key_;
  Certificate certificate_;
};

}  // namespace edcsync
