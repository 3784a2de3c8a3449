#include "shared/transport/mqtt_session.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "shared/base/log.h"

namespace edcsync {
namespace {

// Suites of TLS 1.2 only: with them nothing older can be negotiated. Paho offers no lowest
// version with OpenSSL 3; the suites of TLS 1.3 stand beside this list and stay enabled.
constexpr char kTls12Suites[] =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305";
constexpr int kAtLeastOnce = 1;
constexpr int kRefused = 0x80;  // MQTT 5, 2.4: reason codes from here on are failures.
constexpr std::size_t kReceiveMaximumDefault = 65535;  // MQTT 5, 3.2.2.3.3.
// Paho frees its global lists with its last client and lets go of its lock on the way, so that a
// client made at that moment works on freed lists. One client that never connects and is never
// destroyed keeps them for the life of the process, and spares a second's wait for its threads.
void KeepPahoAlive() {
  // `used`: a pointer that is optimised away makes this a leak to LeakSanitizer.
  [[gnu::used]] static const auto* anchor = new mqtt::async_client(
      "tcp://127.0.0.1", "edcsync-anchor", mqtt::create_options(MQTTVERSION_5), nullptr);
}

std::string ReasonText(int reason) {
  const char* name = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(reason));
  char hex[8];
  std::snprintf(hex, sizeof(hex), "0x%02x", static_cast<unsigned>(reason) & 0xffU);
  return std::string(name != nullptr ? name : "unknown reason") + " (" + hex + ")";
}

constexpr char kTraceParent[] = "traceparent";
constexpr std::size_t kTraceParentBytesMax = 64;
constexpr std::size_t kPropertiesReadMax = 8;  // Anybody with a certificate may send thousands.

std::string TraceParentOf(const mqtt::message& message) {
  const mqtt::properties& properties = message.get_properties();
  const std::size_t count = std::min(properties.count(mqtt::property::USER_PROPERTY),
                                     kPropertiesReadMax);
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = mqtt::get<mqtt::string_pair>(properties, mqtt::property::USER_PROPERTY, i);
    if (std::get<0>(pair) == kTraceParent && std::get<1>(pair).size() <= kTraceParentBytesMax) {
      return std::get<1>(pair);
    }
  }
  return "";
}

std::size_t ReceiveMaximum(const mqtt::token& connected) {
  const mqtt::properties properties = connected.get_connect_response().get_properties();
  if (!properties.contains(mqtt::property::RECEIVE_MAXIMUM)) return kReceiveMaximumDefault;
  return mqtt::get<std::uint16_t>(properties, mqtt::property::RECEIVE_MAXIMUM);
}

}  // namespace

MqttSession::MqttSession(const MqttOptions& options, Scheduler& scheduler,
                         std::shared_ptr<MqttCore> core)
    : options_(options),
      scheduler_(scheduler),
      core_(std::move(core)),
      generation_(core_->generation),
      backlog_bytes_(std::make_shared<std::atomic<std::size_t>>(0)) {}

void MqttSession::FillConnectOptions() {
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
    connect_options_.set_will(
        mqtt::will_options(options_.will->topic, options_.will->payload.data(),
                           options_.will->payload.size(), kAtLeastOnce, options_.will->retained));
  }
  mqtt::properties properties;
  properties.add({mqtt::property::SESSION_EXPIRY_INTERVAL, 0});
  properties.add(
      {mqtt::property::MAXIMUM_PACKET_SIZE, static_cast<std::int32_t>(kMqttPacketBytesMax)});
  connect_options_.set_properties(std::move(properties));
}

Status MqttSession::Start() try {
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
  client_ = std::make_unique<mqtt::async_client>(
      "ssl://" + host + ":" + std::to_string(options_.port), options_.client_id, create, nullptr);
  client_->set_message_callback(
      [this](const mqtt::const_message_ptr& message) { OnMessage(*message); });
  client_->set_connection_lost_handler([this](const std::string&) {
    PostEvent([](MqttSessionOwner& owner) {
      owner.HandleLost({ErrorCode::kBroker, "the connection to the broker was lost"});
    });
  });
  client_->set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
    PostEvent([reason](MqttSessionOwner& owner) {
      owner.HandleLost(
          {ErrorCode::kBroker, "the broker ended the connection: " + ReasonText(reason)});
    });
  });
  client_->connect(connect_options_, nullptr, *this);
  return Ok();
} catch (const std::exception& failure) {
  return Fail(ErrorCode::kBroker, ConnectAdvice() + " (" + failure.what() + ")");
}

Status MqttSession::Subscribe(const std::string& filter) try {
  client_->subscribe(filter, kAtLeastOnce, nullptr, *this);
  return Ok();
} catch (const std::exception& failure) {
  return Fail(ErrorCode::kBroker, "cannot subscribe to " + filter + ": " + failure.what());
}

Status MqttSession::Publish(const std::string& topic, BytesView payload, bool retained,
                            const std::string& trace_parent, std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    ++unsettled_;
  }
  try {
    void* const context = reinterpret_cast<void*>(static_cast<std::uintptr_t>(id));
    if (trace_parent.empty()) {
      client_->publish(topic, payload.data(), payload.size(), kAtLeastOnce, retained, context,
                       *this);
      return Ok();
    }
    mqtt::properties properties;
    properties.add({mqtt::property::USER_PROPERTY, kTraceParent, trace_parent});
    const auto message = mqtt::make_message(topic, payload.data(), payload.size(), kAtLeastOnce,
                                            retained);
    message->set_properties(properties);
    client_->publish(message, context, *this);
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

void MqttSession::Settle() {
  const std::lock_guard lock(mutex_);
  --unsettled_;
  settled_.notify_all();
}

bool MqttSession::AwaitUnsettled(std::size_t count, std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return settled_.wait_until(lock, until, [&] { return unsettled_ <= count; });
}

void MqttSession::on_success(const mqtt::token& token) {
  switch (token.get_type()) {
    case mqtt::token::Type::CONNECT: {
      const std::size_t receive_maximum = ReceiveMaximum(token);
      PostEvent(
          [receive_maximum](MqttSessionOwner& owner) { owner.HandleConnack(receive_maximum); });
      return;
    }
    case mqtt::token::Type::SUBSCRIBE:
      PostEvent([](MqttSessionOwner& owner) { owner.HandleSubscribed(); });
      return;
    case mqtt::token::Type::PUBLISH: {
      Settle();
      const auto id = reinterpret_cast<std::uintptr_t>(token.get_user_context());
      PostEvent([id](MqttSessionOwner& owner) { owner.HandlePublished(id, Ok()); });
      return;
    }
    default:
      return;
  }
}

void MqttSession::on_failure(const mqtt::token& token) {
  if (token.get_type() == mqtt::token::Type::PUBLISH) {
    Settle();
    const auto id = reinterpret_cast<std::uintptr_t>(token.get_user_context());
    PostEvent([id, why = Refusal(token)](MqttSessionOwner& owner) {
      owner.HandlePublished(id, tl::unexpected<Error>(why));
    });
    return;
  }
  PostEvent([why = Refusal(token)](MqttSessionOwner& owner) { owner.HandleLost(why); });
}

// Paho reports every failure below MQTT (no route, TLS, a certificate refused) as -1.
Error MqttSession::Refusal(const mqtt::token& token) const {
  // A refusal in the CONNACK comes as return code, one in a PUBACK or SUBACK as reason code.
  const int reason = std::max(static_cast<int>(token.get_reason_code()), token.get_return_code());
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

std::string MqttSession::ConnectAdvice() const {
  const std::string address = options_.host + ":" + std::to_string(options_.port);
  return "no connection to the broker at " + address +
         ": either nothing answers there, or the "
         "TLS handshake failed; check the address, that " +
         options_.ca_file + " is the authority of a broker certificate that names " +
         options_.host + ", that " + options_.certificate_file + " belongs to " +
         options_.key_file + ", is in date and not revoked, and see the broker's log";
}

void MqttSession::OnMessage(const mqtt::message& arrived) {
  const auto& payload = arrived.get_payload_ref();
  const std::size_t size_bytes = payload.size();
  // The scheduler is behind by more than may be held. Dropping is safe: whoever waits for a
  // receipt sends again. Waiting here would hold Paho's lock and so stop the scheduler too.
  if (backlog_bytes_->load() + size_bytes > options_.backlog_bytes_max) {
    Log(LogLevel::kWarn, "transport.message_dropped", {{"size_bytes", size_bytes}});
    return;
  }
  backlog_bytes_->fetch_add(size_bytes);
  Message message{arrived.get_topic(), {}, TraceParentOf(arrived)};
  const auto* first = reinterpret_cast<const std::uint8_t*>(payload.data());
  message.payload.assign(first, first + size_bytes);
  scheduler_.Post([core = core_, generation = generation_, backlog = backlog_bytes_, size_bytes,
                   message = std::move(message)]() mutable {
    backlog->fetch_sub(size_bytes);
    if (core->generation != generation || core->owner == nullptr) return;
    core->owner->HandleMessage(std::move(message));
  });
}

void MqttSession::PostEvent(Handler handler) {
  scheduler_.Post([core = core_, generation = generation_, handler = std::move(handler)] {
    if (core->generation != generation || core->owner == nullptr) return;
    handler(*core->owner);
  });
}

}  // namespace edcsync
