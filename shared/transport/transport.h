// The link to the broker: at-least-once messages on topics, as events on a Scheduler. A
// transport promises little on purpose: a publish that is confirmed has reached the broker and
// proves nothing about the centre; only the gateway's receipt does (schema/wire/protocol.md).
//
//   MQTT form   shared/transport/mqtt_transport.h
//   used by     edge-agent/uplink/link.h, central-gateway/intake/broker_link.h
//
// Threads: all calls and all events on the Scheduler's thread; messages of the network thread
// are queued there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/status.h"

namespace edcsync {

struct Message {
  std::string topic;
  Bytes payload;
  // What came beside the frame, unsealed and unsigned (MQTT 5 user property "traceparent"): only
  // for drawing spans, once ParseTraceParent has judged it. Empty: none.
  std::string trace_parent = {};
};

struct TransportEvents {
  std::function<void()> connected;             // Subscribed to everything asked for.
  std::function<void(Error why)> disconnected;  // Also: an attempt to connect failed.
  std::function<void(Message)> message;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Sets who hears events. Before the first Connect().
  virtual void Listen(TransportEvents events) = 0;
  // One attempt. Ends in exactly one of `connected` or `disconnected`; a later loss is one
  // `disconnected`. No reconnection by itself: the owner decides when (backoff, breaker).
  // REQUIRES: neither connected nor connecting.
  virtual void Connect() = 0;
  // Ends the connection in order; no event follows. Idempotent.
  virtual void Disconnect() = 0;
  // Queues one message (QoS 1). `confirmed` follows when the broker has it or the connection is
  // lost. Fails with kNotConnected, or kBusy when the client's buffer is full.
  virtual Status Publish(const std::string& topic, BytesView payload, bool retained,
                         std::function<void(Status)> confirmed) = 0;
  // The same with a traceparent beside it. A transport that carries none leaves it out.
  virtual Status PublishTraced(const std::string& topic, BytesView payload,
                               const std::string& trace_parent,
                               std::function<void(Status)> confirmed) {
    (void)trace_parent;
    return Publish(topic, payload, /*retained=*/false, std::move(confirmed));
  }
};

}  // namespace edcsync
