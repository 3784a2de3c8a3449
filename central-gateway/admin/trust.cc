#include "central-gateway/admin/trust.h"

#include <algorithm>
#include <filesystem>

#include "shared/base/file.h"
#include "shared/crypto/certificate_request.h"

namespace edcsync::central {
namespace {

constexpr int kServerDays = 397;  // Browsers take no certificate that is valid for longer.
constexpr std::int64_t kServerRenewMs = 30LL * 24 * 3'600'000;
constexpr std::size_t kFormerCountMax = 16;  // Identities whose frames still open.

bool IsThere(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<Sealer> LoadIdentity(const IdentityFiles& files) {
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Load(files.key_file));
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::Load(files.certificate_file));
  return Sealer::Create(std::move(key), std::move(certificate));
}

Result<CertificateAuthority> LoadAuthorityOf(const IdentityFiles& files) {
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Load(files.key_file));
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::Load(files.certificate_file));
  return CertificateAuthority(std::move(key), std::move(certificate));
}

// Newest first.
std::vector<std::string> FormerNames(const Installation& installation) {
  std::vector<std::pair<WallTime, std::string>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(installation.Pki("former"), error)) {
    if (entry.path().extension() != ".crt") continue;
    const Result<Certificate> certificate = Certificate::Load(entry.path().string());
    if (!certificate.ok()) continue;
    found.emplace_back(certificate->NotBefore(), "former/" + entry.path().stem().string());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> names;
  for (const auto& [begun, name] : found) names.push_back(name);
  if (names.size() > kFormerCountMax) names.resize(kFormerCountMax);
  return names;
}

Result<std::vector<Certificate>> LoadAuthorityCertificates(const Installation& installation) {
  EDCSYNC_ASSIGN(Certificate issuing, Certificate::Load(installation.Pki("ca.crt")));
  std::vector<Certificate> authorities{issuing};
  if (!IsThere(installation.Pki("ca-former.crt"))) return authorities;
  EDCSYNC_ASSIGN(Certificate former, Certificate::Load(installation.Pki("ca-former.crt")));
  if (former.FingerprintHex() != issuing.FingerprintHex()) {
    authorities.push_back(std::move(former));
  }
  return authorities;
}

}  // namespace

IdentityFiles PairOf(const Installation& installation, const std::string& name) {
  return {installation.Pki(name + ".key"), installation.Pki(name + ".crt")};
}

Status SettleTrust(const Installation& installation) {
  for (const char* name : {"ca", "ca-former", "gateway", "broker", "desk", "enrolment"}) {
    EDCSYNC_TRY(SettleIdentity(PairOf(installation, name)));
  }
  EDCSYNC_ASSIGN(const std::vector<Certificate> authorities,
                 LoadAuthorityCertificates(installation));
  const std::string pem = ToPem(authorities);
  const Result<std::string> present = ReadFile(installation.Pki("trust.pem"), 64 * 1024);
  if (present.ok() && *present == pem) return Ok();
  return WriteFile(installation.Pki("trust.pem"), pem, 0644, /*exclusive=*/false);
}

Result<CentreTrust> LoadTrust(const Installation& installation) {
  EDCSYNC_TRY(SettleTrust(installation));
  CentreTrust trust;
  EDCSYNC_ASSIGN(trust.authorities, LoadAuthorityCertificates(installation));
  EDCSYNC_ASSIGN(Sealer present, LoadIdentity(PairOf(installation, "gateway")));
  trust.identities.push_back(std::move(present));
  for (const std::string& name : FormerNames(installation)) {
    EDCSYNC_ASSIGN(Sealer former, LoadIdentity(PairOf(installation, name)));
    trust.identities.push_back(std::move(former));
  }
  return trust;
}

Result<std::vector<CertificateAuthority>> LoadAuthorities(const Installation& installation) {
  EDCSYNC_TRY(SettleTrust(installation));
  EDCSYNC_ASSIGN(CertificateAuthority issuing, LoadAuthorityOf(PairOf(installation, "ca")));
  std::vector<CertificateAuthority> authorities{std::move(issuing)};
  if (!IsThere(installation.Pki("ca-former.crt"))) return authorities;
  EDCSYNC_ASSIGN(CertificateAuthority former, LoadAuthorityOf(PairOf(installation, "ca-former")));
  if (former.certificate().FingerprintHex() != authorities[0].certificate().FingerprintHex()) {
    authorities.push_back(std::move(former));
  }
  return authorities;
}

Result<CertificateAuthority> LoadServerAuthority(const Installation& installation) {
  EDCSYNC_ASSIGN(std::vector<CertificateAuthority> authorities, LoadAuthorities(installation));
  return std::move(authorities.back());
}

std::vector<Certificate> RetiredAuthorities(const Installation& installation) {
  std::vector<Certificate> retired;
  std::error_code absent;
  for (const auto& entry :
       std::filesystem::directory_iterator(installation.Pki("retired"), absent)) {
    if (entry.path().extension() != ".crt") continue;
    Result<Certificate> certificate = Certificate::Load(entry.path().string());
    if (certificate.ok()) retired.push_back(std::move(*certificate));
  }
  return retired;
}

Result<std::vector<Certificate>> LoadEveryAuthority(const Installation& installation) {
  EDCSYNC_ASSIGN(std::vector<Certificate> authorities, LoadAuthorityCertificates(installation));
  for (Certificate& retired : RetiredAuthorities(installation)) {
    authorities.push_back(std::move(retired));
  }
  return authorities;
}

std::string TrustGeneration(const Installation& installation) {
  Result<std::string> generation = ReadFile(installation.Pki("generation"), 256);
  return generation.ok() ? std::move(*generation) : std::string();
}

Status BumpTrustGeneration(const Installation& installation, Random& random) {
  return WriteFile(installation.Pki("generation"), random.NewId<Incarnation>().ToHex() + "\n", 0644,
                   /*exclusive=*/false);
}

Result<bool> EnsureServerCertificate(const Installation& installation, const std::string& name,
                                     const std::vector<std::string>& hosts, const Clock& clock,
                                     Random& random) {
  EDCSYNC_ASSIGN(const CertificateAuthority authority, LoadServerAuthority(installation));
  const IdentityFiles files = PairOf(installation, name);
  const Result<Certificate> present = Certificate::Load(files.certificate_file);
  const std::vector<std::string> names = ServerNames(files.certificate_file);
  const bool named = std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
    return std::find(names.begin(), names.end(), host) != names.end();
  });
  if (present.ok() && named && present->NotAfter().ms > clock.Wall().ms + kServerRenewMs &&
      VerifyIssued(*present, authority.certificate(), clock.Wall()).ok()) {
    return false;
  }
  CertificateAuthority::Request request;
  request.common_name = hosts.empty() ? "localhost" : hosts.front();
  request.purpose = CertificateAuthority::Purpose::kBroker;  // A TLS server.
  request.not_before = IssueStart(clock);
  request.valid_days = kServerDays;
  SetHosts(hosts, request);
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  EDCSYNC_ASSIGN(const Certificate certificate, authority.Issue(key, request, random));
  EDCSYNC_TRY(ReplaceIdentity(files, key, certificate));
  return true;
}

}  // namespace edcsync::central
