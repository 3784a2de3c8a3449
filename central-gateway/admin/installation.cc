#include "central-gateway/admin/installation.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "schema/config_templates.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/toml_template.h"

namespace edcsync::central {
namespace {


Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return GiveToFolderOwner(path);
  if (errno == EEXIST) return Ok();
  return Fail(ErrorCode::kIo, "Cannot make the folder " + path + ": " + std::strerror(errno));
}

bool IsAddress(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos ||
         host.find(':') != std::string::npos;
}

Status IssueTo(const Installation& installation, const CertificateAuthority& authority,
               const std::string& name, const CertificateAuthority::Request& request,
               Random& random) {
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  EDCSYNC_ASSIGN(const Certificate certificate, authority.Issue(key, request, random));
  EDCSYNC_TRY(WriteFile(installation.Pki(name + ".key"), key.ToPem(), 0600, true));
  return WriteFile(installation.Pki(name + ".crt"), certificate.ToPem(), 0644, true);
}

std::string ConfigText(const Installation& installation, const InitOptions& options) {
  TomlTemplate config(schema::CentralConfigTemplate());
  config.Set("gateway", "id", "gateway-1");
  if (installation.dir != installation.ConfigFolder()) {
    config.Set("gateway", "data", std::filesystem::absolute(installation.dir).string());
  }
  config.Set("broker", "host", options.broker_host)
      .Set("broker", "port", options.broker_port)
      .Set("broker", "bind_address", options.broker_address)
      .Set("desk", "port", options.desk_port)
      .Set("enrolment", "bind_address",
           options.enrolment_address.empty() ? options.broker_address : options.enrolment_address)
      .Set("enrolment", "port", options.enrolment_port)
      .Set("health", "port", 9464);
  return config.text();
}

}  // namespace

Status Initialize(const Installation& installation, const InitOptions& options,
                  const Clock& clock, Random& random) {
  struct stat found {};
  if (stat(installation.Config().c_str(), &found) == 0) {
    return Fail(ErrorCode::kAlreadyExists, "A gateway lives in " + installation.dir + " already");
  }
  for (const std::string& folder :
       {installation.ConfigFolder(), installation.dir, installation.dir + "/pki",
        installation.dir + "/broker"}) {
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
  return WriteConfigFor(installation.dir, installation.Config(),
                        ConfigText(installation, options));
}

void SetHosts(const std::vector<std::string>& hosts, CertificateAuthority::Request& request) {
  for (const std::string& host : hosts) {
    (IsAddress(host) ? request.ip_addresses : request.dns_names).push_back(host);
  }
}

Result<CertificateAuthority> LoadAuthority(const Installation& installation) {
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Load(installation.Pki("ca.key")));
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::Load(installation.Pki("ca.crt")));
  return CertificateAuthority(std::move(key), std::move(certificate));
}

}  // namespace edcsync::central
