// Whom the centre trusts, and as whom it speaks, as it lies in DIR/pki:
//
//   ca.{crt,key}               the authority that issues
//   ca-former.{crt,key}        the one before it, while a rotation is under way: both are trusted,
//                              and servers still show certificates of this one, which every edge knows
//   gateway.{crt,key}          the centre's identity
//   former/SERIAL.{crt,key}    its earlier ones: frames sealed to them still open
//   retired/FINGERPRINT.crt    authorities that were retired in order: nobody is trusted for them, but
//                              what the centre signed under them can still be checked
//   trust.pem, crl.pem         made from these and the registry
//   generation                 changes last when any of it has changed: running gateways look at it
//
//   changed by   central-gateway/enrolment/rotation.h
//
// Threads: any; changes by one process at a time (DIR/pki is the operator's).
#pragma once

#include "central-gateway/admin/installation.h"
#include "shared/crypto/identity_files.h"
#include "shared/crypto/seal.h"

namespace edcsync::central {

struct CentreTrust {
  std::vector<Certificate> authorities;  // The issuing one first.
  std::vector<Sealer> identities;        // The present one first.
};

IdentityFiles PairOf(const Installation& installation, const std::string& name);

// Completes what a rotation left half done and writes trust.pem anew if it is not what it must be.
Status SettleTrust(const Installation& installation);
Result<CentreTrust> LoadTrust(const Installation& installation);
// The authorities that are trusted, with their keys; the issuing one first.
Result<std::vector<CertificateAuthority>> LoadAuthorities(const Installation& installation);
Result<CertificateAuthority> LoadIssuingAuthority(const Installation& installation);
// The authority whose certificates servers show: the former one while a rotation is under way.
Result<CertificateAuthority> LoadServerAuthority(const Installation& installation);

// What was signed when they were the centre's authority can be checked with these.
std::vector<Certificate> RetiredAuthorities(const Installation& installation);
// Those that are trusted, the issuing one first, and the retired ones: for signatures that are kept.
Result<std::vector<Certificate>> LoadEveryAuthority(const Installation& installation);

// "" before anything was rotated.
std::string TrustGeneration(const Installation& installation);
Status BumpTrustGeneration(const Installation& installation, Random& random);

// How long before its end what the centre shows is made anew.
inline constexpr std::int64_t kServerRenewMs = 30LL * 24 * 3'600'000;

// A TLS server's new NAME.crt and NAME.key under `hosts` (names and addresses).
Status IssueServerCertificate(const Installation& installation, const std::string& name,
                              const std::vector<std::string>& hosts, int valid_days,
                              const CertificateAuthority& authority, const Clock& clock,
                              Random& random);

// NAME.crt and NAME.key for HTTPS under `hosts`, by the server authority: made if they are absent,
// end within 30 days (not if the authority ends then, too), lack a host, or are another
// authority's. True if they were. Without the authority's key on this machine the present ones stay
// as long as they count; kKeyMissing if they do not.
Result<bool> EnsureServerCertificate(const Installation& installation, const std::string& name,
                                     const std::vector<std::string>& hosts, const Clock& clock,
                                     Random& random);
// The managed broker's likewise, under the names that it has, or `host` if there is none yet.
Result<bool> EnsureBrokerCertificate(const Installation& installation, const std::string& host,
                                     const Clock& clock, Random& random);

}  // namespace edcsync::central
