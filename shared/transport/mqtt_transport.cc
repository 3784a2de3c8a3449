#include "shared/transport/mqtt_transport.h"

#include <unistd.h>

#include <map>
#include <utility>

#include "shared/base/check.h"
#include "shared/transport/mqtt_session.h"
#include "shared/transport/tcp_no_delay.h"

namespace edcsync {
namespace {

// An attempt is given up this long after Paho's own timeout: a broker that never answers a
// SUBSCRIBE is otherwise noticed by nobody.
constexpr std::int64_t kConnectGraceUs = 5'000'000;

class MqttTransport final : public Transport, private MqttSessionOwner {
 public:
  MqttTransport(MqttOptions options, Scheduler& scheduler)
      : options_(std::move(options)), scheduler_(scheduler), core_(std::make_shared<MqttCore>()) {
    core_->owner = this;
  }
  ~MqttTransport() override {
    Disconnect();
    core_->owner = nullptr;
  }

  void Listen(TransportEvents events) override { core_->events = std::move(events); }
  void Connect() override;
  void Disconnect() override;
  Status Publish(const std::string& topic, BytesView payload, bool retained,
                 std::function<void(Status)> confirmed) override;

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kConnected };

  // Each may end with this object destroyed by the listener.
  void HandleConnack() override;
  void HandleSubscribed() override;
  void HandlePublished(std::uint64_t id, Status status) override;
  void HandleMessage(Message message) override;
  void HandleLost(Error why) override;

  Status CheckFiles() const;
  void BecomeConnected();
  void Close();

  const MqttOptions options_;
  Scheduler& scheduler_;
  const std::shared_ptr<MqttCore> core_;
  State state_ = State::kIdle;
  std::unique_ptr<MqttSession> session_;
  std::size_t subscriptions_waiting_ = 0;
  Scheduler::TimerId deadline_ = 0;
  std::vector<Message> early_;  // Arrived before the last subscription was granted.
  std::uint64_t next_publish_ = 1;
  std::map<std::uint64_t, std::function<void(Status)>> pending_;
};

void MqttTransport::Connect() {
  CHECK(state_ == State::kIdle);
  state_ = State::kConnecting;
  const std::uint64_t generation = ++core_->generation;
  const auto fail = [core = core_, generation](const Error& why) {
    if (core->generation != generation || core->owner == nullptr) return;
    core->owner->HandleLost(why);
  };
  deadline_ = scheduler_.After(
      std::int64_t{options_.connect_timeout_s} * 1'000'000 + kConnectGraceUs, [fail] {
        fail({ErrorCode::kBroker, "the broker did not complete the connection in time"});
      });
  Status started = CheckFiles();
  if (started.ok()) {
    session_ = std::make_unique<MqttSession>(options_, scheduler_, core_);
    started = session_->Start();
  }
  if (!started.ok()) scheduler_.Post([fail, why = started.error()] { fail(why); });
}

// Paho would report an unreadable file as it does every TLS failure: not at all.
Status MqttTransport::CheckFiles() const {
  for (const std::string* file :
       {&options_.ca_file, &options_.certificate_file, &options_.key_file}) {
    if (::access(file->c_str(), R_OK) != 0) {
      return Fail(ErrorCode::kBroker, "cannot read " + *file + ", needed for the broker's TLS");
    }
  }
  return Ok();
}

void MqttTransport::HandleConnack() {
  if (state_ != State::kConnecting) return;
  SetTcpNoDelay(options_.port);
  subscriptions_waiting_ = options_.subscriptions.size();
  if (subscriptions_waiting_ == 0) {
    BecomeConnected();
    return;
  }
  for (const std::string& filter : options_.subscriptions) {
    const Status asked = session_->Subscribe(filter);
    if (!asked.ok()) {
      HandleLost(asked.error());
      return;
    }
  }
}

void MqttTransport::HandleSubscribed() {
  if (state_ != State::kConnecting || subscriptions_waiting_ == 0) return;
  if (--subscriptions_waiting_ == 0) BecomeConnected();
}

void MqttTransport::BecomeConnected() {
  state_ = State::kConnected;
  scheduler_.Cancel(std::exchange(deadline_, 0));
  // A listener may disconnect or destroy this object: from here on only `core` is sure to live.
  const auto core = core_;
  const std::uint64_t generation = core->generation;
  std::vector<Message> early = std::move(early_);
  early_.clear();
  if (core->events.connected) core->events.connected();
  for (Message& message : early) {
    if (core->generation != generation) return;
    if (core->events.message) core->events.message(std::move(message));
  }
}

void MqttTransport::HandleMessage(Message message) {
  if (state_ == State::kConnecting) {
    early_.push_back(std::move(message));
    return;
  }
  const auto core = core_;
  if (core->events.message) core->events.message(std::move(message));
}

Status MqttTransport::Publish(const std::string& topic, BytesView payload, bool retained,
                              std::function<void(Status)> confirmed) {
  if (state_ != State::kConnected) {
    return Fail(ErrorCode::kNotConnected, "there is no connection to the broker");
  }
  if (payload.size() > limits::kFrameBytesMax) {  // The broker would drop the connection.
    return Fail(ErrorCode::kTooLarge, "a message of " + std::to_string(payload.size()) +
                                          " bytes is over the limit of " +
                                          std::to_string(limits::kFrameBytesMax));
  }
  if (pending_.size() >= options_.publish_buffer_max) {
    return Fail(ErrorCode::kBusy, std::to_string(pending_.size()) +
                                      " messages wait for the broker's confirmation");
  }
  const std::uint64_t id = next_publish_++;
  pending_.emplace(id, std::move(confirmed));
  Status queued = session_->Publish(topic, payload, retained, id);
  if (!queued.ok()) pending_.erase(id);
  return queued;
}

void MqttTransport::HandlePublished(std::uint64_t id, Status status) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const std::function<void(Status)> confirmed = std::move(found->second);
  pending_.erase(found);
  if (confirmed) confirmed(std::move(status));
}

void MqttTransport::HandleLost(Error why) {
  const auto core = core_;
  auto pending = std::move(pending_);
  Close();
  const std::uint64_t generation = core->generation;
  for (auto& [id, confirmed] : pending) {
    if (!confirmed) continue;
    confirmed(Fail(ErrorCode::kNotConnected,
                   "the connection was lost before the broker confirmed the message"));
    if (core->generation != generation) return;  // The listener disconnected or destroyed us.
  }
  if (core->events.disconnected) core->events.disconnected(std::move(why));
}

void MqttTransport::Disconnect() {
  if (state_ == State::kIdle) return;
  if (state_ == State::kConnected && !pending_.empty()) session_->Drain();
  Close();
}

// Back to idle: whatever the session still posts is of an older generation. The client's
// destructor sends DISCONNECT if there is a connection.
void MqttTransport::Close() {
  ++core_->generation;
  state_ = State::kIdle;
  scheduler_.Cancel(std::exchange(deadline_, 0));
  session_.reset();
  pending_.clear();
  early_.clear();
}

}  // namespace

std::unique_ptr<Transport> NewMqttTransport(MqttOptions options, Scheduler& scheduler) {
  return std::make_unique<MqttTransport>(std::move(options), scheduler);
}

}  // namespace edcsync
