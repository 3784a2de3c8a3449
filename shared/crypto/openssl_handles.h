// OpenSSL's objects as owners that free themselves, its error queue as text, and what PrivateKey
// and Certificate hold. For sources of shared/crypto only: no other folder includes OpenSSL.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/crypto/certificate.h"

namespace edcsync {

template <auto free_function>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
inline void FreeCertificateStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }

using Asn1EnumeratedPtr = std::unique_ptr<ASN1_ENUMERATED, OpensslFree<ASN1_ENUMERATED_free>>;
using Asn1IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslFree<ASN1_INTEGER_free>>;
using Asn1TimePtr = std::unique_ptr<ASN1_TIME, OpensslFree<ASN1_TIME_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, OpensslFree<EVP_CIPHER_CTX_free>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslFree<CMS_ContentInfo_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, OpensslFree<EVP_MAC_CTX_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, OpensslFree<X509_REVOKED_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
// Does not own the certificates in it.
using X509StackPtr = std::unique_ptr<STACK_OF(X509), OpensslFree<FreeCertificateStack>>;
using X509StorePtr = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using X509StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

struct PrivateKey::Impl {
  KeyPtr key;  // P-256, never null.
};

struct Certificate::Impl {
  X509Ptr x509;  // Never null.
};

// Takes this thread's error queue as text, "no reason given" if it is empty. The queue is empty
// afterwards.
std::string TakeOpensslErrors();

// Fails with `code`: "<what>: <error queue>".
tl::unexpected<Error> FailOpenssl(ErrorCode code, const std::string& what);

// A memory BIO that reads `bytes`, which must outlive it; nullptr beyond 2^31 bytes.
BioPtr ReadBio(BytesView bytes);
// An empty memory BIO to write to, and its content.
BioPtr WriteBio();
BytesView BioContent(BIO* bio);

// What PEM readers ask for a pass phrase: without it OpenSSL would ask at the terminal.
int NoPassPhrase(char*, int, int, void*);

// True if `key` is an elliptic curve key on P-256.
bool IsP256(const EVP_PKEY* key);

// The first entry `nid` of a name; empty if none.
std::string EntryText(const X509_NAME* name, int nid);
// Lower-case hexadecimal, without leading zeros.
std::string SerialText(const ASN1_INTEGER* serial);
// 1970 if it is absent or cannot be read.
WallTime ToWallTime(const ASN1_TIME* time);

// Seconds since 1970, rounded down.
inline std::int64_t ToSeconds(WallTime time) {
  return time.ms / 1000 - (time.ms % 1000 < 0 ? 1 : 0);
}

}  // namespace edcsync
