#include "tests/support/test_broker.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thread>

#include "shared/base/file.h"
#include "tests/support/free_port.h"

namespace edcsync::testing {
namespace {

constexpr std::uint32_t kSecret = 0600;
constexpr int kValidDays = 2;
constexpr std::int64_t kDayMs = 24 * 60 * 60 * 1000;

}  // namespace

Result<std::unique_ptr<TestBroker>> TestBroker::Start(std::vector<EdgeId> edges) {
  std::unique_ptr<TestBroker> broker(new TestBroker());
  EDCSYNC_TRY(broker->Prepare(std::move(edges)));
  EDCSYNC_TRY(broker->supervisor_->Start());
  return broker;
}

TestBroker::~TestBroker() {
  supervisor_.reset();
  std::error_code ignored;
  if (!settings_.directory.empty()) std::filesystem::remove_all(settings_.directory, ignored);
}

Status TestBroker::Prepare(std::vector<EdgeId> edges) {
  std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-broker-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return Fail(ErrorCode::kIo, "no temporary folder");
  settings_.directory = pattern;
  const WallTime now = clock_.Wall();
  EDCSYNC_ASSIGN(CertificateAuthority authority,
                 CertificateAuthority::Create("Test authority", now, kValidDays, random_));
  authority_ = std::make_unique<CertificateAuthority>(std::move(authority));
  settings_.ca_file = settings_.directory + "/ca.pem";
  EDCSYNC_TRY(WriteFile(settings_.ca_file, authority_->certificate().ToPem(), kSecret, true));
  settings_.crl_file = settings_.directory + "/crl.pem";
  EDCSYNC_TRY(WriteCrl());

  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  CertificateAuthority::Request request;
  request.common_name = "broker";
  request.dns_names = {"localhost"};
  request.ip_addresses = {"127.0.0.1"};
  request.purpose = CertificateAuthority::Purpose::kBroker;
  request.not_before = WallTime{now.ms - kDayMs / 24};
  request.valid_days = 1;
  EDCSYNC_ASSIGN(const Certificate certificate, authority_->Issue(key, request, random_));
  settings_.certificate_file = settings_.directory + "/broker.pem";
  settings_.key_file = settings_.directory + "/broker.key";
  EDCSYNC_TRY(WriteFile(settings_.certificate_file, certificate.ToPem(), kSecret, true));
  EDCSYNC_TRY(WriteFile(settings_.key_file, key.ToPem(), kSecret, true));

  settings_.port = FreePort();
  settings_.edges = std::move(edges);
  EDCSYNC_TRY(WriteBrokerFiles(settings_));
  const BrokerPaths paths = BrokerPathsIn(settings_.directory);
  BrokerSupervisor::Options options;
  options.config_file = paths.config_file;
  options.log_file = paths.log_file;
  options.bind_address = settings_.bind_address;
  options.port = settings_.port;
  supervisor_ = std::make_unique<BrokerSupervisor>(options, random_);
  return Ok();
}

Status TestBroker::WriteCrl() {
  EDCSYNC_ASSIGN(const std::string crl, authority_->IssueCrl(revoked_, clock_.Wall(), kValidDays));
  return WriteFile(settings_.crl_file, crl, kSecret, false);
}

Result<MqttOptions> TestBroker::OptionsFor(const std::string& name) {
  const auto found = issued_.find(name);
  if (found != issued_.end()) return found->second;
  EDCSYNC_ASSIGN(MqttOptions options, Issue(*authority_, name, name));
  EDCSYNC_ASSIGN(const Certificate certificate, Certificate::Load(options.certificate_file));
  serials_[name] = certificate.SerialHex();
  issued_[name] = options;
  return options;
}

Result<MqttOptions> TestBroker::ForeignOptionsFor(const std::string& name) {
  EDCSYNC_ASSIGN(
      const CertificateAuthority stranger,
      CertificateAuthority::Create("Test authority", clock_.Wall(), kValidDays, random_));
  return Issue(stranger, name, "foreign-" + name);
}

Result<MqttOptions> TestBroker::Issue(const CertificateAuthority& authority,
                                      const std::string& name, const std::string& file_name) {
  EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Generate());
  CertificateAuthority::Request request;
  request.common_name = name;
  request.purpose = name == settings_.gateway_name ? CertificateAuthority::Purpose::kGateway
                                                   : CertificateAuthority::Purpose::kEdge;
  request.not_before = WallTime{clock_.Wall().ms - kDayMs / 24};
  request.valid_days = 1;
  EDCSYNC_ASSIGN(const Certificate certificate, authority.Issue(key, request, random_));
  MqttOptions options;
  options.host = "127.0.0.1";
  options.port = settings_.port;
  options.client_id = name;
  options.ca_file = settings_.ca_file;
  options.certificate_file = settings_.directory + "/" + file_name + ".pem";
  options.key_file = settings_.directory + "/" + file_name + ".key";
  EDCSYNC_TRY(WriteFile(options.certificate_file, certificate.ToPem(), kSecret, false));
  EDCSYNC_TRY(WriteFile(options.key_file, key.ToPem(), kSecret, false));
  return options;
}

Status TestBroker::KillAndAwaitRestart() {
  const std::uint64_t before = supervisor_->RestartCount();
  const auto pid = supervisor_->ProcessId();
  if (!pid.has_value()) return Fail(ErrorCode::kUnavailable, "the broker is not running");
  ::kill(*pid, SIGKILL);
  for (int poll = 0; poll < 3000; ++poll) {
    if (supervisor_->RestartCount() > before) return Ok();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return Fail(ErrorCode::kTimeout, "the broker did not come back");
}

Status TestBroker::Revoke(const std::string& name) {
  revoked_.push_back({serials_.at(name)});
  EDCSYNC_TRY(WriteCrl());
  std::erase(settings_.edges, EdgeId(name));
  EDCSYNC_TRY(WriteBrokerFiles(settings_));
  return supervisor_->Reload();
}

}  // namespace edcsync::testing
