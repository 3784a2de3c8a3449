// An edge that keeps no rule but the protocol's form: it connects with a site's certificate and
// says whatever a test wants said, well or badly. For sites whose agent does not run.
//
// Threads: the test's.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "shared/transport/mqtt_transport.h"
#include "shared/wire/codec.h"
#include "tests/support/site_network.h"

namespace edcsync::testing {

class RawEdge {
 public:
  // Connects; fails the test if the broker does not take it.
  explicit RawEdge(const Site& site);
  ~RawEdge();

  // A session of a fresh incarnation; its epoch and up-topic are used from then on. Says Hello until
  // it is welcome, as edges do: the broker drops what comes before it knows the edge's rights.
  void OpenSession();
  // Sealed as an edge does; to the gateway's up-topic, or the hello topic for a Hello.
  Bytes Sealed(const wire::Frame& frame) const;
  void Send(const wire::Frame& frame);
  // Any bytes, straight to the topic, with any traceparent beside it. The broker may break the
  // connection over it.
  void PublishToGateway(const Bytes& bytes, const std::string& trace_parent = "");
  // The next frame that came down; fails the test after half a minute.
  std::optional<wire::Frame> Next();
  // The next Receipt; other frames are passed over.
  wire::Receipt NextReceipt();
  wire::Refuse NextRefuse();
  bool connected();

  Epoch epoch() const { return epoch_; }

  // A first entry of `line` as its edge `writer` would encode it.
  static Bytes Encoded(const std::string& line, const std::string& writer, std::uint8_t salt);

 private:
  template <class Kind>
  Kind NextOf();
  // The next frame; nullopt if none comes in time.
  std::optional<wire::Frame> Take(std::chrono::milliseconds wait);
  void Publish(const std::string& topic, const Bytes& bytes, const std::string& trace_parent);

  EdgeId edge_;
  SystemClock clock_;
  SystemRandom random_;
  EventLoop loop_;
  std::optional<Sealer> sealer_;
  std::optional<Certificate> gateway_;
  std::unique_ptr<Transport> transport_;
  Epoch epoch_;
  std::string up_topic_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  std::deque<Bytes> arrived_;
};

}  // namespace edcsync::testing
