// Key-encryption keys in a PKCS#11 token (an HSM, a smart card, SoftHSM), which never leave it: the
// token itself encrypts and decrypts the 32 bytes of a data key. By CKM_AES_GCM and not by a key-wrap
// mechanism (CKM_AES_KEY_WRAP_KWP): both authenticate, but GCM binds the data key's number too, so
// that rows cannot be swapped, gives the same 60 bytes as a key file does, and needs no plaintext
// data key as an object in the token. The nonce is random and ours; a key wraps a handful of data
// keys in its life.
//
// A wrong PIN costs a try, and a token locks after a few: this program logs in once and remembers a
// refusal, and does not log in at all while the token tells that the last PIN given was wrong, so
// that no restart loop locks it (Pkcs11Settings::try_pin_again: a person asks for one more).
//
// The library is loaded through p11-kit; these files alone know it. Threads: any; one session, which
// is opened anew once if the token went and came back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/crypto/key_ring.h"
#include "shared/keys/key_settings.h"

namespace edcsync {

class Pkcs11Token : public std::enable_shared_from_this<Pkcs11Token> {
 public:
  // Loads the library, finds the token by its label and logs in with `pin`. Fails with kToken
  // (library or token absent, or failing), kPin (wrong, locked, never set; see above).
  static Result<std::shared_ptr<Pkcs11Token>> Open(const Pkcs11Settings& settings,
                                                   std::string pin);
  ~Pkcs11Token();

  // The ids of AES keys with the settings' label.
  Result<std::vector<KeyId>> Keys();
  // The AES key of this CKA_ID. kKeyWrong if the token has none.
  Result<std::shared_ptr<WrappingKey>> Find(const KeyId& id);
  // Makes an AES-256 key in the token: sensitive, not extractable, of a random CKA_ID.
  Result<std::shared_ptr<WrappingKey>> Generate(Random& random);

  // Of the key `id`; as WrappingKey.
  Result<Bytes> Encrypt(const KeyId& id, BytesView nonce, BytesView plain, BytesView additional);
  Result<Bytes> Decrypt(const KeyId& id, BytesView nonce, BytesView sealed, BytesView additional);
  std::string Where() const;

 private:
  struct Impl;
  explicit Pkcs11Token(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync
