#include "shared/telemetry/otlp_exporter.h"

#include <algorithm>
#include <chrono>

#include "shared/base/log.h"
#include "shared/http/http_client.h"

namespace edcsync {
namespace {

constexpr int kSendDeadlineS = 10;
constexpr int kLastDeadlineS = 2;
constexpr char kPath[] = "/v1/traces";

// OTLP/HTTP, "Failures": these may succeed later, no other does.
bool IsRetryable(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

OtlpExporter::OtlpExporter(Options options) : options_(std::move(options)) {}

void OtlpExporter::Start() {
  thread_ = std::thread([this] { Run(); });
}

void OtlpExporter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  Flush();
}

void OtlpExporter::Take(Span span) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || queue_.size() >= options_.queue_count_max) {
    ++figures_.dropped;
    return;
  }
  queue_.push_back(std::move(span));
  if (queue_.size() == 1) wake_.notify_all();
}

OtlpExporter::Figures OtlpExporter::figures() const {
  const std::lock_guard lock(mutex_);
  Figures figures = figures_;
  figures.waiting = queue_.size();
  return figures;
}

std::vector<Span> OtlpExporter::TakeBatch() {
  const std::size_t count = std::min(queue_.size(), options_.batch_count_max);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return batch;
}

bool OtlpExporter::WaitUnlessStopping(int wait_ms) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return stopping_; });
}

void OtlpExporter::Run() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
    }
    if (!WaitUnlessStopping(options_.gather_ms)) return;
    std::vector<Span> batch;
    {
      const std::lock_guard lock(mutex_);
      batch = TakeBatch();
    }
    SendBatch(std::move(batch));
  }
}

void OtlpExporter::SendBatch(std::vector<Span> batch) {
  int wait_ms = options_.retry_ms_base;
  for (int attempt = 1; attempt <= options_.attempt_count_max; ++attempt) {
    const Sent sent = Send(batch, kSendDeadlineS);
    {
      const std::lock_guard lock(mutex_);
      ++(sent == Sent::kDone ? figures_.requests : figures_.failures);
      if (sent == Sent::kDone) {
        figures_.sent += batch.size();
        return;
      }
    }
    if (sent == Sent::kNever || !WaitUnlessStopping(wait_ms)) break;
    wait_ms = std::min(wait_ms * 2, options_.retry_ms_max);
  }
  const std::lock_guard lock(mutex_);
  figures_.dropped += batch.size();
}

OtlpExporter::Sent OtlpExporter::Send(const std::vector<Span>& batch, int deadline_s) {
  HttpClientOptions options;
  options.base_url = options_.endpoint;
  options.ca_file = options_.ca_file;
  options.timeout_s = deadline_s;
  options.deadline_s = deadline_s;
  HttpClient client(options);
  const Result<HttpResponse> response =
      client.Post(kPath, EncodeSpans(options_.resource, batch), "application/json");
  if (response.ok() && response->status / 100 == 2) {
    told_ = false;
    return Sent::kDone;
  }
  Tell(response.ok() ? "it answered " + std::to_string(response->status)
                     : response.error().message);
  return !response.ok() || IsRetryable(response->status) ? Sent::kLater : Sent::kNever;
}

void OtlpExporter::Tell(const std::string& why) {
  if (std::exchange(told_, true)) return;
  Log(LogLevel::kWarn, "telemetry.not_exported", {{"endpoint", options_.endpoint}, {"why", why}});
}

void OtlpExporter::Flush() {
  while (true) {
    std::vector<Span> batch;
    {
      const std::lock_guard lock(mutex_);
      batch = TakeBatch();
    }
    if (batch.empty()) return;
    const bool sent = Send(batch, kLastDeadlineS) == Sent::kDone;
    const std::lock_guard lock(mutex_);
    (sent ? figures_.sent : figures_.dropped) += batch.size();
    if (sent) continue;
    figures_.dropped += queue_.size();
    queue_.clear();
  }
}

}  // namespace edcsync
