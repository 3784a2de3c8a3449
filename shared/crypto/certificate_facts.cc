#include "shared/crypto/certificate_facts.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "shared/base/file.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

constexpr std::size_t kKeyBytesMax = 64 * 1024;

}  // namespace

Result<bool> IsCertificateOfKeyFile(const Certificate& certificate, const std::string& key_file) {
  EDCSYNC_ASSIGN(const std::string pem, ReadSecretFile(key_file, kKeyBytesMax));
  ERR_clear_error();
  const BioPtr bio = ReadBio(AsBytes(pem));
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhrase, nullptr));
  if (key == nullptr) {
    return FailOpenssl(ErrorCode::kMalformed, key_file + ": the private key cannot be read");
  }
  const bool ours = X509_check_private_key(certificate.impl().x509.get(), key.get()) == 1;
  ERR_clear_error();
  return ours;
}

bool IsSignedBy(const Certificate& certificate, const Certificate& authority) {
  X509* signed_one = certificate.impl().x509.get();
  EVP_PKEY* key = X509_get0_pubkey(authority.impl().x509.get());
  const bool is_signed =
      X509_check_issued(authority.impl().x509.get(), signed_one) == X509_V_OK && key != nullptr &&
      X509_verify(signed_one, key) == 1;
  ERR_clear_error();
  return is_signed;
}

std::string IssuerName(const Certificate& certificate) {
  return EntryText(X509_get_issuer_name(certificate.impl().x509.get()), NID_commonName);
}

}  // namespace edcsync
