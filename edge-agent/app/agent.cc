#include "edge-agent/app/agent.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "edge-agent/app/local_agent.h"
#include "edge-agent/app/agent_health.h"
#include "edge-agent/downlink/feed_puller.h"
#include "edge-agent/site/key_api.h"
#include "edge-agent/downlink/reconciliation.h"
#include "edge-agent/enrolment/renewal.h"
#include "edge-agent/site/site_api.h"
#include "edge-agent/uplink/endorsement_sender.h"
#include "edge-agent/uplink/new_incarnation.h"
#include "edge-agent/uplink/sync_session.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/release.h"
#include "shared/service/service_notifier.h"
#include "shared/transport/mqtt_transport.h"
#include "shared/wire/topics.h"

namespace edcsync::edge {
namespace {

// Hands on what the session hears for others.
class SessionWire final : public SessionListener {
 public:
  SessionWire(FeedPuller& puller, EndorsementSender& endorsements, Reconciliation& reconciliation)
      : puller_(puller), endorsements_(endorsements), reconciliation_(reconciliation) {}
  void SessionOpened(Epoch epoch, FeedCursor) override {
    puller_.SessionOpened(epoch);
    endorsements_.SessionOpened(epoch);
    reconciliation_.SessionOpened(epoch);
  }
  void SessionLost() override {
    puller_.SessionLost();
    endorsements_.SessionLost();
    reconciliation_.SessionLost();
  }
  void OnNudge() override { puller_.OnNudge(); }
  void OnFeed(wire::Feed feed) override { puller_.OnFeed(std::move(feed)); }
  void OnEndorsementReceipt(const wire::EndorsementReceipt& receipt) override {
    endorsements_.OnReceipt(receipt);
  }
  void OnReconcile(wire::Frame frame) override { reconciliation_.OnFrame(std::move(frame)); }

 private:
  FeedPuller& puller_;
  EndorsementSender& endorsements_;
  Reconciliation& reconciliation_;
};

// The token of the local API, made at the first start.
Result<std::string> LoadToken(const Config& config, Random& random) {
  Result<std::string> token = ReadSecretFile(config.TokenFile(), 4096);
  if (token.ok()) {
    token->erase(token->find_last_not_of(" \r\n") + 1);
    return token;
  }
  if (token.error().code != ErrorCode::kNotFound) return token;
  std::array<std::uint8_t, 32> bytes{};
  random.Fill(bytes);
  const std::string fresh = ToHex(bytes);
  EDCSYNC_TRY(WriteFile(config.TokenFile(), fresh + "\n", 0600, /*exclusive=*/true));
  return fresh;
}

MqttOptions BrokerOptions(const Config& config, Random& random) {
  MqttOptions options;
  options.host = config.broker_host;
  options.port = config.broker_port;
  // Not to be guessed: another enrolled edge could take over a session by its client id.
  options.client_id = config.edge.str() + "-" + random.NewId<Incarnation>().ToHex();
  options.ca_file = config.ca_file;
  options.certificate_file = config.certificate_file;
  options.key_file = config.key_file;
  options.subscriptions = {wire::DownTopic(config.edge)};
  const std::string_view offline = "offline";
  options.will = MqttOptions::Will{wire::PresenceTopic(config.edge),
                                   Bytes(offline.begin(), offline.end()), true};
  return options;
}

SyncView ViewOf(const SyncSession& session, const RenewalView& renewal) {
  const SyncStatus status = session.status();
  SyncView view;
  view.state = ToString(status.state);
  view.since = FormatUtc(status.since);
  view.last_error = status.last_error;
  view.held_back = status.held_back;
  view.held_back_since = FormatUtc(status.held_back_since);
  view.breaker = status.breaker;
  view.epoch = status.epoch.value();
  view.gateway = status.gateway.str();
  view.frames_in_flight = status.frames_in_flight;
  view.frames_sent = status.frames_sent;
  view.bytes_sent = status.bytes_sent;
  view.revisions_sent = status.revisions_sent;
  view.certificate = {renewal.serial, renewal.not_after, renewal.renews_at, renewal.last_contact,
                      renewal.last_error};
  return view;
}

}  // namespace

struct Agent::Impl {
  Config config;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<AgentHealth> health;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<DiskGuard> disk;
  std::unique_ptr<DiskWatch> disk_watch;
  std::shared_ptr<KeySources> keys;
  std::unique_ptr<EdgeStore> store;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Link> link;
  std::unique_ptr<SyncSession> session;
  std::unique_ptr<Renewal> renewal;
  std::unique_ptr<FeedApplier> applier;
  std::unique_ptr<FeedPuller> puller;
  std::unique_ptr<EndorsementSender> endorsements;
  std::unique_ptr<EventLoop> worker;  // Walks over the whole database, for reconciliation.
  std::unique_ptr<Reconciliation> reconciliation;
  std::unique_ptr<SessionWire> session_wire;
  std::unique_ptr<Capture> capture;
  std::unique_ptr<SiteApi> api;
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<ServiceNotifier> notifier;

  Status OpenStore();
  Status OpenSync();
  Status OpenApi();
  void OpenRenewal();
  SyncControl Control();
};

Status Agent::Impl::OpenStore() {
  if (mkdir(config.data_dir.c_str(), 0700) == 0) {
    EDCSYNC_TRY(GiveToFolderOwner(config.data_dir));
  } else if (errno != EEXIST) {
    return Fail(ErrorCode::kIo,
                "Cannot make the folder " + config.data_dir + ": " + std::strerror(errno));
  }
  disk = std::make_unique<DiskGuard>(config.data_dir, config.disk);
  keys = KeySourcesOf(config);
  EdgeStoreOptions options = StoreOptionsOf(config, keys);
  options.watch = &health->writer();
  EDCSYNC_ASSIGN(store, EdgeStore::Open(options, clock, random));
  SettleInterrupted(*keys, KeyedStoreOf(*store, ""));
  store->writer().Start();
  return Ok();
}

Status Agent::Impl::OpenSync() {
  EDCSYNC_ASSIGN(EdgeCredentials credentials, LoadCredentials(config.tls()));
  const Certificate& certificate = credentials.sealer.certificate();
  if (certificate.CommonName() != config.edge.str() ||
      certificate.OrganizationalUnit() != config.site.str()) {
    return Fail(ErrorCode::kConfiguration,
                config.certificate_file + " is the certificate of another edge or site");
  }
  ReconciliationIdentity identity{config.edge, config.site, credentials.sealer,
                                  credentials.gateways};
  transport = NewMqttTransport(BrokerOptions(config, random), *loop);
  link = std::make_unique<Link>(LinkOptions{}, *transport, *loop, random);
  SyncOptions options;
  options.release = std::string("edge-agent ") + kRelease;
  options.telemetry = &health->uplink();
  session = std::make_unique<SyncSession>(options, *store, *link, *loop,
                                          std::move(credentials.sealer),
                                          std::move(credentials.gateways), config.edge);
  OpenRenewal();
  applier = std::make_unique<FeedApplier>(*store, config.site, &health->feed());
  puller = std::make_unique<FeedPuller>(
      *store, *applier, *loop, [this](const wire::Pull& pull) { return session->SendFrame(pull); },
      [this] { endorsements->LookAgain(); }, [this] { session->Unanswered(); });
  endorsements = std::make_unique<EndorsementSender>(
      *store, *loop,
      [this](const wire::Endorsement& endorsement, const RecordKey& key) {
        return session->SendFrame(endorsement, &key);
      });
  worker = std::make_unique<EventLoop>(clock);
  reconciliation = std::make_unique<Reconciliation>(
      *store, *applier, *loop, *worker, std::move(identity),
      [this](const wire::Frame& frame) { return session->SendFrame(frame); });
  session_wire = std::make_unique<SessionWire>(*puller, *endorsements, *reconciliation);
  session->SetListener(session_wire.get());
  return Ok();
}

void Agent::Impl::OpenRenewal() {
  RenewalEvents events;
  events.changed = [this] {
    Result<EdgeCredentials> fresh = LoadCredentials(config.tls());
    if (!fresh.ok()) {
      Log(LogLevel::kError, "renewal.not_taken", {{"why", fresh.error().message}});
      return;
    }
    reconciliation->SetCredentials(fresh->sealer, fresh->gateways);
    session->SetCredentials(std::move(fresh->sealer), std::move(fresh->gateways));
  };
  events.refused = [this](const Error& why) { session->StopFor(why); };
  events.link_down = [this] { return session->status().state == SyncState::kOffline; };
  renewal = std::make_unique<Renewal>(
      RenewalOptions{config.enrolment_address, config.tls(), config.edge, config.contact_minutes},
      std::move(events), clock, random);
}

SyncControl Agent::Impl::Control() {
  SyncControl control;
  control.view = [this] { return ViewOf(*session, renewal->view()); };
  control.set_paused = [this](bool paused) { return session->SetPaused(paused); };
  control.sync_now = [this] {
    session->SyncNow();
    renewal->ContactNow();
  };
  control.new_incarnation = [this]() -> Status {
    EDCSYNC_TRY(BeginNewIncarnation(*store));
    session->Reconnect();
    return Ok();
  };
  return control;
}

Status Agent::Impl::OpenApi() {
  capture = std::make_unique<Capture>(
      *store, [this] { session->Captured(); }, [this] { return disk->MayTake(); },
      &health->capture());
  HttpServerOptions options;
  options.address = config.http_address;
  options.port = config.http_port;
  options.certificate_file = config.http_certificate_file;
  options.key_file = config.http_key_file;
  EDCSYNC_ASSIGN(options.bearer_token, LoadToken(config, random));
  server = std::make_unique<HttpServer>(options);
  api = std::make_unique<SiteApi>(
      *store, *capture, Control(),
      [this] { loop->Post([this] { endorsements->LookAgain(); }); },
      static_cast<double>(config.submissions_per_second_max), &health->site());
  api->AddRoutes(*server);
  AddKeyRoutes(*server, *store, *keys);
  EDCSYNC_TRY(server->Start());
  return WriteFile(config.PortFile(), std::to_string(server->port()) + "\n", 0600,
                   /*exclusive=*/false);
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Agent>> Agent::Start(const Config& config) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  impl->health = std::make_unique<AgentHealth>(impl->config, impl->clock, impl->random);
  impl->loop = std::make_unique<EventLoop>(impl->clock);
  std::unique_ptr<Agent> agent(new Agent(std::move(impl)));
  Impl& self = *agent->impl_;
  EDCSYNC_TRY(self.OpenStore());
  EDCSYNC_TRY(self.OpenSync());
  EDCSYNC_TRY(self.OpenApi());
  self.worker->Start();
  self.loop->Start();
  self.disk_watch = std::make_unique<DiskWatch>(*self.disk, *self.loop);
  self.loop->Post([&self] {
    self.disk_watch->Start();
    const Status started = self.session->Start();
    if (!started.ok())
      Log(LogLevel::kError, "sync.not_started", {{"why", started.error().message}});
  });
  self.renewal->Start();
  self.health->Start({self.store.get(), self.session.get(), self.loop.get(), self.disk.get(),
                      self.renewal.get(), self.server.get()});
  Log(LogLevel::kInfo, "agent.ready",
      {{"edge", config.edge.str()}, {"site", config.site.str()}, {"port", self.server->port()}});
  self.notifier = std::make_unique<ServiceNotifier>(*self.loop);
  self.notifier->Ready("Captures for site " + config.site.str());
  return agent;
}

Agent::~Agent() {
  Impl& self = *impl_;
  if (self.notifier) self.notifier->Stopping();
  self.health->StopServing();
  if (self.server) self.server->Stop();
  if (self.renewal) self.renewal->Stop();
  if (self.session) self.loop->PostAndWait([&self] { self.session->Stop(); });
  if (self.worker) self.worker->Stop();
  if (self.disk_watch) self.loop->PostAndWait([&self] { self.disk_watch->Stop(); });
  self.loop->Stop();
  if (self.store) self.store->writer().Stop();
}

int Agent::http_port() const { return impl_->server->port(); }

}  // namespace edcsync::edge
