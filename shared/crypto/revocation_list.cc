#include "shared/crypto/revocation_list.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "shared/base/file.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {

struct RevocationList::Impl {
  CrlPtr crl;
};

namespace {

constexpr std::size_t kListBytesMax = 16 * 1024 * 1024;  // A quarter million revoked devices.

bool IsSuperseded(const X509_REVOKED* entry) {
  const Asn1EnumeratedPtr reason(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
  return reason != nullptr && ASN1_ENUMERATED_get(reason.get()) == CRL_REASON_SUPERSEDED;
}

}  // namespace

bool RevocationList::Names(const std::string& serial_hex) const {
  return std::ranges::find(revoked, serial_hex, &RevokedCertificate::serial_hex) != revoked.end();
}

bool RevocationList::IsSignedBy(const Certificate& authority) const {
  EVP_PKEY* key = X509_get0_pubkey(authority.impl().x509.get());
  const bool signed_by = key != nullptr && X509_CRL_verify(impl->crl.get(), key) == 1;
  ERR_clear_error();
  return signed_by;
}

Result<RevocationList> RevocationList::FromPem(std::string_view pem) {
  ERR_clear_error();
  const BioPtr bio = ReadBio(AsBytes(pem));
  CrlPtr crl(bio == nullptr ? nullptr
                            : PEM_read_bio_X509_CRL(bio.get(), nullptr, NoPassPhrase, nullptr));
  if (crl == nullptr) {
    return FailOpenssl(ErrorCode::kMalformed, "the list of revoked certificates cannot be read");
  }
  RevocationList list;
  list.issued_at = ToWallTime(X509_CRL_get0_lastUpdate(crl.get()));
  list.next_update = ToWallTime(X509_CRL_get0_nextUpdate(crl.get()));
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    list.revoked.push_back(
        {SerialText(X509_REVOKED_get0_serialNumber(entry)), IsSuperseded(entry)});
  }
  list.impl = std::make_shared<const Impl>(Impl{std::move(crl)});
  return list;
}

Result<RevocationList> RevocationList::Load(const std::string& path) {
  EDCSYNC_ASSIGN(const std::string pem, ReadFile(path, kListBytesMax));
  Result<RevocationList> list = FromPem(pem);
  if (!list.ok()) return Fail(list.error().code, path + ": " + list.error().message);
  return list;
}

}  // namespace edcsync
