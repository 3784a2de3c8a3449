// submit, record, export, feed, audit.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "central-gateway/app/command_telemetry.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/admin/trust.h"
#include "central-gateway/desk/audit_checkpoint.h"
#include "central-gateway/desk/central_queries.h"
#include "central-gateway/desk/online_edit.h"
#include "shared/base/file.h"
#include "shared/base/json.h"
#include "shared/model/outcome_json.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kPage = 500;
constexpr std::size_t kCheckpointBytesMax = 64 * 1024;

struct SubmitArguments {
  std::string file = "-";
  std::string rejects_file;
};

Status SubmitLines(CommandContext& context, CentralStore& store, std::istream& in,
                   std::ofstream& rejects, std::map<std::string, std::uint64_t>& counts) {
  std::uint64_t number = 0;
  CommandTelemetry telemetry(context);
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::vector<Result<Submission>> one;
    one.push_back(ParseSubmission(line));
    const RecordKey key = one.front().ok() ? one.front()->key : RecordKey();
    const CaptureOutcome outcome =
        SubmitOnline(store, context.centre(), std::move(one), context.user).front();
    ++counts[std::string(ToString(outcome.kind))];
    ++counts["submitted"];
    if (outcome.kind == CaptureOutcome::Kind::kCaptured) {
      telemetry.Draw("edit", key, outcome.revision);
    }
    if (context.json) std::printf("%s\n", FormatOutcome(outcome).c_str());
    const bool rejected = outcome.kind == CaptureOutcome::Kind::kRefused ||
                          outcome.kind == CaptureOutcome::Kind::kStale;
    if (!rejected) continue;
    if (rejects.is_open()) rejects << line << '\n';
    std::fprintf(stderr, "line %llu %s: %s\n", static_cast<unsigned long long>(number),
                 std::string(ToString(outcome.kind)).c_str(),
                 outcome.reasons.empty() ? "baseRevisionId is no longer the current revision"
                                         : outcome.reasons.front().ToString().c_str());
    if (!outcome.reasons.empty() &&
        Describe(outcome.reasons.front().code).retry == Retry::kTransient) {
      return tl::unexpected<Error>(outcome.reasons.front());
    }
  }
  return Ok();
}

int Submit(CommandContext& context, const SubmitArguments& arguments) {
  std::ifstream file;
  if (arguments.file != "-") {
    file.open(arguments.file);
    if (!file) return Report({ErrorCode::kUsage, "Cannot read " + arguments.file});
  }
  std::ofstream rejects;
  if (!arguments.rejects_file.empty()) {
    rejects.open(arguments.rejects_file, std::ios::trunc);
    if (!rejects) return Report({ErrorCode::kUsage, "Cannot write " + arguments.rejects_file});
  }
  std::map<std::string, std::uint64_t> counts;
  const int code = WithStore(context, [&](CentralStore& store) {
    return SubmitLines(context, store, arguments.file == "-" ? std::cin : file, rejects, counts);
  });
  const auto number = [&](const char* name) {
    return static_cast<unsigned long long>(counts[name]);
  };
  if (!context.json) {
    std::printf("%llu submitted: %llu captured, %llu unchanged, %llu stale, %llu refused\n",
                number("submitted"), number("captured"), number("unchanged"), number("stale"),
                number("refused"));
  }
  if (code != kExitOk) return code;
  return counts["stale"] + counts["refused"] > 0 ? kExitRefused : kExitOk;
}

void PrintRevision(const Json& revision) {
  std::printf("version %s  %s  %s%s  %s%s\n", Text(revision["version"]).c_str(),
              Text(revision["editedAt"]).c_str(), Text(revision["origin"]).c_str(),
              revision.contains("edgeId") ? (" " + Text(revision["edgeId"])).c_str() : "",
              revision.contains("user") ? Text(revision["user"]).c_str() : "-",
              revision.value("current", false) ? "  (current)" : "");
  std::printf("  revision %s\n", Text(revision["revisionId"]).c_str());
  if (revision.contains("reasonForChange")) {
    std::printf("  reason   %s\n", Text(revision["reasonForChange"]).c_str());
  }
  if (revision.contains("nonconformance")) {
    std::printf("  nonconformant: %s\n", Text(revision["nonconformance"]).c_str());
  }
  if (revision.contains("remove")) std::printf("  (removed)\n");
  for (const Json& group : revision["itemGroups"]) {
    std::printf("  %s[%s]\n", Text(group["itemGroupOID"]).c_str(),
                Text(group["itemGroupRepeatKey"]).c_str());
    for (const auto& [item, value] : group["items"].items()) {
      std::printf("    %-28s %s\n", item.c_str(),
                  value.is_null() ? "(not done)" : Text(value).c_str());
    }
  }
}

Status Show(CommandContext& context, CentralStore& store, const std::string& key_text,
            bool history) {
  EDCSYNC_ASSIGN(const RecordKey key, ParseRecordKey(key_text));
  EDCSYNC_ASSIGN(const std::string body, RecordJson(store, key, history));
  const Json json = Json::parse(body);
  if (context.json) {
    std::printf("%s\n", json.dump(2).c_str());
    return Ok();
  }
  std::printf("%s%s%s\n", Text(json["key"]).c_str(),
              json["conflict"].is_null()
                  ? ""
                  : ("  (conflict " + Text(json["conflict"]["conflictId"]) + ")").c_str(),
              json["locked"].get<bool>() ? "  (locked)" : "");
  std::printf("trace %s\n", Text(json["traceId"]).c_str());
  if (!history) {
    PrintRevision(json["current"]);
    return Ok();
  }
  for (const Json& revision : json["history"]) PrintRevision(revision);
  return Ok();
}

Status List(CommandContext& context, CentralStore& store,
            const CentralReader::RecordFilter& filter) {
  std::optional<RecordKey> after;
  Json all = Json::array();
  do {
    EDCSYNC_ASSIGN(const std::string body, RecordListJson(store, filter, after, kPage));
    const Json page = Json::parse(body);
    for (const Json& row : page["records"]) {
      if (context.json) {
        all.push_back(row);
        continue;
      }
      std::printf("%s  site %s  version %s%s%s\n", Text(row["key"]).c_str(),
                  Text(row["siteOID"]).c_str(), Text(row["version"]).c_str(),
                  row["removed"].get<bool>() ? "  removed" : "",
                  row["conflict"].get<bool>() ? "  in conflict" : "");
    }
    after.reset();
    if (!page["next"].is_null()) {
      EDCSYNC_ASSIGN(after, ParseRecordKey(page["next"].get<std::string>()));
    }
  } while (after);
  if (context.json) std::printf("%s\n", all.dump(2).c_str());
  return Ok();
}

Status Export(CentralStore& store, const CentralReader::RecordFilter& filter, bool history) {
  std::optional<RecordKey> after;
  do {
    std::string next;
    EDCSYNC_ASSIGN(const std::string lines, ExportPage(store, filter, after, kPage, history, next));
    if (std::fwrite(lines.data(), 1, lines.size(), stdout) != lines.size()) {
      return Fail(ErrorCode::kIo, "The export could not be written");
    }
    after.reset();
    if (!next.empty()) {
      EDCSYNC_ASSIGN(after, ParseRecordKey(next));
    }
  } while (after);
  return Ok();
}

Status TailFeed(CentralStore& store, std::uint64_t after, bool follow) {
  while (true) {
    EDCSYNC_ASSIGN(const std::string body, FeedJson(store, FeedCursor(after), kPage));
    const Json page = Json::parse(body);
    for (const Json& row : page["rows"]) std::printf("%s\n", row.dump().c_str());
    std::fflush(stdout);
    after = page["next"].get<std::uint64_t>();
    if (page["rows"].size() == kPage) continue;
    if (!follow) return Ok();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

Status VerifyAudit(CommandContext& context, CentralStore& store, bool& sound) {
  std::uint64_t count = 0;
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 store.VerifyAudit(count, [](std::uint64_t) {}));
  sound = findings.empty();
  if (context.json) {
    std::printf("%s\n",
                Json{{"sound", sound}, {"entries", count}, {"findings", findings}}.dump(2).c_str());
    return Ok();
  }
  for (const std::string& finding : findings) std::printf("%s\n", finding.c_str());
  std::printf("%llu audit entries, chain %s.\n", static_cast<unsigned long long>(count),
              sound ? "unbroken" : "BROKEN");
  return Ok();
}

Status CheckCheckpointFile(CommandContext& context, CentralStore& store, const std::string& file,
                           bool& holds) {
  EDCSYNC_ASSIGN(const std::string text, ReadFile(file, kCheckpointBytesMax));
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(config.installation));
  std::vector<Certificate> authorities = trust.authorities;
  const std::vector<Certificate> retired = RetiredAuthorities(config.installation);
  authorities.insert(authorities.end(), retired.begin(), retired.end());
  EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                 CheckCheckpoint(store, text, authorities));
  holds = findings.empty();
  if (context.json) {
    std::printf("%s\n", Json{{"holds", holds}, {"findings", findings}}.dump(2).c_str());
    return Ok();
  }
  for (const std::string& finding : findings) std::printf("%s\n", finding.c_str());
  std::printf("The audit trail %s the checkpoint.\n", holds ? "holds" : "DOES NOT HOLD");
  return Ok();
}

void AddAudit(CLI::App& app, CommandContext& context) {
  CLI::App* audit = app.add_subcommand("audit", "The audit trail");
  audit->require_subcommand(1)->fallthrough();
  audit->add_subcommand("verify", "Walk the hash chain")->fallthrough()->callback([&context] {
    bool sound = false;
    context.code =
        WithStore(context, [&](CentralStore& store) { return VerifyAudit(context, store, sound); });
    if (context.code == kExitOk && !sound) context.code = kExitRefused;
  });
  auto file = std::make_shared<std::string>();
  CLI::App* check = audit->add_subcommand(
      "check-checkpoint", "Hold the trail against a checkpoint that the conflict desk gave");
  check->fallthrough()->add_option("FILE", *file)->required();
  check->callback([&context, file] {
    bool holds = false;
    context.code = WithStore(context, [&](CentralStore& store) {
      return CheckCheckpointFile(context, store, *file, holds);
    });
    if (context.code == kExitOk && !holds) context.code = kExitRefused;
  });
}

void AddFilter(CLI::App* command, const std::shared_ptr<CentralReader::RecordFilter>& filter) {
  command->add_option("--study", filter->study, "Only of this StudyOID");
  command->add_option("--site", filter->site, "Only of this SiteOID");
  command->add_option("--subject", filter->subject, "Only of this SubjectKey");
  command->add_option("--form", filter->form, "Only of this FormOID");
}

}  // namespace

void AddRecordCommands(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<SubmitArguments>();
  CLI::App* submit = app.add_subcommand("submit", "Edit online at the centre, from NDJSON");
  submit->fallthrough();
  submit->add_option("FILE", arguments->file, "A file, or - for standard input");
  submit->add_option("--rejects", arguments->rejects_file,
                     "Write lines that were refused or stale to this file");
  submit->callback([&context, arguments] { context.code = Submit(context, *arguments); });

  CLI::App* record = app.add_subcommand("record", "Look at records");
  record->require_subcommand(1)->fallthrough();
  auto key = std::make_shared<std::string>();
  auto history = std::make_shared<bool>(false);
  auto filter = std::make_shared<CentralReader::RecordFilter>();
  CLI::App* show = record->add_subcommand("show", "One record")->fallthrough();
  show->add_option("KEY", *key, "STUDY/SUBJECT/EVENT[:REPEAT]/FORM[:REPEAT]")->required();
  show->add_flag("--history", *history, "Every revision, oldest first");
  show->callback([&context, key, history] {
    context.code = WithStore(
        context, [&](CentralStore& store) { return Show(context, store, *key, *history); });
  });
  CLI::App* list = record->add_subcommand("list", "All records in key order")->fallthrough();
  AddFilter(list, filter);
  list->callback([&context, filter] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return List(context, store, *filter); });
  });
  CLI::App* exporting =
      app.add_subcommand("export", "NDJSON in submission format, in key order")->fallthrough();
  exporting->add_flag("--history", *history, "Every revision with its identity");
  AddFilter(exporting, filter);
  exporting->callback([&context, filter, history] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return Export(store, *filter, *history); });
  });

  CLI::App* feed = app.add_subcommand("feed", "The change feed");
  feed->require_subcommand(1)->fallthrough();
  auto after = std::make_shared<std::uint64_t>(0);
  auto follow = std::make_shared<bool>(false);
  CLI::App* tail = feed->add_subcommand("tail", "Merged changes in commit order")->fallthrough();
  tail->add_option("--after", *after, "Cursor to begin after");
  tail->add_flag("--follow", *follow, "Go on as the feed grows");
  tail->callback([&context, after, follow] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return TailFeed(store, *after, *follow); });
  });
  AddAudit(app, context);
}

}  // namespace edcsync::central
