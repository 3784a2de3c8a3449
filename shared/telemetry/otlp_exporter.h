// Sends spans to an OpenTelemetry collector: OTLP over HTTP, JSON encoding, POST ENDPOINT/v1/traces
// (opentelemetry.io/docs/specs/otlp). No package of Debian 12 does that, so it is done here, small.
//
// Tracing never holds up data: a span is queued or, if the queue is full, dropped and counted. A
// collector that is away is tried again with a growing wait; a batch refused for good is dropped.
//
// Threads: Take() by any; one of its own sends.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "shared/base/status.h"
#include "shared/telemetry/otlp_json.h"

namespace edcsync {

class OtlpExporter final : public SpanSink {
 public:
  struct Options {
    std::string endpoint;  // "http://127.0.0.1:4318" or "https://collector.example.org:4318".
    std::string ca_file;   // PEM; empty: the authorities the machine trusts.
    TelemetryResource resource;
    std::size_t queue_count_max = 8192;
    std::size_t batch_count_max = 512;
    int gather_ms = 500;          // What comes in this time goes in one request.
    int retry_ms_base = 1000;     // Doubled with each failure.
    int retry_ms_max = 30'000;
    int attempt_count_max = 6;    // Of one batch.
  };

  explicit OtlpExporter(Options options);
  ~OtlpExporter() override { Stop(); }

  void Start();
  // Tries once more to send what waits, for two seconds at most. Idempotent.
  void Stop();

  void Take(Span span) override;

  struct Figures {
    std::uint64_t sent = 0, dropped = 0;       // Spans.
    std::uint64_t requests = 0, failures = 0;  // Requests that succeeded, that failed.
    std::size_t waiting = 0;
  };
  Figures figures() const;

 private:
  enum class Sent { kDone, kLater, kNever };
  void Run();
  Sent Send(const std::vector<Span>& batch, int deadline_s);
  void SendBatch(std::vector<Span> batch);
  void Flush();
  void Tell(const std::string& why);
  std::vector<Span> TakeBatch();           // REQUIRES: mutex_ is held.
  bool WaitUnlessStopping(int wait_ms);    // False once Stop() was called.

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Span> queue_;
  Figures figures_;
  bool told_ = false;  // Until it succeeds, that it does not is told once. The sender's only.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace edcsync
