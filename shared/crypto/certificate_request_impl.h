// What CertificateRequest holds. For sources of shared/crypto only.
#pragma once

#include "shared/crypto/certificate_request.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {

using RequestPtr = std::unique_ptr<X509_REQ, OpensslFree<X509_REQ_free>>;

struct CertificateRequest::Impl {
  RequestPtr request;  // Never null; its signature was checked.
};

}  // namespace edcsync
