#include "central-gateway/app/reconcile_start.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kHourMs = 3600 * 1000;

}  // namespace

ReconcileService::ReconcileService(const Config& config, CentralStore& store,
                                   GatewaySession& session, EventLoop& loop, const Clock& clock,
                                   Sealer identity)
    : loop_(loop),
      session_(session),
      worker_(clock),
      reconciler_(
          [&] {
            ReconcilerOptions options;
            options.every_ms = config.reconcile_every_hours * kHourMs;
            return options;
          }(),
          store, worker_, clock,
          ReconcileIdentity{config.gateway.str(), std::move(identity)},
          Reconciler::Sessions{
              [this](const EdgeId& edge) {
                std::optional<Epoch> epoch;
                loop_.PostAndWait([&] { epoch = session_.EpochOf(edge); });
                return epoch;
              },
              [this](const EdgeId& edge, wire::Frame frame) {
                loop_.Post([this, edge, frame = std::move(frame)] {
                  const std::size_t bytes = session_.Send(edge, frame);
                  worker_.Post([this, edge, bytes] { reconciler_.Sent(edge, bytes); });
                });
              }}),
      inbox_(loop, worker_, [this](const AnswerInbox::Answer& answer) {
        reconciler_.OnFrame(answer.edge, answer.frame, answer.certificates_pem, answer.bytes);
      }) {
  session_.on_reconcile = [this](const EdgeEntry& entry, wire::Frame frame, std::size_t bytes) {
    if (inbox_.Waits(entry.edge)) return;
    std::vector<std::string> certificates;
    for (const Certificate& one : entry.certificates) certificates.push_back(one.ToPem());
    inbox_.Add({entry.edge, std::move(frame), std::move(certificates), bytes});
  };
}

void ReconcileService::Start() {
  worker_.Start();
  worker_.Post([this] { reconciler_.Start(); });
}

void ReconcileService::SetIdentity(Sealer identity) {
  worker_.Post([this, identity = std::move(identity)] { reconciler_.SetIdentity(identity); });
}

ReconcileService::~ReconcileService() {
  // First the way in, so that nothing comes to a worker that has gone.
  loop_.PostAndWait([this] { session_.on_reconcile = nullptr; });
  worker_.PostAndWait([this] { reconciler_.Stop(); });
  worker_.Stop();
  loop_.PostAndWait([] {});  // What was to be sent has been.
}

}  // namespace edcsync::central
