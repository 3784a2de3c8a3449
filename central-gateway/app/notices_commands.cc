// notices.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/app/commands.h"
#include "central-gateway/app/notices_start.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kFailedShownMax = 1000;

Json OrNull(const std::optional<WallTime>& time) {
  return time ? Json(FormatUtc(*time)) : Json(nullptr);
}

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json MessageJson(const NoticeMessageRow& message) {
  return {{"messageId", std::to_string(message.id.value())},
          {"channel", message.channel},
          {"notices", message.notice_count},
          {"formedAt", FormatUtc(message.formed_at)},
          {"attempts", message.attempts},
          {"nextAttemptAt",
           message.settled_at ? Json(nullptr) : Json(FormatUtc(message.next_attempt_at))},
          {"failedAt", OrNull(message.settled_at)},
          {"error", OrNull(message.error)}};
}

std::vector<std::string> ConfiguredChannels(const NoticesSettings& settings) {
  std::vector<std::string> names;
  for (const NoticesSettings::Webhook& webhook : settings.webhooks) {
    names.push_back(webhook.options.name);
  }
  if (settings.mail) names.push_back(settings.mail->options.name);
  return names;
}

Result<Json> ChannelJson(CentralReader& reader, const std::string& name, bool configured,
                         WallTime now) {
  EDCSYNC_ASSIGN(const NoticeBacklog backlog, reader.BacklogOf(name));
  EDCSYNC_ASSIGN(const std::optional<NoticeMessageRow> waiting, reader.WaitingMessage(name));
  EDCSYNC_ASSIGN(const std::optional<NoticeChannelRow> found, reader.FindNoticeChannel(name));
  const NoticeChannelRow row = found.value_or(NoticeChannelRow{});
  const bool open = row.open_until && *row.open_until > now;
  Json json{{"channel", name}, {"configured", configured}};
  json["gathering"] = backlog.count;
  json["sending"] = waiting ? MessageJson(*waiting) : Json(nullptr);
  json["lastSentAt"] = OrNull(row.last_sent_at);
  json["lastAttemptAt"] = OrNull(row.last_attempt_at);
  json["lastError"] = OrNull(row.last_error);
  json["lastErrorAt"] = OrNull(row.last_error_at);
  // Past its time the circuit waits for the one trial that closes it or opens it again.
  json["circuit"] = !row.open_until ? "closed" : open ? "open" : "half_open";
  json["circuitOpenUntil"] = OrNull(open ? row.open_until : std::nullopt);
  return json;
}

Result<Json> StatusOf(CentralStore& store, const Config& config, WallTime now) {
  Json json{{"gateway", nullptr}, {"channels", Json::array()}, {"failed", Json::array()}};
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const std::optional<NoticesState> state, reader.FindNoticesState());
    if (state && !state->holder.empty() && state->lease_expires_at > now) {
      json["gateway"] = state->holder;
    }
    const std::vector<std::string> configured = ConfiguredChannels(config.notices);
    for (const std::string& name : configured) {
      EDCSYNC_ASSIGN(Json channel, ChannelJson(reader, name, true, now));
      json["channels"].push_back(std::move(channel));
    }
    EDCSYNC_ASSIGN(const std::vector<std::string> known, reader.ListNoticeChannels());
    for (const std::string& name : known) {
      if (std::find(configured.begin(), configured.end(), name) != configured.end()) continue;
      EDCSYNC_ASSIGN(Json channel, ChannelJson(reader, name, false, now));
      json["channels"].push_back(std::move(channel));
    }
    EDCSYNC_ASSIGN(const std::vector<NoticeMessageRow> failed,
                   reader.ListFailedMessages(kFailedShownMax));
    for (const NoticeMessageRow& message : failed) json["failed"].push_back(MessageJson(message));
    return Ok();
  }));
  return json;
}

void PrintChannel(const Json& channel) {
  std::printf("channel %s%s\n", Text(channel["channel"]).c_str(),
              channel["configured"] == true ? "" : " (not configured any more)");
  std::printf("  gathering      %s notices for the next message\n",
              Text(channel["gathering"]).c_str());
  if (const Json& sending = channel["sending"]; !sending.is_null()) {
    std::printf("  being sent     message %s, %s notices, %s attempts, next %s\n",
                Text(sending["messageId"]).c_str(), Text(sending["notices"]).c_str(),
                Text(sending["attempts"]).c_str(), Text(sending["nextAttemptAt"]).c_str());
  }
  std::printf("  last sent      %s\n", Text(channel["lastSentAt"]).c_str());
  if (!channel["lastErrorAt"].is_null()) {
    std::printf(
        "  last error     %s %s\n", Text(channel["lastErrorAt"]).c_str(),
        channel["lastError"].is_null() ? "(sent since)" : Text(channel["lastError"]).c_str());
  }
  std::printf("  circuit        %s%s\n", Text(channel["circuit"]).c_str(),
              channel["circuitOpenUntil"].is_null()
                  ? ""
                  : (" until " + Text(channel["circuitOpenUntil"])).c_str());
}

Status PrintNotices(CommandContext& context, CentralStore& store) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  EDCSYNC_ASSIGN(const Json json, StatusOf(store, config, context.clock.Wall()));
  if (context.json) {
    std::printf("%s\n", json.dump(2).c_str());
    return Ok();
  }
  if (config.notices.empty()) {
    std::printf("No channel is configured: see [notices] in README.md.\n");
  }
  std::printf("sent by %s\n", json["gateway"].is_null() ? "no gateway at the moment"
                                                        : Text(json["gateway"]).c_str());
  for (const Json& channel : json["channels"]) PrintChannel(channel);
  for (const Json& message : json["failed"]) {
    std::printf("failed for good: message %s to %s, %s notices, %s: %s\n",
                Text(message["messageId"]).c_str(), Text(message["channel"]).c_str(),
                Text(message["notices"]).c_str(), Text(message["failedAt"]).c_str(),
                Text(message["error"]).c_str());
  }
  if (!json["failed"].empty()) {
    std::printf("`notices retry ID` or `notices retry --all` sends them again.\n");
  }
  return Ok();
}

int Test(CommandContext& context, const std::string& name) {
  const Result<Config> config = LoadConfig(context.dir);
  if (!config.ok()) return Report(config.error());
  StartLog({"central-gateway", LogLevel::kError});
  const Result<std::vector<OpenedChannel>> channels = OpenChannels(config->notices, context.clock);
  if (!channels.ok()) return Report(channels.error());
  const Result<MessageMaker> maker = OpenMessageMaker(*config);
  if (!maker.ok()) return Report(maker.error());
  for (const OpenedChannel& opened : *channels) {
    if (opened.channel->name() != name) continue;
    const std::string id = "test-" + context.random.NewId<Incarnation>().ToHex();
    const std::atomic<bool> stop = false;
    const SendResult result =
        opened.channel->Send(maker->MakeTest(name, id, context.clock.Wall()), stop);
    const bool sent = result.outcome == SendResult::Outcome::kSent;
    const bool whole = sent && result.refused.empty();
    if (context.json) {
      std::printf("%s\n", Json{{"channel", name},
                               {"sent", sent},
                               {"answer", result.text},
                               {"refused", result.refused},
                               {"messageId", id}}
                              .dump(2)
                              .c_str());
    } else {
      std::printf("%s: %s.\n", sent ? "Sent" : "Not sent", result.text.c_str());
    }
    return whole                                           ? kExitOk
           : sent                                          ? kExitRefused
           : result.outcome == SendResult::Outcome::kRetry ? kExitUnavailable
                                                           : kExitRefused;
  }
  std::string known;
  for (const std::string& one : ConfiguredChannels(config->notices)) {
    known += (known.empty() ? "" : ", ") + one;
  }
  return Report({ErrorCode::kUsage,
                 "there is no channel " + name +
                     (known.empty() ? "; none is configured" : "; configured are " + known)});
}

Status RetryFailed(CommandContext& context, CentralStore& store, const std::string& id, bool all) {
  if (id.empty() != all) {
    return Fail(ErrorCode::kUsage, "name one message, or --all");
  }
  std::uint64_t count = 0;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    count = 0;
    EDCSYNC_ASSIGN(const std::vector<NoticeMessageRow> failed,
                   writer.ListFailedMessages(kFailedShownMax));
    for (const NoticeMessageRow& message : failed) {
      const std::string name = std::to_string(message.id.value());
      if (!all && name != id) continue;
      EDCSYNC_TRY(writer.RequeueMessage(message.id));
      EDCSYNC_TRY(writer.AppendAudit(
          context.user, "notice.retried", "notice:" + name,
          "channel=" + message.channel + " notices=" + std::to_string(message.notice_count)));
      ++count;
    }
    if (count == 0 && !all) {
      return Fail(ErrorCode::kNotFound, "there is no message " + id + " that failed for good");
    }
    return Ok();
  }));
  if (context.json) {
    std::printf("%s\n", Json{{"messages", count}}.dump(2).c_str());
  } else {
    std::printf("The notices of %s messages gather again for their channels.\n",
                std::to_string(count).c_str());
  }
  return Ok();
}

}  // namespace

void AddNoticesCommands(CLI::App& app, CommandContext& context) {
  CLI::App* notices = app.add_subcommand("notices", "What is told by webhook and e-mail");
  notices->require_subcommand(1)->fallthrough();
  notices->add_subcommand("status", "How each channel fares, and what failed for good")
      ->fallthrough()
      ->callback([&context] {
        context.code =
            WithStore(context, [&](CentralStore& store) { return PrintNotices(context, store); });
      });
  auto channel = std::make_shared<std::string>();
  CLI::App* test = notices->add_subcommand("test", "Sends a test now and tells the answer");
  test->fallthrough();
  test->add_option("CHANNEL", *channel, "A webhook's name, or mail")->required();
  test->callback([&context, channel] { context.code = Test(context, *channel); });
  auto id = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  CLI::App* retry = notices->add_subcommand("retry", "Sends again what failed for good");
  retry->fallthrough();
  retry->add_option("ID", *id, "A message, as `notices status` shows it");
  retry->add_flag("--all", *all, "Every one");
  retry->callback([&context, id, all] {
    context.code = WithStore(
        context, [&](CentralStore& store) { return RetryFailed(context, store, *id, *all); });
  });
}

}  // namespace edcsync::central
