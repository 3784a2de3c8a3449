#include "central-gateway/app/gateway.h"

#include <filesystem>
#include <optional>

#include "central-gateway/admin/broker_files.h"
#include "central-gateway/admin/broker_supervisor.h"
#include "central-gateway/admin/edge_admin.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/admin/trust.h"
#include "central-gateway/app/gateway_health.h"
#include "central-gateway/app/notices_start.h"
#include "central-gateway/app/reconcile_start.h"
#include "central-gateway/enrolment/est_server.h"
#include "central-gateway/intake/gateway_session.h"
#include "central-gateway/web/desk_server.h"
#include "shared/base/file.h"
#include "shared/service/service_notifier.h"
#include "shared/crypto/certificate_request.h"
#include "shared/crypto/revocation_list.h"
#include "shared/transport/mqtt_transport.h"
#include "shared/wire/topics.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kTrustWatchUs = 1'000'000;
constexpr std::int64_t kRenewalLookUs = 3'600'000'000;
constexpr char kGatewayName[] = "gateway";  // CN of the centre's certificate.

BrokerSettings SettingsOf(const Config& config, std::vector<EdgeId> edges) {
  BrokerSettings settings;
  settings.directory = config.installation.dir;
  settings.bind_address = config.broker_bind_address;
  settings.port = config.broker_port;
  settings.ca_file = config.installation.Pki("trust.pem");
  settings.certificate_file = config.installation.Pki("broker.crt");
  settings.key_file = config.installation.Pki("broker.key");
  settings.crl_file = config.installation.Pki("crl.pem");
  settings.gateway_name = kGatewayName;
  settings.edges = std::move(edges);
  return settings;
}

void LogNotRenewed(const char* certificate, const Error& error) {
  Log(LogLevel::kError, "certificate.not_renewed",
      {{"certificate", certificate}, {"why", error.message}});
}

MqttOptions BrokerOptions(const Config& config, Random& random) {
  MqttOptions options;
  options.host = config.broker_host;
  options.port = config.broker_port;
  // Not to be guessed: an edge could take over the session by its client id.
  options.client_id = config.gateway.str() + "-" + random.NewId<Incarnation>().ToHex();
  options.ca_file = config.installation.Pki("trust.pem");
  options.certificate_file = config.installation.Pki("gateway.crt");
  options.key_file = config.installation.Pki("gateway.key");
  options.subscriptions = {wire::SharedHelloFilter(), wire::UpFilter(config.gateway)};
  return options;
}

// The centre's own key and certificate as they lie there now.
Result<SigningIdentity> PresentIdentity(const Installation& installation) {
  const IdentityFiles files = PairOf(installation, "gateway");
  for (int attempt = 0; attempt < 3; ++attempt) {
    EDCSYNC_TRY(SettleIdentity(files));
    EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Load(files.key_file));
    EDCSYNC_ASSIGN(Certificate certificate, Certificate::Load(files.certificate_file));
    // Else a command replaced them between the two reads.
    if (Belongs(key, certificate)) return SigningIdentity{std::move(key), std::move(certificate)};
  }
  return Fail(ErrorCode::kCertificate, files.certificate_file + " is not for " + files.key_file);
}

}  // namespace

struct Gateway::Impl {
  Config config;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<GatewayHealth> health;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<DiskGuard> disk;
  std::unique_ptr<DiskWatch> disk_watch;
  std::shared_ptr<KeySources> keys;
  std::unique_ptr<CentralStore> store;
  std::unique_ptr<BrokerSupervisor> broker;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<GatewaySession> session;
  std::unique_ptr<ReconcileService> reconcile;
  std::unique_ptr<DeskServer> desk;
  std::unique_ptr<EstServer> enrolment;
  std::unique_ptr<NoticeService> notices;
  std::unique_ptr<ServiceNotifier> notifier;
  std::string trust_generation;          // What of DIR/pki is in use.
  std::string trusted_authorities;       // By the broker that runs: PEM.
  std::vector<EdgeId> admitted;          // To the broker: not revoked.
  bool rights_pending = false;           // The broker has not got them yet.
  std::optional<std::vector<EdgeId>> granted;  // Whom the written rights name.
  MonoTime renewal_looked{};             // When what ends was looked for last.
  Scheduler::TimerId trust_timer = 0;

  Status OpenStore();
  Status StartBroker();
  Status OpenSession();
  Status OpenDesk();
  Status OpenEnrolment();
  Status OpenNotices();
  void WatchTrust();
  Status TakeTrust();
  void RenewWhatEnds();
  Result<bool> RenewRevocationList();
  Status RenewDesk();
  void RegistryChanged(const EdgeDirectory& directory);
  Status WriteRights();
};

Status Gateway::Impl::OpenStore() {
  SqliteCentralStoreOptions options;
  options.path = config.installation.DatabaseFile();
  options.key_file = config.keys.file;
  const std::filesystem::path folder = std::filesystem::path(options.path).parent_path();
  disk = std::make_unique<DiskGuard>(folder.string(), config.disk);
  keys = KeySourcesOf(config);
  options.keys = keys;
  options.holder = config.gateway.str();
  options.watch = &health->writer();
  EDCSYNC_ASSIGN(store, OpenSqliteCentralStore(options, clock, random));
  SettleInterrupted(*keys, KeyedStoreOf(*store, "", ""));
  return Ok();
}

Status Gateway::Impl::StartBroker() {
  std::vector<EdgeId> edges;
  EDCSYNC_TRY(store->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> rows, reader.ListEdges());
    for (const EdgeRow& row : rows) {
      if (row.standing != EdgeStanding::kRevoked) edges.push_back(row.edge);
    }
    return Ok();
  }));
  // A revocation list out of date would lock every edge out.
  EDCSYNC_TRY(EnsureRevocationList(*store, config.installation, clock));
  // Also for a broker that others run: they install the written rights there.
  EDCSYNC_TRY(WriteBrokerFiles(SettingsOf(config, std::move(edges))));
  if (!config.broker_managed) return Ok();
  const auto renewed =
      EnsureBrokerCertificate(config.installation, config.broker_host, clock, random);
  if (!renewed.ok()) LogNotRenewed("broker", renewed.error());
  const BrokerPaths paths = BrokerPathsIn(config.installation.dir);
  BrokerSupervisor::Options options;
  options.config_file = paths.config_file;
  options.log_file = paths.log_file;
  options.bind_address = config.broker_bind_address;
  options.port = config.broker_port;
  broker = std::make_unique<BrokerSupervisor>(options, random);
  return broker->Start();
}

Status Gateway::Impl::OpenSession() {
  trust_generation = TrustGeneration(config.installation);
  EDCSYNC_ASSIGN(CentreTrust trust, LoadTrust(config.installation));
  trusted_authorities = ToPem(trust.authorities);
  const Sealer identity = trust.identities.front();
  transport = NewMqttTransport(BrokerOptions(config, random), *loop);
  GatewaySessionOptions options;
  options.gateway = config.gateway;
  options.frames_per_second_max = static_cast<double>(config.frames_per_second_max);
  options.bytes_per_second_max = static_cast<double>(config.bytes_per_second_max);
  options.may_take = [this] { return disk->MayTake(); };
  options.telemetry = &health->intake();
  session = std::make_unique<GatewaySession>(options, *store, *transport, *loop, clock, random,
                                             Credentials{std::move(trust.identities),
                                                         std::move(trust.authorities)});
  session->on_registry_changed = [this](const EdgeDirectory& directory) {
    RegistryChanged(directory);
  };
  reconcile = std::make_unique<ReconcileService>(config, *store, *session, *loop, clock, identity);
  return Ok();
}

Status Gateway::Impl::OpenDesk() {
  const Installation& installation = config.installation;
  DeskServerOptions options;
  options.address = config.desk.bind_address;
  options.port = config.desk.port;
  options.host = config.desk.host;
  options.public_address = config.desk.public_address;
  options.page_folder = config.desk.page_folder;
  options.idle_minutes = config.desk.idle_minutes;
  options.due_times = DueTimesOf(config);
  options.telemetry = &health->desk();
  if (options.page_folder.empty()) {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    options.page_folder = program.parent_path().parent_path() / "share/edcsync/page";
  }
  if (config.desk.oidc) {
    EDCSYNC_ASSIGN(options.oidc, LoadOidcOptions(*config.desk.oidc));
  }
  if (config.desk.https) {
    options.certificate_file = config.desk.certificate_file;
    options.key_file = config.desk.key_file;
    if (options.certificate_file.empty()) {
      EDCSYNC_TRY(EnsureServerCertificate(installation, "desk",
                                          {config.desk.host, "localhost", "127.0.0.1"}, clock,
                                          random));
      options.certificate_file = installation.Pki("desk.crt");
      options.key_file = installation.Pki("desk.key");
    }
  }
  EDCSYNC_TRY(PresentIdentity(installation));
  EDCSYNC_ASSIGN(desk, DeskServer::Start(options, *store, clock, random, config.gateway.str(),
                                         [this] { return PresentIdentity(config.installation); }));
  const std::string port = std::to_string(desk->port());
  EDCSYNC_TRY(WriteFile(installation.dir + "/desk.port", port + "\n", 0644, false));
  Log(LogLevel::kInfo, "desk.ready",
      {{"address", (config.desk.https ? "https://" : "http://") + config.desk.host + ":" + port}});
  return Ok();
}

Status Gateway::Impl::OpenEnrolment() {
  EstOptions options;
  options.bind_address = config.enrolment.bind_address;
  options.port = config.enrolment.port;
  options.hosts = {EnrolmentHost(config), "localhost", "127.0.0.1"};
  options.broker_host = config.broker_host;
  options.broker_port = config.broker_port;
  options.certificate_minutes = config.enrolment.certificate_minutes;
  EDCSYNC_ASSIGN(enrolment,
                 EstServer::Start(options, config.installation, *store, clock, random));
  const std::string port = std::to_string(enrolment->port());
  EDCSYNC_TRY(
      WriteFile(config.installation.dir + "/enrolment.port", port + "\n", 0644, false));
  Log(LogLevel::kInfo, "enrolment.ready", {{"port", enrolment->port()}});
  return Ok();
}

// A command may have rotated a certificate or the authority: on the loop, once a second.
void Gateway::Impl::WatchTrust() {
  std::string generation = TrustGeneration(config.installation);
  if (generation != trust_generation) {
    const Status taken = TakeTrust();
    if (taken.ok()) {
      trust_generation = std::move(generation);
      Log(LogLevel::kInfo, "trust.changed");
    } else {
      Log(LogLevel::kError, "trust.not_taken", {{"why", taken.error().message}});
    }
  }
  if (rights_pending && WriteRights().ok()) {
    rights_pending = false;
    Log(LogLevel::kInfo, "broker.rights_updated");
  }
  if (clock.Mono().us - renewal_looked.us >= kRenewalLookUs) RenewWhatEnds();
  trust_timer = loop->After(kTrustWatchUs, [this] { WatchTrust(); });
}

// The certificates that the centre issues to itself for what it serves, and the list of revoked
// ones: each by itself, so that one that fails holds up no other.
void Gateway::Impl::RenewWhatEnds() {
  renewal_looked = clock.Mono();
  const auto look = [](const char* certificate, const Status& done) {
    if (!done.ok()) LogNotRenewed(certificate, done.error());
  };
  if (enrolment != nullptr) look("enrolment", enrolment->RenewCertificate());
  if (desk != nullptr) look("desk", RenewDesk());
  const auto listed = RenewRevocationList();
  if (!listed.ok()) LogNotRenewed("crl", listed.error());
  if (broker == nullptr) return;
  const auto renewed =
      EnsureBrokerCertificate(config.installation, config.broker_host, clock, random);
  if (!renewed.ok()) LogNotRenewed("broker", renewed.error());
  const bool changed = (listed.ok() && *listed) || (renewed.ok() && *renewed);
  if (changed) look("broker", broker->Reload());
}

Result<bool> Gateway::Impl::RenewRevocationList() {
  const auto present = RevocationList::Load(config.installation.Pki("crl.pem"));
  if (present.ok() && present->next_update.ms > clock.Wall().ms + kServerRenewMs) return false;
  EDCSYNC_TRY(WriteRevocationList(*store, config.installation, clock));
  return true;
}

Status Gateway::Impl::RenewDesk() {
  if (!config.desk.https) return Ok();
  if (config.desk.certificate_file.empty()) {
    EDCSYNC_TRY(EnsureServerCertificate(config.installation, "desk",
                                        {config.desk.host, "localhost", "127.0.0.1"}, clock,
                                        random));
  }
  return desk->ReloadCertificate();  // A site's own, too: somebody may have put a new one there.
}

Status Gateway::Impl::TakeTrust() {
  EDCSYNC_ASSIGN(CentreTrust trust, LoadTrust(config.installation));
  const std::string authorities = ToPem(trust.authorities);
  if (reconcile != nullptr) reconcile->SetIdentity(trust.identities.front());
  session->SetCredentials({std::move(trust.identities), std::move(trust.authorities)});
  EDCSYNC_TRY(EnsureRevocationList(*store, config.installation, clock));
  if (enrolment != nullptr) EDCSYNC_TRY(enrolment->Reload());
  if (desk != nullptr) EDCSYNC_TRY(RenewDesk());
  if (broker == nullptr) return Ok();
  if (authorities == trusted_authorities) return broker->Reload();
  // Mosquitto reads its certificate again, but whom it trusts only when it starts. Edges come
  // back by themselves, and send again what was on its way.
  broker->Stop();
  EDCSYNC_TRY(broker->Start());
  trusted_authorities = authorities;
  return Ok();
}

Status Gateway::Impl::OpenNotices() {
  EDCSYNC_ASSIGN(notices, StartNotices(config, *store, clock, random));
  return Ok();
}

void Gateway::Impl::RegistryChanged(const EdgeDirectory& directory) {
  admitted.clear();
  for (const auto& [edge, entry] : directory.all()) {
    if (entry.standing != EdgeStanding::kRevoked) admitted.push_back(edge);
  }
  const Status done = WriteRights();
  rights_pending = !done.ok();  // Tried again with the next look at what commands did.
  if (rights_pending)
    Log(LogLevel::kError, "broker.rights_not_updated", {{"why", done.error().message}});
}

// Each by itself: while the list cannot be issued, for want of the authority's key, a new edge
// connects and a revoked one loses its topics all the same.
Status Gateway::Impl::WriteRights() {
  // A certificate that was replaced is taken back as one that was revoked is.
  Status done = WriteRevocationList(*store, config.installation, clock);
  bool changed = done.ok();
  if (!granted || *granted != admitted) {
    const Status written = WriteBrokerFiles(SettingsOf(config, admitted));
    if (written.ok()) granted = admitted;
    if (!written.ok()) done = written;
    changed = changed || written.ok();
  }
  if (!changed || broker == nullptr) return done;
  const Status told = broker->Reload();
  // One that is down reads them when it starts.
  return told.ok() || told.error().code == ErrorCode::kUnavailable ? done : told;
}

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Gateway>> Gateway::Start(const Config& config) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  impl->health = std::make_unique<GatewayHealth>(impl->config, impl->clock, impl->random);
  impl->loop = std::make_unique<EventLoop>(impl->clock);
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(impl)));
  Impl& self = *gateway->impl_;
  EDCSYNC_TRY(self.OpenStore());
  EDCSYNC_TRY(self.StartBroker());
  EDCSYNC_TRY(self.OpenSession());
  self.loop->Start();
  self.disk_watch = std::make_unique<DiskWatch>(*self.disk, *self.loop);
  self.loop->Post([&self] {
    self.disk_watch->Start();
    const Status started = self.session->Start();
    if (!started.ok()) {
      Log(LogLevel::kError, "intake.not_started", {{"why", started.error().message}});
    }
  });
  self.reconcile->Start();
  if (config.enrolment.enabled) {
    const Status offered = self.OpenEnrolment();  // As the desk: what sites send is taken in.
    if (!offered.ok()) {
      Log(LogLevel::kError, "enrolment.not_started", {{"why", offered.error().message}});
    }
  }
  if (config.desk.enabled) {
    // What sites send is taken in all the same.
    const Status opened = self.OpenDesk();
    if (!opened.ok()) Log(LogLevel::kError, "desk.not_started", {{"why", opened.error().message}});
  }
  const Status told = self.OpenNotices();  // Likewise.
  if (!told.ok()) Log(LogLevel::kError, "notices.not_started", {{"why", told.error().message}});
  self.renewal_looked = self.clock.Mono();  // Each start makes anew what ends.
  self.loop->Post([&self] { self.WatchTrust(); });
  self.health->Start({self.store.get(), self.session.get(), self.loop.get(), self.disk.get(),
                      self.broker.get(), self.desk.get(), self.enrolment.get()});
  Log(LogLevel::kInfo, "gateway.ready",
      {{"gateway", config.gateway.str()}, {"broker_port", config.broker_port}});
  self.notifier = std::make_unique<ServiceNotifier>(*self.loop);
  self.notifier->Ready("Takes in what sites send, as " + config.gateway.str());
  return gateway;
}

Gateway::~Gateway() {
  Impl& self = *impl_;
  if (self.notifier != nullptr) self.notifier->Stopping();
  if (self.session != nullptr) {
    self.loop->PostAndWait([&self] { self.loop->Cancel(self.trust_timer); });
  }
  self.health->StopServing();
  self.notices.reset();
  self.enrolment.reset();
  self.desk.reset();  // Ends the calls at hand.
  self.reconcile.reset();
  if (self.session != nullptr) self.loop->PostAndWait([&self] { self.session->Stop(); });
  if (self.disk_watch) self.loop->PostAndWait([&self] { self.disk_watch->Stop(); });
  self.loop->Stop();
  self.store.reset();  // Finishes the commits at hand; their answers find no loop any more.
  if (self.broker != nullptr) self.broker->Stop();
}

}  // namespace edcsync::central
