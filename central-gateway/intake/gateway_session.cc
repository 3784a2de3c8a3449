#include "central-gateway/intake/gateway_session.h"

#include <algorithm>

#include "shared/base/log.h"
#include "shared/base/planted_defect.h"
#include "shared/wire/topics.h"

namespace edcsync::central {
namespace {

// With a Hello the edge has proved that it holds the certificate's key for good: what it had before
// is of no use but to a thief.
Status TakeCredential(CentralWriter& writer, const EdgeId& edge, const Certificate& certificate,
                      const std::string& identity) {
  EDCSYNC_TRY(writer.PutEdgeCredential({edge, certificate.SerialHex(), identity, writer.Now()}));
  EDCSYNC_ASSIGN(const std::optional<EdgeRow> row, writer.FindEdge(edge));
  const std::string pem = certificate.ToPem();
  if (!row || row->certificates_pem.size() < 2 || row->certificates_pem.front() != pem) return Ok();
  EDCSYNC_TRY(writer.RevokeCertificatesBut(edge, pem));
  return writer.AppendAudit("gateway", "edge.certificate_replaced", edge.str(),
                            "certificate=" + certificate.SerialHex());
}

constexpr std::int64_t kReconnectBaseUs = 200'000;
constexpr std::int64_t kReconnectMaxUs = 5'000'000;
constexpr std::int64_t kRetryWhenBusyUs = 1'000'000;
constexpr std::int64_t kRetryWhenFullUs = 10'000'000;
// A decoded revision and its bytes take about this many times the bytes alone (measured, 25 items).
constexpr std::size_t kDecodedFactor = 8;

}  // namespace

GatewaySession::GatewaySession(GatewaySessionOptions options, CentralStore& store,
                               Transport& transport, Scheduler& scheduler, const Clock& clock,
                               Random& random, Credentials credentials)
    : options_(std::move(options)),
      store_(store),
      transport_(transport),
      scheduler_(scheduler),
      clock_(clock),
      identities_(std::move(credentials.identities)),
      directory_(store, std::move(credentials.authorities)),
      feed_(store),
      reconnect_(kReconnectBaseUs, kReconnectMaxUs, random) {}

GatewaySession::~GatewaySession() { *alive_ = false; }

Status GatewaySession::Start() {
  EDCSYNC_TRY(directory_.Refresh());
  if (on_registry_changed) on_registry_changed(directory_);
  transport_.Listen({[this] {
                       reconnect_.Reset();
                       figures_.connected = true;
                       Log(LogLevel::kInfo, "broker.connected");
                     },
                     [this](Error why) {
                       if (figures_.connected) {
                         Log(LogLevel::kWarn, "broker.lost", {{"why", why.message}});
                       } else {
                         Log(LogLevel::kInfo, "broker.unreachable", {{"why", why.message}});
                       }
                       figures_.connected = false;
                       connect_timer_ = scheduler_.After(reconnect_.NextDelayUs(),
                                                         [this] { Connect(); });
                     },
                     [this](Message message) { OnMessage(std::move(message)); }});
  Connect();
  Poll();
  return Ok();
}

void GatewaySession::Stop() {
  *alive_ = false;
  scheduler_.Cancel(poll_timer_);
  scheduler_.Cancel(connect_timer_);
  transport_.Disconnect();
}

GatewaySession::Figures GatewaySession::figures() const {
  Figures figures = figures_;
  figures.queued_frames = queued_frames_;
  figures.queued_bytes = queued_bytes_;
  figures.commit_lag_us = load_.lag_us();
  figures.credit = load_.CreditNow(options_.credit, queued_frames_);
  return figures;
}

void GatewaySession::Connect() { transport_.Connect(); }

SessionContext GatewaySession::ContextOf(const EdgeEntry& entry) const {
  return {entry.edge, entry.site, options_.gateway};
}

void GatewaySession::OnMessage(Message message) {
  ++figures_.frames_in;
  figures_.bytes_in += message.payload.size();
  const std::optional<EdgeId> edge = wire::EdgeOfTopic(message.topic);
  if (!edge) {
    ++figures_.frames_dropped;
    return;
  }
  const EdgeEntry* entry = directory_.Find(*edge);
  if (entry == nullptr) {
    // Perhaps added a moment ago by a command.
    const Result<bool> changed = directory_.Refresh();
    registry_changed_ = registry_changed_ || (changed.ok() && *changed);
    entry = directory_.Find(*edge);
  }
  if (entry == nullptr || entry->certificates.empty()) {
    ++figures_.frames_dropped;
    Log(LogLevel::kWarn, "frame.unknown_edge", {{"edge", edge->str()}});
    return;
  }
  Peer& peer = peers_[*edge];
  if (!peer.frames) {
    peer.frames.emplace(options_.frames_per_second_max, options_.frames_per_second_max * 2,
                        scheduler_.Now());
    peer.bytes.emplace(options_.bytes_per_second_max, options_.bytes_per_second_max * 2,
                       scheduler_.Now());
  }
  const auto size = static_cast<double>(message.payload.size());
  if (!peer.frames->Take(1, scheduler_.Now()) || !peer.bytes->Take(size, scheduler_.Now())) {
    const std::int64_t wait_us = std::max(peer.frames->WaitUs(1, scheduler_.Now()),
                                          peer.bytes->WaitUs(size, scheduler_.Now()));
    ++figures_.put_off_rate;
    return Refuse(*edge, ErrorCode::kOverCredit, "More frames than agreed", peer.epoch, wait_us);
  }
  Result<wire::Frame> frame = Open(*entry, peer, message.payload);
  entry = directory_.Find(*edge);  // Opening may have read the registry anew.
  if (entry == nullptr) return;
  if (!frame.ok()) {
    return RefuseUnopened(*entry, peer, frame.error(), message.trace_parent);
  }
  Handle(*entry, peer, std::move(*frame), message.payload.size(), message.trace_parent);
}

// What it is of nobody knows: its trace, which links its records, stands beside it.
void GatewaySession::RefuseUnopened(const EdgeEntry& entry, const Peer& peer, const Error& why,
                                    const std::string& trace_parent) {
  Log(LogLevel::kWarn, "frame.refused",
      {{"edge", entry.edge.str()},
       {"reason", static_cast<std::uint16_t>(why.code)},
       {"why", why.message},
       {"trace_id", TraceIdTextIn(trace_parent)}});
  const auto telemetry = BeginFrame("intake", entry, trace_parent);
  if (telemetry != nullptr) telemetry->Draw(std::string(Describe(why.code).name));
  Refuse(entry.edge, why.code, why.message, peer.epoch, 0,
         telemetry == nullptr ? "" : telemetry->TraceParent());
}

Result<wire::Frame> GatewaySession::Open(const EdgeEntry& entry, Peer& peer, BytesView bytes) {
  Result<wire::Frame> frame = OpenOnce(entry, peer, bytes);
  if (frame.ok() || frame.error().code != ErrorCode::kBadSeal) return frame;
  // Perhaps signed with a key that was certified a moment ago.
  const EdgeId edge = entry.edge;
  const Result<bool> changed = directory_.Refresh();
  const EdgeEntry* fresh = changed.ok() && *changed ? directory_.Find(edge) : nullptr;
  registry_changed_ = registry_changed_ || (changed.ok() && *changed);
  return fresh == nullptr ? std::move(frame) : OpenOnce(*fresh, peer, bytes);
}

Result<wire::Frame> GatewaySession::OpenOnce(const EdgeEntry& entry, Peer& peer,
                                             BytesView bytes) {
  // What fitted last first: there are two of either only while something is renewed.
  std::vector<const Sealer*> ours;
  for (const Sealer& identity : identities_) ours.push_back(&identity);
  std::stable_partition(ours.begin(), ours.end(), [&](const Sealer* identity) {
    return identity->certificate().SerialHex() == peer.identity;
  });
  std::vector<const Certificate*> theirs;
  for (const Certificate& certificate : entry.certificates) theirs.push_back(&certificate);
  std::stable_partition(theirs.begin(), theirs.end(), [&](const Certificate* certificate) {
    return peer.certificate && certificate->SerialHex() == peer.certificate->SerialHex();
  });
  Result<wire::Frame> frame = Fail(ErrorCode::kBadSeal, "No certificate of the edge fits");
  for (const Sealer* identity : ours) {
    for (const Certificate* certificate : theirs) {
      frame = wire::OpenFrame(bytes, *identity, *certificate);
      if (!frame.ok() && frame.error().code == ErrorCode::kBadSeal) continue;
      if (!frame.ok()) return frame;
      EDCSYNC_TRY(directory_.CheckCertificate(entry, *certificate, clock_.Wall()));
      peer.certificate = *certificate;
      peer.identity = identity->certificate().SerialHex();
      return frame;
    }
  }
  return frame;
}

const Sealer& GatewaySession::IdentityFor(const Peer& peer) const {
  for (const Sealer& identity : identities_) {
    if (identity.certificate().SerialHex() == peer.identity) return identity;
  }
  return identities_.front();
}

void GatewaySession::SetCredentials(Credentials credentials) {
  identities_ = std::move(credentials.identities);
  directory_.SetAuthorities(std::move(credentials.authorities));
}

void GatewaySession::Handle(const EdgeEntry& entry, Peer& peer, wire::Frame frame,
                            std::size_t bytes, const std::string& trace_parent) {
  if (entry.standing == EdgeStanding::kRevoked && !EDCSYNC_DEFECT("revoked-accepted")) {
    return Refuse(entry.edge, ErrorCode::kRevokedEdge, "This edge was revoked", peer.epoch, 0);
  }
  if (auto* hello = std::get_if<wire::Hello>(&frame)) return HandleHello(entry, *hello);
  if (auto* push = std::get_if<wire::Push>(&frame)) {
    return HandlePush(entry, std::move(*push), trace_parent);
  }
  if (auto* offer = std::get_if<wire::Offer>(&frame)) {
    return HandleOffer(entry, std::move(*offer), trace_parent);
  }
  if (auto* endorsement = std::get_if<wire::Endorsement>(&frame)) {
    return HandleEndorsement(entry, std::move(*endorsement), trace_parent);
  }
  if (auto* pull = std::get_if<wire::Pull>(&frame)) {
    return HandlePull(entry, peer, *pull, trace_parent);
  }
  if (std::holds_alternative<wire::Comparison>(frame) ||
      std::holds_alternative<wire::Return>(frame)) {
    return HandleReconcile(entry, peer, std::move(frame), bytes);
  }
  Refuse(entry.edge, ErrorCode::kUnknownKind, "An edge may not send this kind of frame",
         peer.epoch, 0);
}

void GatewaySession::HandleHello(const EdgeEntry& entry, const wire::Hello& hello) {
  const SessionContext context = ContextOf(entry);
  const Peer& speaker = peers_[entry.edge];
  const std::weak_ptr<bool> alive = alive_;
  auto answer = std::make_shared<Result<Answer>>(Fail(ErrorCode::kInternal, "no answer"));
  const Status queued = store_.Submit(
      [=, signer = speaker.certificate,
       identity = speaker.identity](CentralWriter& writer) -> Status {
        *answer = TakeHello(writer, context, hello);
        if (!answer->ok()) return tl::unexpected<Error>(answer->error());
        if (!signer || !std::holds_alternative<wire::Welcome>(**answer)) return Ok();
        return TakeCredential(writer, context.edge, *signer, identity);
      },
      [=, this](Status committed) {
        scheduler_.Post([=, this, status = std::move(committed)] {
          const auto live = alive.lock();
          if (!live || !*live) return;
          if (answer->ok() && std::holds_alternative<wire::Refuse>(**answer)) {
            std::get<wire::Refuse>(**answer).hello_id = hello.hello_id;
          }
          if (status.ok() && answer->ok() && std::holds_alternative<wire::Welcome>(**answer)) {
            Peer& peer = peers_[context.edge];
            peer.epoch = std::get<wire::Welcome>(**answer).epoch;
            peer.incarnation = hello.incarnation;
            peer.seen = hello.feed_cursor;
            peer.nudged = false;
          }
          Deliver(context.edge, Epoch(), status, std::move(*answer));
        });
      },
      0);
  if (!queued.ok()) {
    Refuse(entry.edge, queued.error().code, queued.error().message, Epoch(), kRetryWhenBusyUs);
  }
}

void GatewaySession::HandlePush(const EdgeEntry& entry, wire::Push push,
                                const std::string& trace_parent) {
  if (RefusedForRoom(entry.edge, push.epoch)) return;
  const auto telemetry = options_.telemetry == nullptr
                             ? nullptr
                             : options_.telemetry->Begin(entry.edge, trace_parent);
  auto read = std::make_shared<ReadPush>();
  read->epoch = push.epoch;
  read->first_sequence = push.first_sequence;
  read->revisions.reserve(push.revisions.size());
  std::size_t content_bytes = 0;
  for (const Bytes& revision : push.revisions) content_bytes += revision.size();
  for (Bytes& revision : push.revisions) {
    read->revisions.push_back(ReadIncoming(std::move(revision)));
  }
  SubmitWork(entry.edge, push.epoch, content_bytes * kDecodedFactor,
             [this, read, telemetry, context = ContextOf(entry)](CentralWriter& writer) {
               if (telemetry == nullptr) return TakePush(writer, registry_, context, *read);
               telemetry->Merging();
               Result<Answer> answer = TakePush(writer, registry_, context, *read);
               telemetry->Merged(*read, answer);
               return answer;
             },
             telemetry);
}

std::shared_ptr<IntakeTelemetry::Frame> GatewaySession::BeginFrame(
    const char* name, const EdgeEntry& entry, const std::string& trace_parent) {
  if (options_.telemetry == nullptr) return nullptr;
  return options_.telemetry->Begin(name, entry.edge, trace_parent);
}

void GatewaySession::HandleOffer(const EdgeEntry& entry, wire::Offer offer,
                                 const std::string& trace_parent) {
  const Epoch epoch = offer.epoch;
  if (RefusedForRoom(entry.edge, epoch)) return;
  std::size_t content_bytes = 0;
  for (const wire::OfferedRevision& offered : offer.revisions) {
    content_bytes += offered.revision.size();
  }
  auto shared = std::make_shared<wire::Offer>(std::move(offer));
  SubmitWork(entry.edge, epoch, content_bytes * kDecodedFactor,
             [this, shared, context = ContextOf(entry)](CentralWriter& writer) {
               return TakeOffer(writer, registry_, context, *shared);
             },
             BeginFrame("offer.intake", entry, trace_parent));
}

void GatewaySession::HandleEndorsement(const EdgeEntry& entry, wire::Endorsement endorsement,
                                       const std::string& trace_parent) {
  const Epoch epoch = endorsement.epoch;
  const std::size_t bytes = endorsement.user.size() + endorsement.reason.size();
  SubmitWork(entry.edge, epoch, bytes,
             [this, endorsement = std::move(endorsement),
              context = ContextOf(entry)](CentralWriter& writer) {
               return TakeEndorsement(writer, registry_, context, endorsement);
             },
             BeginFrame("endorsement.intake", entry, trace_parent));
}

bool GatewaySession::RefusedForRoom(const EdgeId& edge, Epoch epoch) {
  const Status room = options_.may_take ? options_.may_take() : Ok();
  if (room.ok()) return false;
  ++figures_.put_off_disk;
  Refuse(edge, room.error().code, "The centre's disk is nearly full", epoch, kRetryWhenFullUs);
  return true;
}

void GatewaySession::SubmitWork(const EdgeId& edge, Epoch epoch, std::size_t bytes,
                                std::function<Result<Answer>(CentralWriter&)> work,
                                std::shared_ptr<IntakeTelemetry::Frame> telemetry) {
  if (queued_bytes_ + bytes > limits::kIntakeQueueBytesMax) {
    ++figures_.put_off_behind;
    return Refuse(edge, ErrorCode::kBusy, "The centre's commit falls behind", epoch,
                  kRetryWhenBusyUs);
  }
  queued_bytes_ += bytes;
  ++queued_frames_;
  const MonoTime arrived = scheduler_.Now();
  const std::weak_ptr<bool> alive = alive_;
  auto answer = std::make_shared<Result<Answer>>(Fail(ErrorCode::kInternal, "no answer"));
  const Status queued = store_.Submit(
      [=, this, work = std::move(work)](CentralWriter& writer) -> Status {
        *answer = work(writer);
        if (!answer->ok()) return tl::unexpected<Error>(answer->error());
        if (EDCSYNC_DEFECT("receipt-before-commit")) Deliver(edge, epoch, Ok(), *answer);
        return Ok();
      },
      [=, this](Status committed) {
        if (telemetry != nullptr) telemetry->Committed();
        scheduler_.Post([=, this, status = std::move(committed)] {
          const auto live = alive.lock();
          if (!live || !*live) return;
          queued_bytes_ -= bytes;
          --queued_frames_;
          load_.Committed(scheduler_.Now().us - arrived.us);
          if (telemetry != nullptr) telemetry->Answered(status, *answer);
          Deliver(edge, epoch, status, std::move(*answer),
                  telemetry == nullptr ? "" : telemetry->TraceParent());
        });
      },
      bytes);
  if (!queued.ok()) {
    queued_bytes_ -= bytes;
    --queued_frames_;
    ++figures_.put_off_behind;
    Refuse(edge, queued.error().code, queued.error().message, epoch, kRetryWhenBusyUs);
  }
}

void GatewaySession::Deliver(const EdgeId& edge, Epoch epoch, Status committed,
                             Result<Answer> answer, const std::string& trace_parent) {
  if (!committed.ok()) {
    Log(LogLevel::kError, "store.work_failed",
        {{"edge", edge.str()}, {"why", committed.error().message}});
    return Refuse(edge, committed.error().code, "The centre cannot store at the moment", epoch,
                  kRetryWhenBusyUs, trace_parent);
  }
  if (auto* welcome = std::get_if<wire::Welcome>(&*answer)) {
    // One frame first: many edges come back at once when a broker or a gateway does.
    welcome->credit = {options_.credit.bytes, 1};
    welcome->server_time = clock_.Wall();
    Log(LogLevel::kInfo, "edge.session",
        {{"edge", edge.str()},
         {"epoch", welcome->epoch.value()},
         {"acknowledged_through", welcome->acknowledged_through.value()}});
    Send(edge, *welcome);
    return;
  }
  if (auto* receipt = std::get_if<wire::Receipt>(&*answer)) {
    receipt->credit = load_.CreditNow(options_.credit, queued_frames_);
    const bool reduced = receipt->credit.frames < options_.credit.frames ||
                         receipt->credit.bytes < options_.credit.bytes;
    if (reduced) ++figures_.receipts_reduced;
    Send(edge, *receipt, trace_parent);
    return;
  }
  if (auto* taken = std::get_if<wire::EndorsementReceipt>(&*answer)) {
    Send(edge, *taken, trace_parent);
    return;
  }
  wire::Refuse refuse = std::get<wire::Refuse>(*answer);
  ++figures_.frames_refused;
  Log(LogLevel::kWarn, "edge.refused",
      {{"edge", edge.str()},
       {"reason", refuse.reason},
       {"why", refuse.message},
       {"trace_id", TraceIdTextIn(trace_parent)}});
  // Only a session that ended: a late frame of an earlier one must not end the one that lives.
  Peer& peer = peers_[edge];
  const bool gap = refuse.reason == static_cast<std::uint16_t>(ErrorCode::kSequenceGap);
  if (!gap && (refuse.epoch == Epoch() || refuse.epoch == peer.epoch)) peer.epoch = Epoch();
  Send(edge, refuse, trace_parent);
}

Result<bool> GatewaySession::IsBound(const EdgeId& edge, Epoch epoch) {
  bool bound = false;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> row, reader.FindEdge(edge));
    bound = row && row->epoch == epoch;
    return Ok();
  }));
  return bound;
}

void GatewaySession::HandlePull(const EdgeEntry& entry, Peer& peer, const wire::Pull& pull,
                                const std::string& trace_parent) {
  if (pull.epoch != peer.epoch || peer.epoch == Epoch()) {
    return Refuse(entry.edge, ErrorCode::kStaleEpoch, "No such session", pull.epoch, 0);
  }
  // Another gateway may have bound the edge since. An edge with nothing to push, or one whose clone
  // spoke for it, would never learn that its session has ended.
  const Result<bool> bound = IsBound(entry.edge, pull.epoch);
  if (bound.ok() && !*bound) {
    peer.epoch = Epoch();
    return Refuse(entry.edge, ErrorCode::kStaleEpoch, "Another session took over", pull.epoch, 0);
  }
  const auto telemetry = BeginFrame("feed.page", entry, trace_parent);
  Result<wire::Feed> page = feed_.Page(entry.site, entry.edge, peer.incarnation, pull);
  if (!page.ok()) {
    Log(LogLevel::kError, "feed.failed",
        {{"edge", entry.edge.str()}, {"why", page.error().message}});
    if (telemetry != nullptr) telemetry->Draw(std::string(Describe(page.error().code).name));
    return Refuse(entry.edge, page.error().code, "The feed cannot be read at the moment",
                  pull.epoch, kRetryWhenBusyUs);
  }
  peer.nudged = false;
  peer.seen = std::max(peer.seen, page->next);
  // Where the edge has come is worth knowing, not worth waiting for.
  (void)store_.Submit(
      [edge = entry.edge, after = pull.after](CentralWriter& writer) {
        return writer.SetEdgeFeedCursor(edge, after, writer.Now());
      },
      [](Status) {}, 0);
  if (telemetry != nullptr && !page->entries.empty()) {
    telemetry->Link(*page);
    telemetry->Draw("");
  }
  Send(entry.edge, *page, telemetry == nullptr ? "" : telemetry->TraceParent());
}

void GatewaySession::HandleReconcile(const EdgeEntry& entry, Peer& peer, wire::Frame frame,
                                     std::size_t bytes) {
  const auto* comparison = std::get_if<wire::Comparison>(&frame);
  const Epoch epoch = comparison != nullptr ? comparison->epoch : std::get<wire::Return>(frame).epoch;
  if (epoch != peer.epoch || peer.epoch == Epoch()) {
    return Refuse(entry.edge, ErrorCode::kStaleEpoch, "No such session", epoch, 0);
  }
  if (on_reconcile) on_reconcile(entry, std::move(frame), bytes);
}

std::optional<Epoch> GatewaySession::EpochOf(const EdgeId& edge) const {
  const auto found = peers_.find(edge);
  if (found == peers_.end() || found->second.epoch == Epoch()) return std::nullopt;
  return found->second.epoch;
}

void GatewaySession::Refuse(const EdgeId& edge, ErrorCode reason, std::string message,
                            Epoch epoch, std::int64_t retry_after_us,
                            const std::string& trace_parent) {
  ++figures_.frames_refused;
  wire::Refuse refuse;
  refuse.reason = static_cast<std::uint16_t>(reason);
  refuse.epoch = epoch;
  refuse.message = std::move(message);
  refuse.retry_after_ms = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(retry_after_us / 1000, 0, 60'000));
  Send(edge, refuse, trace_parent);
}

std::size_t GatewaySession::Send(const EdgeId& edge, const wire::Frame& frame,
                                 const std::string& trace_parent) {
  const EdgeEntry* entry = directory_.Find(edge);
  if (entry == nullptr || entry->certificates.empty()) return 0;
  const Peer& peer = peers_[edge];
  // To that whose key the edge used last: of a newer one it may have no answer yet.
  const Certificate& receiver =
      peer.certificate ? *peer.certificate : entry->certificates.front();
  Result<Bytes> sealed = wire::SealFrame(frame, IdentityFor(peer), receiver);
  if (!sealed.ok()) {
    Log(LogLevel::kError, "frame.seal_failed",
        {{"edge", edge.str()}, {"why", sealed.error().message}});
    return 0;
  }
  // A frame lost here is asked for again: the edge's receipt and pull time out.
  const std::string topic = wire::DownTopic(edge);
  const Status sent =
      trace_parent.empty()
          ? transport_.Publish(topic, *sealed, /*retained=*/false, [](Status) {})
          : transport_.PublishTraced(topic, *sealed, trace_parent, [](Status) {});
  if (!sent.ok()) {
    Log(LogLevel::kInfo, "frame.not_sent",
        {{"edge", edge.str()}, {"why", sent.error().message}});
    return 0;
  }
  return sealed->size();
}

void GatewaySession::Poll() {
  const Result<bool> changed = directory_.Refresh();
  if (!changed.ok()) {
    Log(LogLevel::kError, "registry.unreadable", {{"why", changed.error().message}});
  } else if (*changed || std::exchange(registry_changed_, false)) {
    registry_changed_ = false;
    for (auto& [edge, peer] : peers_) {
      const EdgeEntry* entry = directory_.Find(edge);
      const bool active = entry != nullptr && entry->standing == EdgeStanding::kActive;
      if (peer.epoch == Epoch() || active || EDCSYNC_DEFECT("revoked-accepted")) continue;
      peer.epoch = Epoch();
      if (entry == nullptr || entry->standing != EdgeStanding::kRevoked) continue;
      Refuse(edge, ErrorCode::kRevokedEdge, "This edge was revoked", Epoch(), 0);
    }
    if (on_registry_changed) on_registry_changed(directory_);
  }
  if (figures_.connected) NudgeAll();
  poll_timer_ = scheduler_.After(options_.poll_us, [this] { Poll(); });
}

void GatewaySession::NudgeAll() {
  figures_.sessions = 0;
  for (auto& [edge, peer] : peers_) {
    if (peer.epoch == Epoch()) continue;
    ++figures_.sessions;
    const EdgeEntry* entry = directory_.Find(edge);
    if (entry == nullptr || peer.nudged) continue;
    const Result<bool> news = feed_.HasNews(entry->site, edge, peer.incarnation, peer.seen);
    if (!news.ok() || !*news) continue;
    peer.nudged = true;
    Send(edge, wire::Nudge{peer.epoch, peer.seen});
  }
}

}  // namespace edcsync::central
