// Transport over MQTT 5 (OASIS MQTT 5.0) with Paho and mutual TLS. Paho's threads end here.
// Clean start, session expiry 0: the protocol above keeps its own state, and a broker's parked
// messages would only be repeats. QoS 1. Paho's traps that shape this file are named at the
// place where they bite (connect options are built in place and outlive connect(); no exception
// leaves a callback; subscriptions are made anew at each connect).
#pragma once

#include <memory>
#include <optional>

#include "shared/base/limits.h"
#include "shared/base/scheduler.h"
#include "shared/transport/transport.h"

namespace edcsync {

// Largest MQTT packet either way: a frame, its topic and MQTT's own header. The managed broker
// is configured with it (central-gateway/admin/broker_files.h).
inline constexpr std::size_t kMqttPacketBytesMax = limits::kFrameBytesMax + 64 * 1024;

struct MqttOptions {
  std::string host;
  int port = 8883;
  std::string client_id;
  std::string ca_file;  // PEM paths; TLS 1.2 or better, server name is verified.
  std::string certificate_file;
  std::string key_file;
  int keep_alive_s = 20;
  int connect_timeout_s = 10;
  std::size_t publish_buffer_max = 256;  // Publishes not yet confirmed; beyond it: kBusy.
  std::size_t publish_buffer_bytes_max = limits::kIntakeQueueBytesMax;
  // Arrived messages that wait for the scheduler; beyond it they are dropped and logged, as the
  // broker itself does with a slow reader. Whoever waits for a receipt sends again.
  std::size_t backlog_bytes_max = limits::kIntakeQueueBytesMax;
  std::vector<std::string> subscriptions;  // Topic filters, QoS 1; "$share/..." allowed.
  struct Will {
    std::string topic;
    Bytes payload;
    bool retained = true;
  };
  std::optional<Will> will;
};

// REQUIRES: `scheduler` outlives the transport, and the transport is destroyed on the
// scheduler's thread or after it has stopped. Disconnect() and destruction give publishes under
// way a second to be acknowledged; their `confirmed` is not called any more.
std::unique_ptr<Transport> NewMqttTransport(MqttOptions options, Scheduler& scheduler);

}  // namespace edcsync
