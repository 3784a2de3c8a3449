#include "central-gateway/notices/notice_service.h"

#include <chrono>

#include "shared/base/file.h"
#include "shared/base/log.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kSecretFileBytesMax = 4096;
constexpr std::size_t kSecretBytesMin = 16;
constexpr std::int64_t kWatchEveryMs = 1'000;
constexpr std::int64_t kStandbyEveryMs = 10'000;
constexpr std::int64_t kStoreRetryMs = 5'000;

Result<std::string> ReadSecretLine(const std::string& path, std::size_t bytes_min) {
  EDCSYNC_ASSIGN(std::string text, ReadSecretFile(path, kSecretFileBytesMax));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return Fail(ErrorCode::kConfiguration, path + " must hold one line");
  }
  if (text.size() < bytes_min) {
    return Fail(ErrorCode::kConfiguration,
                path + " must hold a secret of " + std::to_string(bytes_min) +
                    " bytes at least, such as `openssl rand -hex 32` makes");
  }
  return text;
}

Status CheckReadable(const std::string& ca_file) {
  if (ca_file.empty()) return Ok();
  EDCSYNC_TRY(ReadFile(ca_file, 4 * 1024 * 1024));
  return Ok();
}

}  // namespace

Result<std::vector<OpenedChannel>> OpenChannels(const NoticesSettings& settings,
                                                const Clock& clock) {
  std::vector<OpenedChannel> channels;
  for (const NoticesSettings::Webhook& webhook : settings.webhooks) {
    WebhookOptions options = webhook.options;
    EDCSYNC_ASSIGN(options.secret, ReadSecretLine(webhook.secret_file, kSecretBytesMin));
    EDCSYNC_TRY(CheckReadable(options.ca_file));
    channels.push_back({NewWebhookChannel(std::move(options), clock), webhook.topics});
  }
  if (settings.mail) {
    MailOptions options = settings.mail->options;
    if (!settings.mail->password_file.empty()) {
      EDCSYNC_ASSIGN(options.password, ReadSecretLine(settings.mail->password_file, 1));
    }
    EDCSYNC_TRY(CheckReadable(options.ca_file));
    channels.push_back({NewMailChannel(std::move(options)), settings.mail->topics});
  }
  return channels;
}

NoticeService::NoticeService(const NoticesSettings& settings, std::vector<OpenedChannel> channels,
                             MessageMaker maker, const DueTimes& due_times,
                             const std::string& gateway, CentralStore& store, const Clock& clock,
                             Random& random)
    : channels_(std::move(channels)), maker_(std::move(maker)) {
  WatchOptions watch;
  watch.holder = gateway;
  watch.due_times = due_times;
  watch.edge_silent_ms = settings.edge_silent_ms;
  watch.clock_drift_ms = settings.clock_drift_ms;
  watch.reconcile_every_ms = settings.reconcile_every_ms;
  SenderOptions sender;
  sender.holder = gateway;
  sender.digest_ms = settings.digest_ms;
  for (const OpenedChannel& opened : channels_) {
    for (const NoticeTopic topic : opened.topics) {
      watch.channels[topic].push_back(opened.channel->name());
    }
    senders_.push_back(
        std::make_unique<Sender>(sender, *opened.channel, maker_, store, clock, random));
  }
  watch_ = std::make_unique<Watch>(std::move(watch), store, clock);
  threads_.emplace_back([this] { RunWatch(); });
  for (const std::unique_ptr<Sender>& one : senders_) {
    threads_.emplace_back([this, &one] { RunSender(*one); });
  }
  Log(LogLevel::kInfo, "notices.ready", {{"channels", channels_.size()}});
}

NoticeService::~NoticeService() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  watch_->Release();  // Nothing is on its way any more.
}

bool NoticeService::Sleep(std::int64_t ms) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stop_.load(); });
}

void NoticeService::RunWatch() {
  std::int64_t wait_ms = 0;
  bool ready = true;
  while (Sleep(wait_ms)) {
    const Result<bool> more = watch_->Pass();
    if (!more.ok() && ready) {  // Once for each time that it lasts.
      Log(LogLevel::kWarn, "notices.watch_failed", {{"why", more.error().message}});
    }
    ready = more.ok();
    if (!ready) {
      wait_ms = kStoreRetryMs;
    } else if (*more) {
      wait_ms = 0;
    } else {
      wait_ms = watch_->holds_lease() ? kWatchEveryMs : kStandbyEveryMs;
    }
  }
}

void NoticeService::RunSender(Sender& sender) {
  std::int64_t wait_ms = 0;
  while (Sleep(wait_ms)) wait_ms = sender.Step(stop_);
}

}  // namespace edcsync::central
