#include "central-gateway/admin/installation.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "shared/base/file.h"

namespace edcsync::central {
namespace {

constexpr int kAuthorityDays = 20 * 365;  // A trial's archive outlives its sites.
constexpr int kServiceDays = 3 * 365;
constexpr int kDeskDays = 397;  // Browsers take no certificate that is valid for longer.
constexpr std::int64_t kRenewMs = 30LL * 24 * 3'600'000;

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Ok();
  return Fail(ErrorCode::kIo, "Cannot make the folder " + path + ": " + std::strerror(errno));
}

bool IsAddress(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos ||
         host.find(':') != std::string::npos;
}

Status IssueTo(const Installation& installation, const CertificateAuthority& authority,
               const std::string& name, const CertificateAuthority::Request& request,
               Random& random, bool exclusive = true) {
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  EDCSYNC_ASSIGN(const Certificate certificate, authority.Issue(key, request, random));
  EDCSYNC_TRY(WriteFile(installation.Pki(name + ".key"), key.ToPem(), 0600, exclusive));
  return WriteFile(installation.Pki(name + ".crt"), certificate.ToPem(), 0644, exclusive);
}

void SetHosts(const std::vector<std::string>& hosts, CertificateAuthority::Request& request) {
  for (const std::string& host : hosts) {
    (IsAddress(host) ? request.ip_addresses : request.dns_names).push_back(host);
  }
}

std::string ConfigText(const InitOptions& options) {
  const std::string port = std::to_string(options.broker_port);
  return "# The central gateway's configuration. Every key, its default and unit: README.md.\n"
         "\n"
         "[gateway]\n"
         "id = \"gateway-1\"            # Unique for each gateway process of this centre.\n"
         "\n"
         "[broker]\n"
         "managed = true               # Start and supervise Mosquitto here.\n"
         "host = \"" + options.broker_host + "\"          # Where gateways and edges find it.\n"
         "port = " + port + "\n"
         "bind_address = \"" + options.broker_address + "\"   # The managed broker listens here.\n"
         "\n"
         "[intake]\n"
         "frames_per_second_max = 1000 # Of one edge.\n"
         "bytes_per_second_max = 32000000\n"
         "\n"
         "[desk]\n"
         "host = \"localhost\"           # The name browsers use.\n"
         "bind_address = \"127.0.0.1\"   # The conflict desk's pages are served here.\n"
         "port = " + std::to_string(options.desk_port) + "\n";
}

}  // namespace

Status Initialize(const Installation& installation, const InitOptions& options,
                  const Clock& clock, Random& random) {
  struct stat found {};
  if (stat(installation.Config().c_str(), &found) == 0) {
    return Fail(ErrorCode::kAlreadyExists, "A gateway lives in " + installation.dir + " already");
  }
  for (const std::string& folder :
       {installation.dir, installation.dir + "/pki", installation.dir + "/broker"}) {
    EDCSYNC_TRY(MakeFolder(folder));
  }
  const WallTime now = IssueStart(clock);
  EDCSYNC_ASSIGN(const CertificateAuthority authority,
                 CertificateAuthority::Create("edcsync CA", now, kAuthorityDays, random));
  EDCSYNC_TRY(WriteFile(installation.Pki("ca.key"), authority.key().ToPem(), 0600, true));
  EDCSYNC_TRY(WriteFile(installation.Pki("ca.crt"), authority.certificate().ToPem(), 0644, true));
  CertificateAuthority::Request gateway;
  gateway.common_name = "gateway";
  gateway.purpose = CertificateAuthority::Purpose::kGateway;
  gateway.not_before = now;
  gateway.valid_days = kServiceDays;
  EDCSYNC_TRY(IssueTo(installation, authority, "gateway", gateway, random));
  CertificateAuthority::Request broker;
  broker.common_name = options.broker_host;
  broker.purpose = CertificateAuthority::Purpose::kBroker;
  broker.not_before = now;
  broker.valid_days = kServiceDays;
  std::vector<std::string> hosts = options.extra_hosts;
  hosts.insert(hosts.end(), {options.broker_host, "localhost", "127.0.0.1"});
  SetHosts(hosts, broker);
  EDCSYNC_TRY(IssueTo(installation, authority, "broker", broker, random));
  EDCSYNC_ASSIGN(const std::string crl, authority.IssueCrl({}, now, kCrlDays));
  EDCSYNC_TRY(WriteFile(installation.Pki("crl.pem"), crl, 0644, false));
  SqliteCentralStoreOptions store;
  store.path = installation.DatabaseFile();
  store.key_file = installation.KeyFile();
  store.holder = "init";
  EDCSYNC_TRY(CreateSqliteCentralStore(store, clock, random));
  // Last: a directory with a configuration is whole.
  return WriteFile(installation.Config(), ConfigText(options), 0600, true);
}

Status EnsureDeskCertificate(const Installation& installation,
                             const std::vector<std::string>& hosts, const Clock& clock,
                             Random& random) {
  const Result<Certificate> present = Certificate::Load(installation.Pki("desk.crt"));
  if (present.ok() && present->NotAfter().ms > clock.Wall().ms + kRenewMs) return Ok();
  EDCSYNC_ASSIGN(const CertificateAuthority authority, LoadAuthority(installation));
  CertificateAuthority::Request desk;
  desk.common_name = hosts.empty() ? "localhost" : hosts.front();
  desk.purpose = CertificateAuthority::Purpose::kBroker;  // A TLS server.
  desk.not_before = IssueStart(clock);
  desk.valid_days = kDeskDays;
  SetHosts(hosts, desk);
  return IssueTo(installation, authority, "desk", desk, random, /*exclusive=*/false);
}

Result<CertificateAuthority> LoadAuthority(const Installation& installation) {
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Load(installation.Pki("ca.key")));
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::Load(installation.Pki("ca.crt")));
  return CertificateAuthority(std::move(key), std::move(certificate));
}

}  // namespace edcsync::central
