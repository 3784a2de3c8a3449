#include "shared/telemetry/health_server.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "shared/base/json.h"
#include "shared/http/http_server.h"

namespace edcsync {
namespace {

constexpr std::size_t kThreadCount = 4;

HttpResponse ResponseOf(const std::vector<HealthCheck>& checks) {
  bool well = true;
  Json list = Json::array();
  for (const HealthCheck& check : checks) {
    const Status status = check.run();
    well = well && (status.ok() || !check.required);
    list.push_back({{"name", check.name},
                    {"ok", status.ok()},
                    {"required", check.required},
                    {"why", status.ok() ? "" : status.error().message}});
  }
  const Json json{{"status", well ? "ok" : "failing"}, {"checks", std::move(list)}};
  HttpResponse response;
  response.status = well ? 200 : 503;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

}  // namespace

HealthSettings ReadHealthSettings(TomlFile& toml, int default_port) {
  HealthSettings settings;
  settings.enabled = toml.Flag("health", "enabled", toml.HasSection("health"));
  settings.address = toml.Text("health", "address", "127.0.0.1");
  settings.port = static_cast<int>(toml.Integer("health", "port", default_port, 0, 65535));
  return settings;
}

struct HealthServer::Impl {
  const Clock& clock;
  Metrics& metrics;
  std::vector<HealthCheck> live, ready;
  std::mutex mutex;
  std::string exposed;
  std::optional<MonoTime> exposed_at;
  HttpServer server;

  Impl(const HttpServerOptions& options, const Clock& the_clock, Metrics& the_metrics)
      : clock(the_clock), metrics(the_metrics), server(options) {}

  HttpResponse Figures() {
    const std::lock_guard lock(mutex);
    const MonoTime now = clock.Mono();
    if (!exposed_at || now.us - exposed_at->us >= kMetricsKeptMs * 1000) {
      exposed = metrics.Expose();
      exposed_at = now;
    }
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = exposed;
    return response;
  }
};

HealthServer::HealthServer(HealthSettings settings, const Clock& clock, Metrics& metrics,
                           std::vector<HealthCheck> live, std::vector<HealthCheck> ready) {
  HttpServerOptions options;
  options.address = settings.address;
  options.port = settings.port;
  options.thread_count = kThreadCount;
  options.body_bytes_max = 1024;
  options.read_timeout_s = 5;
  options.keep_alive_s = 5;
  impl_ = std::make_unique<Impl>(options, clock, metrics);
  impl_->live = std::move(live);
  impl_->ready = std::move(ready);
  using Access = HttpServer::Access;
  impl_->server.Route("GET", "/healthz", Access::kOpen,
                      [this](const HttpRequest&) { return ResponseOf(impl_->live); });
  impl_->server.Route("GET", "/readyz", Access::kOpen,
                      [this](const HttpRequest&) { return ResponseOf(impl_->ready); });
  impl_->server.Route("GET", "/metrics", Access::kOpen,
                      [this](const HttpRequest&) { return impl_->Figures(); });
}

HealthServer::~HealthServer() { impl_->server.Stop(); }

Status HealthServer::Start() { return impl_->server.Start(); }

int HealthServer::port() const { return impl_->server.port(); }

struct LoopProbe::Question {
  std::mutex mutex;
  std::condition_variable answered;
  bool done = false;
  bool dropped = false;
  std::function<void()> read;
};

LoopProbe::LoopProbe(Scheduler& scheduler) : scheduler_(scheduler) {}
LoopProbe::~LoopProbe() = default;

bool LoopProbe::Ask(int wait_ms, std::function<void()> read) {
  auto question = std::make_shared<Question>();
  question->read = std::move(read);
  scheduler_.Post([question] {
    const std::lock_guard lock(question->mutex);
    if (question->dropped) return;
    question->read();
    question->done = true;
    question->answered.notify_all();
  });
  std::unique_lock lock(question->mutex);
  question->dropped = !question->answered.wait_for(lock, std::chrono::milliseconds(wait_ms),
                                                   [&] { return question->done; });
  return question->done;
}

Status LoopProbe::Answers(int wait_ms) {
  std::shared_ptr<Question> question;
  {
    const std::lock_guard lock(mutex_);
    if (open_ == nullptr) {
      open_ = std::make_shared<Question>();
      scheduler_.Post([asked = open_] {
        const std::lock_guard answering(asked->mutex);
        asked->done = true;
        asked->answered.notify_all();
      });
    }
    question = open_;
  }
  bool done = false;
  {
    std::unique_lock lock(question->mutex);
    done = question->answered.wait_for(lock, std::chrono::milliseconds(wait_ms),
                                       [&] { return question->done; });
  }
  if (!done) {
    return Fail(ErrorCode::kTimeout,
                "the loop ran no handler for " + std::to_string(wait_ms) + " ms");
  }
  const std::lock_guard lock(mutex_);
  if (open_ == question) open_ = nullptr;
  return Ok();
}

}  // namespace edcsync
