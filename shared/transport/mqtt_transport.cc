#include "shared/transport/mqtt_transport.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
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

// Messages given to Paho at once. Beyond the broker's receive maximum (Mosquitto's is 20) Paho
// looks for room once a second only, and what it has not sent when the connection is lost it never
// frees: the rest waits here.
constexpr std::size_t kWindowMax = 16;
// Publishes not yet confirmed get this long before an orderly disconnect.
constexpr std::chrono::milliseconds kDrainMax{1000};

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
                 std::function<void(Status)> confirmed) override {
    return Queue({0, {topic, {}}, retained}, payload, std::move(confirmed));
  }
  Status PublishTraced(const std::string& topic, BytesView payload,
                       const std::string& trace_parent,
                       std::function<void(Status)> confirmed) override {
    return Queue({0, {topic, {}, trace_parent}, false}, payload, std::move(confirmed));
  }

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kConnected };

  // Each may end with this object destroyed by the listener.
  void HandleConnack(std::size_t receive_maximum) override;
  void HandleSubscribed() override;
  void HandlePublished(std::uint64_t id, Status status) override;
  void HandleMessage(Message message) override;
  void HandleLost(Error why) override;

  struct Pending {
    std::size_t size_bytes;
    std::function<void(Status)> confirmed;
  };
  struct Waiting {
    std::uint64_t id;
    Message message;
    bool retained;
  };

  // `waiting` without its payload, which is copied only if it has to wait.
  Status Queue(Waiting waiting, BytesView payload, std::function<void(Status)> confirmed);
  Status CheckFiles() const;
  void BecomeConnected();
  void SendWaiting();
  void Drain();
  void Close();

  const MqttOptions options_;
  Scheduler& scheduler_;
  const std::shared_ptr<MqttCore> core_;
  State state_ = State::kIdle;
  std::unique_ptr<MqttSession> session_;
  std::size_t subscriptions_waiting_ = 0;
  Scheduler::TimerId deadline_ = 0;
  std::vector<Message> early_;  // Arrived before the last subscription was granted.
  std::size_t early_bytes_ = 0;
  std::uint64_t next_publish_ = 1;
  std::map<std::uint64_t, Pending> pending_;  // Not confirmed: in flight, or in waiting_.
  std::size_t pending_bytes_ = 0;
  std::deque<Waiting> waiting_;  // Not yet given to Paho, oldest first.
  std::size_t window_ = 1;
  std::size_t in_flight_ = 0;
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

void MqttTransport::HandleConnack(std::size_t receive_maximum) {
  if (state_ != State::kConnecting) return;
  SetTcpNoDelay(options_.port);
  window_ = std::clamp<std::size_t>(receive_maximum, 1, kWindowMax);
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
  early_bytes_ = 0;
  if (core->events.connected) core->events.connected();
  for (Message& message : early) {
    if (core->generation != generation) return;
    if (core->events.message) core->events.message(std::move(message));
  }
}

void MqttTransport::HandleMessage(Message message) {
  if (state_ == State::kConnecting) {
    if (early_bytes_ + message.payload.size() > options_.backlog_bytes_max) return;
    early_bytes_ += message.payload.size();
    early_.push_back(std::move(message));
    return;
  }
  const auto core = core_;
  if (core->events.message) core->events.message(std::move(message));
}

Status MqttTransport::Queue(Waiting waiting, BytesView payload,
                            std::function<void(Status)> confirmed) {
  if (state_ != State::kConnected) {
    return Fail(ErrorCode::kNotConnected, "there is no connection to the broker");
  }
  if (payload.size() > limits::kFrameBytesMax) {  // The broker would drop the connection.
    return Fail(ErrorCode::kTooLarge, "a message of " + std::to_string(payload.size()) +
                                          " bytes is over the limit of " +
                                          std::to_string(limits::kFrameBytesMax));
  }
  if (pending_.size() >= options_.publish_buffer_max ||
      pending_bytes_ + payload.size() > options_.publish_buffer_bytes_max) {
    return Fail(ErrorCode::kBusy,
                std::to_string(pending_.size()) + " messages wait for the broker's confirmation");
  }
  const std::uint64_t id = next_publish_++;
  if (in_flight_ < window_) {
    EDCSYNC_TRY(session_->Publish(waiting.message.topic, payload, waiting.retained,
                                  waiting.message.trace_parent, id));
    ++in_flight_;
  } else {
    waiting.id = id;
    waiting.message.payload.assign(payload.begin(), payload.end());
    waiting_.push_back(std::move(waiting));
  }
  pending_.emplace(id, Pending{payload.size(), std::move(confirmed)});
  pending_bytes_ += payload.size();
  return Ok();
}

void MqttTransport::SendWaiting() {
  while (!waiting_.empty() && in_flight_ < window_) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
    const Status sent = session_->Publish(next.message.topic, next.message.payload, next.retained,
                                          next.message.trace_parent, next.id);
    if (sent.ok()) continue;
    scheduler_.Post([core = core_, generation = core_->generation, id = next.id, sent] {
      if (core->generation != generation || core->owner == nullptr) return;
      core->owner->HandlePublished(id, sent);
    });
  }
}

void MqttTransport::HandlePublished(std::uint64_t id, Status status) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const Pending settled = std::move(found->second);
  pending_.erase(found);
  pending_bytes_ -= settled.size_bytes;
  --in_flight_;
  SendWaiting();
  if (settled.confirmed) settled.confirmed(std::move(status));
}

void MqttTransport::HandleLost(Error why) {
  const auto core = core_;
  auto pending = std::move(pending_);
  Close();
  const std::uint64_t generation = core->generation;
  for (auto& [id, unsettled] : pending) {
    if (!unsettled.confirmed) continue;
    unsettled.confirmed(Fail(ErrorCode::kNotConnected,
                             "the connection was lost before the broker confirmed the message"));
    if (core->generation != generation) return;  // The listener disconnected or destroyed us.
  }
  if (core->events.disconnected) core->events.disconnected(std::move(why));
}

// Also when idle: where HandleLost tells a listener of a publish that was lost, `disconnected` is
// still to come, and is not to follow this.
void MqttTransport::Disconnect() {
  if (state_ == State::kConnected) Drain();
  Close();
}

// Paho's threads settle what is in flight meanwhile; their posts come too late to be heard.
void MqttTransport::Drain() {
  const auto until = std::chrono::steady_clock::now() + kDrainMax;
  while (!waiting_.empty()) {
    if (!session_->AwaitUnsettled(window_ - 1, until)) return;
    in_flight_ = window_ - 1;
    SendWaiting();
  }
  session_->AwaitUnsettled(0, until);
}

// Back to idle: whatever the session still posts is of an older generation. The client's
// destructor sends DISCONNECT if there is a connection.
void MqttTransport::Close() {
  ++core_->generation;
  state_ = State::kIdle;
  scheduler_.Cancel(std::exchange(deadline_, 0));
  session_.reset();
  pending_.clear();
  pending_bytes_ = 0;
  waiting_.clear();
  in_flight_ = 0;
  early_.clear();
  early_bytes_ = 0;
}

}  // namespace

std::unique_ptr<Transport> NewMqttTransport(MqttOptions options, Scheduler& scheduler) {
  return std::make_unique<MqttTransport>(std::move(options), scheduler);
}

}  // namespace edcsync
