#include "shared/crypto/revocation_list.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "shared/crypto/openssl_handles.h"

namespace edcsync {

Result<WallTime> RevocationListEnd(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const CrlPtr crl(bio == nullptr ? nullptr
                                  : PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
  std::tm fields{};
  const bool read = crl != nullptr && X509_CRL_get0_nextUpdate(crl.get()) != nullptr &&
                    ASN1_TIME_to_tm(X509_CRL_get0_nextUpdate(crl.get()), &fields) == 1;
  ERR_clear_error();
  if (!read) return Fail(ErrorCode::kCertificate, "this is no list of revoked certificates");
  return WallTime{std::int64_t{timegm(&fields)} * 1000};
}

}  // namespace edcsync
