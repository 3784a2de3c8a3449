// One attempt to connect with Paho and the connection it becomes: the MQTT transport's half that
// Paho's threads may touch.
//
//   owned by   shared/transport/mqtt_transport.cc
//
// Its callbacks run on Paho's threads under Paho's one lock, which the client's destructor takes
// too: none runs after destruction. They only post, so none waits for the scheduler, and what they
// posted is dropped there once its generation has passed.
#pragma once

#include <mqtt/async_client.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "shared/base/scheduler.h"
#include "shared/transport/mqtt_transport.h"

namespace edcsync {

// Whom a session tells, on the scheduler's thread. Each call may destroy the session.
class MqttSessionOwner {
 public:
  // `receive_maximum`: how many unacknowledged messages the broker takes (MQTT 5, 3.2.2.3.3).
  virtual void HandleConnack(std::size_t receive_maximum) = 0;
  virtual void HandleSubscribed() = 0;
  virtual void HandlePublished(std::uint64_t id, Status status) = 0;
  virtual void HandleMessage(Message message) = 0;
  virtual void HandleLost(Error why) = 0;

 protected:
  ~MqttSessionOwner() = default;
};

// What outlives the transport for as long as posted handlers do. Scheduler's thread only.
struct MqttCore {
  std::uint64_t generation = 0;       // Rises with every attempt, loss and disconnect.
  MqttSessionOwner* owner = nullptr;  // nullptr once destroyed.
  TransportEvents events;
};

class MqttSession final : public virtual mqtt::iaction_listener {
 public:
  // `options` and `scheduler` must outlive the session.
  MqttSession(const MqttOptions& options, Scheduler& scheduler, std::shared_ptr<MqttCore> core);

  // Begins to connect; ends in HandleConnack or HandleLost. Fails with kBroker.
  Status Start();
  // Ends in HandleSubscribed or HandleLost. Fails with kBroker.
  Status Subscribe(const std::string& filter);
  // Ends in HandlePublished(id). Fails with kBusy, kNotConnected or kBroker.
  // `trace_parent` goes as a user property beside it; empty: none does.
  Status Publish(const std::string& topic, BytesView payload, bool retained,
                 const std::string& trace_parent, std::uint64_t id);
  // Waits until at most `count` publishes are unsettled; false if that takes beyond `until`.
  bool AwaitUnsettled(std::size_t count, std::chrono::steady_clock::time_point until);

 private:
  using Handler = std::function<void(MqttSessionOwner&)>;

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
  const std::shared_ptr<MqttCore> core_;
  const std::uint64_t generation_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::size_t unsettled_ = 0;
  // Shared with posted messages, which may outlive the session.
  const std::shared_ptr<std::atomic<std::size_t>> backlog_bytes_;
  // Paho's copies point into this object's properties: it must outlive the client.
  mqtt::connect_options connect_options_;
  std::unique_ptr<mqtt::async_client> client_;  // Destroyed first.
};

}  // namespace edcsync
