#include "central-gateway/admin/trust.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/crypto/certificate_request.h"
#include "shared/storage/file_lock.h"

namespace edcsync::central {
namespace {

constexpr int kServerDays = 397;  // Browsers take no certificate that is valid for longer.
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

// A command and the running gateway: only one at a time replaces a pair, within milliseconds.
Result<FileLock> LockPki(const Installation& installation) {
  constexpr int kAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    Result<FileLock> lock =
        FileLock::Take(installation.dir + "/.pki.lock", FileLock::Mode::kExclusive);
    const bool held = !lock.ok() && lock.error().code == ErrorCode::kAlreadyRunning;
    if (!held || attempt == kAttempts) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// Whether a new certificate would last longer: none outlives its authority.
bool EndsEarly(const Certificate& certificate, const Certificate& authority, WallTime now) {
  return certificate.NotAfter().ms <= now.ms + kServerRenewMs &&
         certificate.NotAfter() < authority.NotAfter();
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

Result<CertificateAuthority> LoadIssuingAuthority(const Installation& installation) {
  EDCSYNC_TRY(SettleTrust(installation));
  return LoadAuthorityOf(PairOf(installation, "ca"));
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

Status IssueServerCertificate(const Installation& installation, const std::string& name,
                              const std::vector<std::string>& hosts, int valid_days,
                              const CertificateAuthority& authority, const Clock& clock,
                              Random& random) {
  EDCSYNC_ASSIGN(const FileLock lock, LockPki(installation));
  CertificateAuthority::Request request;
  request.common_name = hosts.empty() ? "localhost" : hosts.front();
  request.purpose = CertificateAuthority::Purpose::kBroker;  // A TLS server.
  request.not_before = IssueStart(clock);
  request.valid_days = valid_days;
  SetHosts(hosts, request);
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  EDCSYNC_ASSIGN(const Certificate certificate, authority.Issue(key, request, random));
  return ReplaceIdentity(PairOf(installation, name), key, certificate);
}

Result<bool> EnsureServerCertificate(const Installation& installation, const std::string& name,
                                     const std::vector<std::string>& hosts, const Clock& clock,
                                     Random& random) {
  EDCSYNC_TRY(SettleTrust(installation));
  EDCSYNC_ASSIGN(const std::vector<Certificate> authorities,
                 LoadAuthorityCertificates(installation));
  const std::string file = PairOf(installation, name).certificate_file;
  const Result<Certificate> present = Certificate::Load(file);
  const std::vector<std::string> names = ServerNames(file);
  const bool named = std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
    return std::find(names.begin(), names.end(), host) != names.end();
  });
  const WallTime now = clock.Wall();
  const bool counts =
      present.ok() && named && VerifyIssued(*present, authorities.back(), now).ok();
  if (counts && !EndsEarly(*present, authorities.back(), now)) return false;
  const Result<CertificateAuthority> authority = LoadServerAuthority(installation);
  if (counts && !authority.ok() && authority.error().code == ErrorCode::kKeyMissing) {
    Log(LogLevel::kWarn, "certificate.not_renewed",
        {{"certificate", name}, {"why", authority.error().message}});
    return false;
  }
  EDCSYNC_TRY(authority);
  EDCSYNC_TRY(IssueServerCertificate(installation, name, hosts, kServerDays, *authority, clock,
                                     random));
  return true;
}

Result<bool> EnsureBrokerCertificate(const Installation& installation, const std::string& host,
                                     const Clock& clock, Random& random) {
  EDCSYNC_TRY(SettleTrust(installation));
  EDCSYNC_ASSIGN(const std::vector<Certificate> authorities,
                 LoadAuthorityCertificates(installation));
  const std::string file = installation.Pki("broker.crt");
  const Result<Certificate> present = Certificate::Load(file);
  if (!present.ok() && present.error().code != ErrorCode::kNotFound) {
    return tl::unexpected<Error>(present.error());
  }
  if (present.ok() && !EndsEarly(*present, authorities.back(), clock.Wall())) return false;
  std::vector<std::string> hosts = ServerNames(file);
  if (hosts.empty()) hosts = {host, "localhost", "127.0.0.1"};
  EDCSYNC_ASSIGN(const CertificateAuthority authority, LoadServerAuthority(installation));
  EDCSYNC_TRY(IssueServerCertificate(installation, "broker", hosts, kServiceDays, authority, clock,
                                     random));
  return true;
}

}  // namespace edcsync::central
