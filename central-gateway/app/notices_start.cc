#include "central-gateway/app/notices_start.h"

#include "shared/base/file.h"

namespace edcsync::central {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

// Where the desk's pages are; empty if they are not served. A port of 0 stands in DIR/desk.port,
// written before this is asked.
std::string DeskUrlOf(const Config& config) {
  if (!config.notices.desk_url.empty() || !config.desk.enabled) return config.notices.desk_url;
  std::string port = std::to_string(config.desk.port);
  if (config.desk.port == 0) {
    const Result<std::string> text = ReadFile(config.installation.dir + "/desk.port", 16);
    if (!text.ok()) return {};
    port = text->substr(0, text->find('\n'));
  }
  return (config.desk.https ? "https://" : "http://") + config.desk.host + ":" + port;
}

}  // namespace

DueTimes DueTimesOf(const Config& config) {
  return {config.desk.hard_due_days * kDayMs, config.desk.soft_due_days * kDayMs};
}

Result<MessageMaker> OpenMessageMaker(const Config& config) {
  EDCSYNC_ASSIGN(Templates templates,
                 Templates::Load(config.notices.language,
                                 config.installation.ConfigFolder() + "/notices"));
  return MessageMaker({config.gateway.str(), DeskUrlOf(config)}, std::move(templates));
}

Result<std::unique_ptr<NoticeService>> StartNotices(const Config& config, CentralStore& store,
                                                    const Clock& clock, Random& random) {
  if (config.notices.empty()) return std::unique_ptr<NoticeService>();
  EDCSYNC_ASSIGN(std::vector<OpenedChannel> channels, OpenChannels(config.notices, clock));
  EDCSYNC_ASSIGN(MessageMaker maker, OpenMessageMaker(config));
  NoticesSettings settings = config.notices;
  settings.reconcile_every_ms = config.reconcile_every_hours * (kDayMs / 24);
  return std::make_unique<NoticeService>(settings, std::move(channels), std::move(maker),
                                         DueTimesOf(config), config.gateway.str(), store, clock,
                                         random);
}

}  // namespace edcsync::central
