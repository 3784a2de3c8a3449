#include "shared/crypto/certificate_facts.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "shared/base/file.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {

struct RevocationList::Impl {
  CrlPtr crl;
};

namespace {

constexpr std::size_t kListBytesMax = 16 * 1024 * 1024;  // A quarter million revoked devices.
constexpr std::size_t kKeyBytesMax = 64 * 1024;

int NoPassPhraseHere(char*, int, int, void*) { return -1; }

WallTime WallTimeOf(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return {};
  return {std::int64_t{timegm(&fields)} * 1000};
}

std::string SerialText(const ASN1_INTEGER* serial) {
  const BignumPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (number == nullptr) return {};
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return ToHex(bytes);
}

}  // namespace

Result<bool> IsCertificateOfKeyFile(const Certificate& certificate, const std::string& key_file) {
  EDCSYNC_ASSIGN(const std::string pem, ReadSecretFile(key_file, kKeyBytesMax));
  ERR_clear_error();
  const BioPtr bio = ReadBio(AsBytes(pem));
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhraseHere, nullptr));
  if (key == nullptr) {
    return FailOpenssl(ErrorCode::kMalformed, key_file + ": the private key cannot be read");
  }
  const bool ours = X509_check_private_key(certificate.impl().x509.get(), key.get()) == 1;
  ERR_clear_error();
  return ours;
}

std::string IssuerName(const Certificate& certificate) {
  const X509_NAME* name = X509_get_issuer_name(certificate.impl().x509.get());
  char text[256] = "";
  const int size = X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(name), NID_commonName, text,
                                             sizeof text);
  return size < 0 ? std::string() : std::string(text);
}

Result<RevocationList> RevocationList::Load(const std::string& path) {
  EDCSYNC_ASSIGN(const std::string pem, ReadFile(path, kListBytesMax));
  Result<RevocationList> list = FromPem(pem);
  if (!list.ok()) return Fail(list.error().code, path + ": " + list.error().message);
  return list;
}

Result<RevocationList> RevocationList::FromPem(std::string_view pem) {
  ERR_clear_error();
  const BioPtr bio = ReadBio(AsBytes(pem));
  CrlPtr crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, NoPassPhraseHere, nullptr));
  if (crl == nullptr) {
    return FailOpenssl(ErrorCode::kMalformed, "the list of revoked certificates cannot be read");
  }
  RevocationList list;
  list.issued_at = WallTimeOf(X509_CRL_get0_lastUpdate(crl.get()));
  list.next_update = WallTimeOf(X509_CRL_get0_nextUpdate(crl.get()));
  const STACK_OF(X509_REVOKED)* revoked = X509_CRL_get_REVOKED(crl.get());
  for (int i = 0; i < sk_X509_REVOKED_num(revoked); ++i) {
    list.serials.push_back(
        SerialText(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i))));
  }
  list.impl = std::make_shared<const Impl>(Impl{std::move(crl)});
  return list;
}

bool RevocationList::IsSignedBy(const Certificate& authority) const {
  EVP_PKEY* key = X509_get0_pubkey(authority.impl().x509.get());
  const bool signed_by = key != nullptr && X509_CRL_verify(impl->crl.get(), key) == 1;
  ERR_clear_error();
  return signed_by;
}

}  // namespace edcsync
