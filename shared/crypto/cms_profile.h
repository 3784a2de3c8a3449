// The one form of sealed frame that is opened. CMS allows far more than we send (unauthenticated
// ciphers, short tags, indefinite lengths, many recipients), and OpenSSL reads most of it; an
// attacker chooses from all that is read, so the rest is refused before OpenSSL sees it.
// For sources of shared/crypto only.
#pragma once

#include "shared/base/bytes.h"
#include "shared/base/status.h"

namespace edcsync {

// Ok if `der` is, to its last byte, DER of
//   ContentInfo { AuthEnvelopedData (RFC 5083) {
//     version 0, one KeyAgreeRecipientInfo (RFC 5753) of version 3 without user keying material:
//     ECDH on P-256 with SHA-256 as key derivation and one key, wrapped by AES-256,
//     content type SignedData, AES-256-GCM with a 12 byte nonce and a 16 byte tag,
//     no originator info, no attributes } }.
// With the receiver's name as in its certificate no sealed content has a second form.
// Fails with kBadSeal. Takes no memory in proportion to the input.
Status CheckSealedForm(BytesView der);

}  // namespace edcsync
