#include "central-gateway/app/notices_config.h"

#include <filesystem>

namespace edcsync::central {
namespace {

constexpr std::size_t kWebhookCountMax = 8;     // A thread each.
constexpr std::size_t kRecipientCountMax = 50;
constexpr char kMailName[] = "mail";

std::string PathIn(const std::string& dir, const std::string& file) {
  return file.empty() ? file : (std::filesystem::path(dir) / file).lexically_normal().string();
}

NoticeTopics ReadTopics(TomlFile& toml, const std::string& section) {
  std::vector<std::string> all;
  for (const NoticeTopic topic : kAllTopics) all.emplace_back(ToString(topic));
  NoticeTopics topics;
  for (const std::string& name : toml.TextList(section, "kinds", all)) {
    if (const std::optional<NoticeTopic> topic = ParseTopic(name)) {
      topics.insert(*topic);
      continue;
    }
    std::string allowed;
    for (const std::string& one : all) allowed += (allowed.empty() ? "" : ", ") + one;
    toml.Refuse(section, "kinds", "a list of " + allowed);
  }
  if (topics.empty()) {
    toml.Refuse(section, "kinds", "left out for every kind, or name one at least");
  }
  return topics;
}

std::int64_t ReadTimeoutMs(TomlFile& toml, const std::string& section, std::int64_t fallback_s) {
  return toml.Integer(section, "timeout_seconds", fallback_s, 1, 120) * 1000;
}

NoticesSettings::Webhook ReadWebhook(TomlFile& toml, const std::string& section,
                                     const std::string& dir) {
  NoticesSettings::Webhook webhook;
  webhook.options.name = toml.Text(section, "name", "");
  webhook.options.url = toml.Text(section, "url", "");
  webhook.secret_file = PathIn(dir, toml.Text(section, "secret_file", ""));
  webhook.options.ca_file = PathIn(dir, toml.Text(section, "ca_file", ""));
  webhook.options.timeout_ms = ReadTimeoutMs(toml, section, 15);
  webhook.topics = ReadTopics(toml, section);
  if (!IsDeviceName(webhook.options.name) || webhook.options.name == kMailName) {
    toml.Refuse(section, "name", "1 to 64 of A-Z a-z 0-9 . _ - and not \"mail\"");
  }
  const Result<ChannelUrl> url = CheckChannelUrl(webhook.options.url, "https", "http");
  if (!url.ok()) toml.Refuse(section, "url", url.error().message);
  if (webhook.secret_file.empty()) {
    toml.Refuse(section, "secret_file", "a file (0600) with the secret that signs what is sent");
  }
  return webhook;
}

NoticesSettings::Mail ReadMail(TomlFile& toml, const std::string& dir) {
  const std::string section = "notices.mail";
  NoticesSettings::Mail mail;
  mail.options.name = kMailName;
  mail.options.server = toml.Text(section, "server", "");
  mail.options.from = toml.Text(section, "from", "");
  mail.options.to = toml.TextList(section, "to", {});
  mail.options.user = toml.Text(section, "user", "");
  mail.password_file = PathIn(dir, toml.Text(section, "password_file", ""));
  mail.options.ca_file = PathIn(dir, toml.Text(section, "ca_file", ""));
  mail.options.timeout_ms = ReadTimeoutMs(toml, section, 30);
  mail.topics = ReadTopics(toml, section);
  const Result<ChannelUrl> server = CheckMailServer(mail.options.server);
  if (!server.ok()) toml.Refuse(section, "server", server.error().message);
  if (!IsMailAddress(mail.options.from)) {
    toml.Refuse(section, "from", "an address such as edcsync@example.org");
  }
  const std::vector<std::string>& to = mail.options.to;
  if (to.empty() || to.size() > kRecipientCountMax ||
      !std::all_of(to.begin(), to.end(), [](const auto& one) { return IsMailAddress(one); })) {
    toml.Refuse(section, "to",
                "a list of 1 to " + std::to_string(kRecipientCountMax) +
                    " addresses such as dm@example.org");
  }
  if (mail.options.user.empty() != mail.password_file.empty()) {
    toml.Refuse(section, mail.options.user.empty() ? "user" : "password_file",
                "given together with the other of user and password_file, or not at all");
  }
  return mail;
}

// Without slashes at its end.
std::string ReadDeskUrl(TomlFile& toml) {
  std::string url = toml.Text("notices", "desk_url", "");
  while (url.ends_with('/')) url.pop_back();
  const bool web = url.starts_with("https://") || url.starts_with("http://");
  if (!url.empty() && (!web || url.find_first_of(" \"<>") != std::string::npos)) {
    toml.Refuse("notices", "desk_url", "the address of the desk's pages: https://HOST:PORT");
  }
  return url;
}

}  // namespace

NoticesSettings ReadNotices(TomlFile& toml, const std::string& dir) {
  NoticesSettings settings;
  const std::string language = toml.Text("notices", "language", "en");
  if (language == "zh") {
    settings.language = NoticeLanguage::kChinese;
  } else if (language != "en") {
    toml.Refuse("notices", "language", "\"en\" or \"zh\"");
  }
  settings.digest_ms = toml.Integer("notices", "digest_minutes", 15, 0, 24 * 60) * 60'000;
  settings.edge_silent_ms = toml.Integer("notices", "edge_silent_hours", 24, 1, 8760) * 3'600'000;
  settings.clock_drift_ms = toml.Integer("notices", "clock_drift_minutes", 5, 1, 24 * 60) * 60'000;
  settings.desk_url = ReadDeskUrl(toml);
  const std::size_t count = toml.CountSections("notices.webhook");
  if (count > kWebhookCountMax) {
    toml.Refuse("notices", "webhook", "at most " + std::to_string(kWebhookCountMax) + " sections");
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::string section = "notices.webhook[" + std::to_string(i) + "]";
    settings.webhooks.push_back(ReadWebhook(toml, section, dir));
    for (std::size_t j = 0; j < i; ++j) {
      if (settings.webhooks[j].options.name != settings.webhooks[i].options.name) continue;
      toml.Refuse(section, "name", "another than that of a webhook before it");
    }
  }
  if (toml.HasSection("notices.mail")) settings.mail = ReadMail(toml, dir);
  return settings;
}

}  // namespace edcsync::central
