#include "shared/transport/mqtt_transport.h"

#include <mqtt/async_client.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <utility>

#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/transport/tcp_no_delay.h"

namespace edcsync {
namespace {

// Suites of TLS 1.2 only: with them nothing older can be negotiated. Paho offers no lowest
// version with OpenSSL 3; the suites of TLS 1.3 stand beside this list and stay enabled.
constexpr char kTls12Suites[] =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305";
constexpr int kAtLeastOnce = 1;
constexpr int kRefused = 0x80;  // MQTT 5, 2.4: reason codes from here on are failures.
// Publishes under way get this long to be acknowledged before an orderly disconnect.
constexpr std::chrono::milliseconds kDrainMax{1000};
// An attempt is given up this long after Paho's own timeout: a broker that never answers a
// SUBSCRIBE is otherwise noticed by nobody.
constexpr std::int64_t kConnectGraceUs = 5'000'000;

// Paho frees its global lists with its last client and lets go of its lock on the way, so that a
// client made at that moment works on freed lists. One client that never connects and is never
// destroyed keeps them for the life of the process, and spares a second's wait for its threads.
void KeepPahoAlive() {
  static const auto* anchor = new mqtt::async_client(
      "tcp://127.0.0.1", "edcsync-anchor", mqtt::create_options(MQTTVERSION_5), nullptr);
  static_cast<void>(anchor);
}

std::string ReasonText(int reason) {
  const char* name = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(reason));
  char hex[8];
  std::snprintf(hex, sizeof(hex), "0x%02x", static_cast<unsigned>(reason) & 0xffU);
  return std::string(name != nullptr ? name : "unknown reason") + " (" + hex + ")";
}

class MqttTransport;

// What outlives the transport for as long as posted handlers do. Scheduler's thread only.
struct Core {
  std::uint64_t generation = 0;      // Rises with every attempt, loss and disconnect.
  MqttTransport* transport = nullptr;  // nullptr once destroyed.
  TransportEvents events;
};

// One attempt to connect and the connection it becomes. Its callbacks run on Paho's threads under
// Paho's one lock, which the client's destructor takes too: none runs after destruction. They only
// post, so nothing here waits for the scheduler.
class Session final : public virtual mqtt::iaction_listener {
 public:
  Session(const MqttOptions& options, Scheduler& scheduler, std::shared_ptr<Core> core);

  Status Start();
  Status Subscribe(const std::string& filter);
  Status Publish(const std::string& topic, BytesView payload, bool retained, std::uint64_t id);
  // Waits until every publish is acknowledged, kDrainMax at most.
  void Drain();

 private:
  using Handler = std::function<void(MqttTransport&)>;

  void on_success(const mqtt::token& token) override;
  void on_failure(const mqtt::token& token) override;
  void OnMessage(const mqtt::message& message);
  void Settle();
  void FillConnectOptions();
  std::string ConnectAdvice() const;
  Error Refusal(const mqtt::token& token) const;
  void PostEvent(Handler handler);

  const MqttOptions& options_;
  Scheduler& scheduler_;
  const std::shared_ptr<Core> core_;
  const std::uint64_t generation_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::size_t unsettled_ = 0;
  // Shared with posted messages, which may outlive the session.
  const std::shared_ptr<std::atomic<std::size_t>> backlog_bytes_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  // Paho's copies point into this object's properties: it must outlive the client.
  mqtt::connect_options connect_options_;
  std::unique_ptr<mqtt::async_client> client_;  // Destroyed first.
};

class MqttTransport final : public Transport {
 public:
  MqttTransport(MqttOptions options, Scheduler& scheduler)
      : options_(std::move(options)), scheduler_(scheduler), core_(std::make_shared<Core>()) {
    core_->transport = this;
  }
  ~MqttTransport() override {
    Disconnect();
    core_->transport = nullptr;
  }

  void Listen(TransportEvents events) override { core_->events = std::move(events); }
  void Connect() override;
  void Disconnect() override;
  Status Publish(const std::string& topic, BytesView payload, bool retained,
                 std::function<void(Status)> confirmed) override;

  // What a session tells; each may end with this object destroyed by the listener.
  void HandleConnack();
  void HandleSubscribed();
  void HandlePublished(std::uint64_t id, Status status);
  void HandleMessage(Message message);
  void HandleLost(Error why);

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kConnected };

  Status CheckFiles() const;
  void BecomeConnected();
  void Close();

  const MqttOptions options_;
  Scheduler& scheduler_;
  const std::shared_ptr<Core> core_;
  State state_ = State::kIdle;
  std::unique_ptr<Session> session_;
  std::size_t subscriptions_waiting_ = 0;
  Scheduler::TimerId deadline_ = 0;
  std::vector<Message> early_;  // Arrived before the last subscription was granted.
  std::uint64_t next_publish_ = 1;
  std::map<std::uint64_t, std::function<void(Status)>> pending_;
};

// --- Session -----------------------------------------------------------------------------------

Session::Session(const MqttOptions& options, Scheduler& scheduler, std::shared_ptr<Core> core)
    : options_(options),
      scheduler_(scheduler),
      core_(std::move(core)),
      generation_(core_->generation) {}

void Session::FillConnectOptions() {
  mqtt::ssl_options tls;
  tls.set_trust_store(options_.ca_file);
  tls.set_key_store(options_.certificate_file);
  tls.set_private_key(options_.key_file);
  tls.set_enabled_cipher_suites(kTls12Suites);
  tls.set_enable_server_cert_auth(true);
  tls.set_verify(true);  // The certificate must name the host.

  connect_options_.set_mqtt_version(MQTTVERSION_5);
  connect_options_.set_clean_start(true);
  connect_options_.set_automatic_reconnect(false);
  connect_options_.set_keep_alive_interval(options_.keep_alive_s);
  connect_options_.set_connect_timeout(options_.connect_timeout_s);
  connect_options_.set_ssl(tls);
  if (options_.will.has_value()) {
    connect_options_.set_will(mqtt::will_options(
        options_.will->topic, options_.will->payload.data(), options_.will->payload.size(),
        kAtLeastOnce, options_.will->retained));
  }
  mqtt::properties properties;
  properties.add({mqtt::property::SESSION_EXPIRY_INTERVAL, 0});
  properties.add({mqtt::property::MAXIMUM_PACKET_SIZE,
                  static_cast<std::int32_t>(kMqttPacketBytesMax)});
  connect_options_.set_properties(std::move(properties));
}

Status Session::Start() try {
  KeepPahoAlive();
  FillConnectOptions();
  mqtt::create_options create(MQTTVERSION_5);
  create.set_send_while_disconnected(false);
  create.set_delete_oldest_messages(false);
  create.set_restore_messages(false);
  // The transport's own bound is met first, and says so with kBusy.
  create.set_max_buffered_messages(static_cast<int>(options_.publish_buffer_max) + 1);
  const bool is_ipv6 = options_.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + options_.host + "]" : options_.host;
  client_ = std::make_unique<mqtt::async_client>("ssl://" + host + ":" +
                                                     std::to_string(options_.port),
                                                 options_.client_id, create, nullptr);
  client_->set_message_callback(
      [this](const mqtt::const_message_ptr& message) { OnMessage(*message); });
  client_->set_connection_lost_handler([this](const std::string&) {
    PostEvent([](MqttTransport& transport) {
      transport.HandleLost({ErrorCode::kBroker, "the connection to the broker was lost"});
    });
  });
  client_->set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
    PostEvent([reason](MqttTransport& transport) {
      transport.HandleLost(
          {ErrorCode::kBroker, "the broker ended the connection: " + ReasonText(reason)});
    });
  });
  client_->connect(connect_options_, nullptr, *this);
  return Ok();
} catch (const std::exception& failure) {
  return Fail(ErrorCode::kBroker, ConnectAdvice() + " (" + failure.what() + ")");
}

Status Session::Subscribe(const std::string& filter) try {
  client_->subscribe(filter, kAtLeastOnce, nullptr, *this);
  return Ok();
} catch (const std::exception& failure) {
  return Fail(ErrorCode::kBroker, "cannot subscribe to " + filter + ": " + failure.what());
}

Status Session::Publish(const std::string& topic, BytesView payload, bool retained,
                        std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    ++unsettled_;
  }
  try {
    client_->publish(topic, payload.data(), payload.size(), kAtLeastOnce, retained,
                     reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)), *this);
    return Ok();
  } catch (const mqtt::exception& failure) {
    Settle();
    if (failure.get_return_code() == MQTTASYNC_MAX_BUFFERED_MESSAGES) {
      return Fail(ErrorCode::kBusy, "too many messages wait for the broker");
    }
    if (failure.get_return_code() == MQTTASYNC_DISCONNECTED) {
      return Fail(ErrorCode::kNotConnected, "the connection to the broker is down");
    }
    return Fail(ErrorCode::kBroker, "cannot publish to " + topic + ": " + failure.what());
  } catch (const std::exception& failure) {
    Settle();
    return Fail(ErrorCode::kBroker, "cannot publish to " + topic + ": " + failure.what());
  }
}

void Session::Settle() {
  const std::lock_guard lock(mutex_);
  --unsettled_;
  if (unsettled_ == 0) settled_.notify_all();
}

void Session::Drain() {
  std::unique_lock lock(mutex_);
  settled_.wait_for(lock, kDrainMax, [this] { return unsettled_ == 0; });
}

void Session::on_success(const mqtt::token& token) {
  switch (token.get_type()) {
    case mqtt::token::Type::CONNECT:
      PostEvent([](MqttTransport& transport) { transport.HandleConnack(); });
      return;
    case mqtt::token::Type::SUBSCRIBE:
      PostEvent([](MqttTransport& transport) { transport.HandleSubscribed(); });
      return;
    case mqtt::token::Type::PUBLISH: {
      Settle();
      const auto id = reinterpret_cast<std::uintptr_t>(token.get_user_context());
      PostEvent([id](MqttTransport& transport) { transport.HandlePublished(id, Ok()); });
      return;
    }
    default:
      return;
  }
}

void Session::on_failure(const mqtt::token& token) {
  if (token.get_type() == mqtt::token::Type::PUBLISH) {
    Settle();
    const auto id = reinterpret_cast<std::uintptr_t>(token.get_user_context());
    PostEvent([id, why = Refusal(token)](MqttTransport& transport) {
      transport.HandlePublished(id, tl::unexpected<Error>(why));
    });
    return;
  }
  PostEvent([why = Refusal(token)](MqttTransport& transport) { transport.HandleLost(why); });
}

// Paho reports every failure below MQTT (no route, TLS, a certificate refused) as -1.
Error Session::Refusal(const mqtt::token& token) const {
  // A refusal in the CONNACK comes as return code, one in a PUBACK or SUBACK as reason code.
  const int reason =
      std::max(static_cast<int>(token.get_reason_code()), token.get_return_code());
  const bool has_reason = reason >= kRefused && reason != mqtt::MQTTPP_V3_CODE;
  const auto topics = token.get_topics();
  const std::string topic =
      topics != nullptr && topics->size() > 0 ? (*topics)[0] : std::string("its topic");
  switch (token.get_type()) {
    case mqtt::token::Type::PUBLISH:
      if (!has_reason) {
        return {ErrorCode::kNotConnected,
                "the connection was lost before the broker confirmed the message"};
      }
      return {ErrorCode::kBroker, "the broker refused the message to " + topic + ": " +
                                      ReasonText(reason) + "; check its access control list"};
    case mqtt::token::Type::SUBSCRIBE:
      return {ErrorCode::kBroker, "the broker refused the subscription to " + topic +
                                      (has_reason ? ": " + ReasonText(reason) : std::string())};
    default:
      if (!has_reason) return {ErrorCode::kBroker, ConnectAdvice()};
      return {ErrorCode::kBroker, "the broker at " + options_.host + ":" +
                                      std::to_string(options_.port) +
                                      " refused the connection: " + ReasonText(reason)};
  }
}

std::string Session::ConnectAdvice() const {
  const std::string address = options_.host + ":" + std::to_string(options_.port);
  return "no connection to the broker at " + address + ": either nothing answers there, or the "
         "TLS handshake failed; check the address, that " + options_.ca_file +
         " is the authority of a broker certificate that names " + options_.host + ", that " +
         options_.certificate_file + " belongs to " + options_.key_file +
         ", is in date and not revoked, and see the broker's log";
}

void Session::OnMessage(const mqtt::message& arrived) {
  const auto& payload = arrived.get_payload_ref();
  const std::size_t size_bytes = payload.size();
  // The scheduler is behind by more than may be held. Dropping is safe: whoever waits for a
  // receipt sends again. Waiting here would hold Paho's lock and so stop the scheduler too.
  if (backlog_bytes_->load() + size_bytes > options_.backlog_bytes_max) {
    Log(LogLevel::kWarn, "transport.message_dropped", {{"size_bytes", size_bytes}});
    return;
  }
  backlog_bytes_->fetch_add(size_bytes);
  Message message{arrived.get_topic(), {}};
  const auto* first = reinterpret_cast<const std::uint8_t*>(payload.data());
  message.payload.assign(first, first + size_bytes);
  scheduler_.Post([core = core_, generation = generation_, backlog = backlog_bytes_, size_bytes,
                   message = std::move(message)]() mutable {
    backlog->fetch_sub(size_bytes);
    if (core->generation != generation || core->transport == nullptr) return;
    core->transport->HandleMessage(std::move(message));
  });
}

void Session::PostEvent(Handler handler) {
  scheduler_.Post([core = core_, generation = generation_, handler = std::move(handler)] {
    if (core->generation != generation || core->transport == nullptr) return;
    handler(*core->transport);
  });
}

// --- MqttTransport -----------------------------------------------------------------------------

void MqttTransport::Connect() {
  CHECK(state_ == State::kIdle);
  state_ = State::kConnecting;
  const std::uint64_t generation = ++core_->generation;
  const auto fail = [core = core_, generation](const Error& why) {
    if (core->generation != generation || core->transport == nullptr) return;
    core->transport->HandleLost(why);
  };
  deadline_ = scheduler_.After(
      std::int64_t{options_.connect_timeout_s} * 1'000'000 + kConnectGraceUs, [fail] {
        fail({ErrorCode::kBroker, "the broker did not complete the connection in time"});
      });
  Status started = CheckFiles();
  if (started.ok()) {
    session_ = std::make_unique<Session>(options_, scheduler_, core_);
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
