// conflict, quarantine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/app/command_telemetry.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/desk/central_queries.h"
#include "central-gateway/desk/conflict_desk.h"
#include "shared/base/file.h"
#include "shared/base/json.h"
#include "shared/base/limits.h"

namespace edcsync::central {
namespace {

constexpr const char* kNotDone = "(not done)";  // An item without a value.
constexpr std::size_t kPage = 500;

Result<SnowflakeId> ConflictId(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return SnowflakeId(value);
  return Fail(ErrorCode::kUsage, "A conflict's id is a number; see `conflict list`");
}

Result<RevisionId> RevisionOf(const std::string& text) {
  const std::optional<RevisionId> id = RevisionIdFromHex(text);
  if (id) return *id;
  return Fail(ErrorCode::kUsage, "A revision id is 64 hexadecimal digits");
}

Status ListAll(CommandContext& context, CentralStore& store, CentralReader::ConflictFilter filter) {
  filter.count_max = kPage;
  Json all = Json::array();
  while (true) {
    EDCSYNC_ASSIGN(const std::string body, ConflictListJson(store, filter));
    const Json page = Json::parse(body);
    for (const Json& row : page["conflicts"]) {
      if (context.json) {
        all.push_back(row);
        continue;
      }
      std::printf("%s  %-4s  %-10s  %s  %zu items in dispute, since %s\n",
                  Text(row["conflictId"]).c_str(), Text(row["severity"]).c_str(),
                  Text(row["state"]).c_str(), Text(row["key"]).c_str(), row["items"].size(),
                  Text(row["openedAt"]).c_str());
    }
    if (page["next"].is_null()) break;
    EDCSYNC_ASSIGN(filter.after, ConflictId(page["next"].get<std::string>()));
  }
  if (context.json) std::printf("%s\n", all.dump(2).c_str());
  return Ok();
}

Status Show(CommandContext& context, CentralStore& store, const std::string& id_text) {
  EDCSYNC_ASSIGN(const SnowflakeId id, ConflictId(id_text));
  EDCSYNC_ASSIGN(const std::string body, ConflictJson(store, id));
  const Json json = Json::parse(body);
  if (context.json) {
    std::printf("%s\n", json.dump(2).c_str());
    return Ok();
  }
  std::printf("%s  %s, %s, since %s\n", Text(json["key"]).c_str(), Text(json["severity"]).c_str(),
              Text(json["state"]).c_str(), Text(json["openedAt"]).c_str());
  for (const Json& head : json["headRevisions"]) {
    std::printf("  %s  version %s  %s  %s %s%s\n", Text(head["revisionId"]).c_str(),
                Text(head["version"]).c_str(), Text(head["editedAt"]).c_str(),
                Text(head["origin"]).c_str(),
                head.contains("user") ? Text(head["user"]).c_str() : "-",
                head.value("current", false) ? "  (current)" : "");
    if (head.contains("reasonForChange")) {
      std::printf("    reason: %s\n", Text(head["reasonForChange"]).c_str());
    }
  }
  for (const Json& item : json["dispute"]) {
    std::printf("\n  %s  %s\n    %-16s %s\n", Text(item["path"]).c_str(),
                Text(item["question"]).c_str(), "before", Text(item["ancestor"], kNotDone).c_str());
    for (const auto& [revision, value] : item["values"].items()) {
      std::printf("    %-16s %s\n", revision.substr(0, 16).c_str(), Text(value, kNotDone).c_str());
    }
  }
  if (json["state"] == "open") {
    std::printf(
        "\nDecide: central-gateway conflict resolve %s --take REVISION --user NAME "
        "--reason TEXT\n",
        Text(json["conflictId"]).c_str());
  }
  return Ok();
}

// The items of a file: a submission, or just {"itemGroups": [...]}.
Result<FormItems> ReadItems(const std::string& file, const RecordKey& key, const SiteOID& site) {
  EDCSYNC_ASSIGN(const std::string text, ReadFile(file, limits::kSubmissionBytesMax));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("itemGroups")) {
    return Fail(ErrorCode::kMalformed, file + " must be a JSON object with \"itemGroups\"");
  }
  const Json submission = {{"studyOID", key.study.str()},     {"siteOID", site.str()},
                           {"subjectKey", key.subject.str()}, {"studyEventOID", key.event.str()},
                           {"formOID", key.form.str()},       {"itemGroups", json["itemGroups"]}};
  EDCSYNC_ASSIGN(Submission parsed, ParseSubmission(submission.dump()));
  return std::move(parsed.items);
}

struct ResolveArguments {
  std::string conflict, take, items_file;
  std::vector<std::string> seen;
  bool propose = false;  // To the site, instead of deciding.
};

Status ResolveCommand(CommandContext& context, CentralStore& store,
                      const ResolveArguments& arguments) {
  CommandTelemetry telemetry(context);
  Decision decision;
  EDCSYNC_ASSIGN(decision.conflict, ConflictId(arguments.conflict));
  telemetry.LookAt(store, decision.conflict);
  decision.user = context.user;
  decision.reason = context.reason;
  for (const std::string& head : arguments.seen) {
    EDCSYNC_ASSIGN(const RevisionId id, RevisionOf(head));
    decision.seen_heads.push_back(id);
  }
  std::sort(decision.seen_heads.begin(), decision.seen_heads.end());
  if (!arguments.take.empty()) {
    EDCSYNC_ASSIGN(decision.take, RevisionOf(arguments.take));
  }
  if (!arguments.items_file.empty()) {
    std::optional<ConflictRow> conflict;
    EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(conflict, reader.FindConflict(decision.conflict));
      return Ok();
    }));
    if (!conflict) return Fail(ErrorCode::kNotFound, "There is no conflict " + arguments.conflict);
    EDCSYNC_ASSIGN(decision.items, ReadItems(arguments.items_file, conflict->key, conflict->site));
  }
  if (arguments.propose) {
    EDCSYNC_ASSIGN(const Proposed proposed, Propose(store, context.centre(), decision));
    telemetry.DrawConflict("propose", proposed.revision);
    if (context.json) {
      const Json json{{"conflictId", arguments.conflict},
                      {"proposalId", std::to_string(proposed.proposal.value())},
                      {"revisionId", proposed.revision.ToHex()}};
      std::printf("%s\n", json.dump().c_str());
    } else {
      std::printf("Proposed as %s. It goes to the site with the feed.\n",
                  std::to_string(proposed.proposal.value()).c_str());
    }
    return Ok();
  }
  EDCSYNC_ASSIGN(const RevisionId id, Resolve(store, context.centre(), decision));
  telemetry.DrawConflict("decide", id);
  if (context.json) {
    std::printf(
        "%s\n",
        Json{{"conflictId", arguments.conflict}, {"revisionId", id.ToHex()}}.dump().c_str());
  } else {
    std::printf("Resolved by revision %s. It goes to the site with the feed.\n",
                id.ToHex().c_str());
  }
  return Ok();
}

// `conflict withdraw CONFLICT` and `conflict reopen CONFLICT`
void AddProposals(CLI::App& conflict, CommandContext& context) {
  auto id_text = std::make_shared<std::string>();
  CLI::App* withdraw = conflict.add_subcommand(
      "withdraw", "Take back the proposal that waits for the site; needs --user");
  withdraw->fallthrough()->add_option("CONFLICT", *id_text)->required();
  withdraw->callback([&context, id_text] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      CommandTelemetry telemetry(context);
      EDCSYNC_ASSIGN(const SnowflakeId id, ConflictId(*id_text));
      telemetry.LookAt(store, id);
      EDCSYNC_TRY(WithdrawProposal(store, id, context.user));
      telemetry.DrawConflict("withdraw");
      std::printf("Withdrawn.\n");
      return Ok();
    });
  });
  CLI::App* reopen = conflict.add_subcommand(
      "reopen", "Have one that has ended decided anew; needs --user and --reason");
  reopen->fallthrough()->add_option("CONFLICT", *id_text)->required();
  reopen->callback([&context, id_text] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      CommandTelemetry telemetry(context);
      EDCSYNC_ASSIGN(const SnowflakeId id, ConflictId(*id_text));
      EDCSYNC_ASSIGN(const SnowflakeId opened, Reopen(store, id, context.user, context.reason));
      telemetry.LookAt(store, opened);
      telemetry.DrawConflict("reopen");
      std::printf("Opened again as conflict %s.\n", std::to_string(opened.value()).c_str());
      return Ok();
    });
  });
}

Status ListQuarantine(CommandContext& context, CentralStore& store, bool all) {
  EDCSYNC_ASSIGN(const std::string body, QuarantineListJson(store, all, 100'000));
  const Json rows = Json::parse(body);
  if (context.json) {
    std::printf("%s\n", rows.dump(2).c_str());
    return Ok();
  }
  for (const Json& row : rows) {
    std::printf("%s  %-8s  %-16s  %s  edge %s: %s\n", Text(row["revisionId"]).c_str(),
                Text(row["state"]).c_str(), Text(row["reason"]).c_str(),
                row["key"].is_null() ? "-" : Text(row["key"]).c_str(), Text(row["edgeId"]).c_str(),
                Text(row["detail"]).c_str());
  }
  return Ok();
}

// Each on its own: one that no person can lift stops none of the others.
Status ReleaseAll(CommandContext& context, CentralStore& store) {
  CommandTelemetry telemetry(context);
  EDCSYNC_ASSIGN(const std::vector<RevisionId> waiting, WaitingForAPerson(store));
  Json outcomes = Json::array();
  std::size_t released = 0;
  for (const RevisionId& id : waiting) {
    const Result<MergeResult> result = ReleaseQuarantine(store, id, context.user, context.reason);
    // Without a reason or a user none of them can be.
    if (!result.ok() && result.error().code == ErrorCode::kFieldMissing) {
      return tl::unexpected<Error>(result.error());
    }
    if (result.ok()) ++released;
    if (result.ok()) telemetry.DrawQuarantined("release", store, id);
    const std::string text =
        result.ok() ? std::string(ToString(result->outcome)) : result.error().ToString();
    if (context.json) {
      outcomes.push_back(
          {{"revisionId", id.ToHex()}, {"released", result.ok()}, {"outcome", text}});
    } else if (!result.ok()) {
      std::printf("%s stays: %s\n", id.ToHex().c_str(), text.c_str());
    }
  }
  if (context.json) {
    std::printf("%s\n", outcomes.dump(2).c_str());
  } else {
    std::printf("%zu released, %zu stay.\n", released, waiting.size() - released);
  }
  return Ok();
}

void AddQuarantine(CLI::App& app, CommandContext& context) {
  CLI::App* quarantine =
      app.add_subcommand("quarantine", "Revisions the gateway may not apply, kept whole");
  quarantine->require_subcommand(1)->fallthrough();
  auto all = std::make_shared<bool>(false);
  auto revision = std::make_shared<std::string>();
  CLI::App* list = quarantine->add_subcommand("list", "What waits")->fallthrough();
  list->add_flag("--all", *all, "Ended ones too");
  list->callback([&context, all] {
    context.code = WithStore(
        context, [&](CentralStore& store) { return ListQuarantine(context, store, *all); });
  });
  CLI::App* show = quarantine->add_subcommand("show", "One in full (JSON)")->fallthrough();
  show->add_option("REVISION", *revision)->required();
  show->callback([&context, revision] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      EDCSYNC_ASSIGN(const RevisionId id, RevisionOf(*revision));
      EDCSYNC_ASSIGN(const std::string body, QuarantineJson(store, id));
      std::printf("%s\n", Json::parse(body).dump(2).c_str());
      return Ok();
    });
  });
  CLI::App* release = quarantine->add_subcommand("release", "Merge it in spite of its reason");
  release->fallthrough();
  auto everything = std::make_shared<bool>(false);
  CLI::Option* one = release->add_option("REVISION", *revision);
  release
      ->add_flag("--all", *everything, "Whatever waits for a person; parents bring their children")
      ->excludes(one);
  release->callback([&context, revision, everything] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      if (*everything) return ReleaseAll(context, store);
      CommandTelemetry telemetry(context);
      EDCSYNC_ASSIGN(const RevisionId id, RevisionOf(*revision));
      EDCSYNC_ASSIGN(const MergeResult result,
                     ReleaseQuarantine(store, id, context.user, context.reason));
      telemetry.DrawQuarantined("release", store, id);
      std::printf("Released: %s.\n", std::string(ToString(result.outcome)).c_str());
      return Ok();
    });
  });
  CLI::App* reject = quarantine->add_subcommand("reject", "End its waiting; it stays readable");
  reject->fallthrough();
  reject->add_option("REVISION", *revision)->required();
  reject->callback([&context, revision] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      CommandTelemetry telemetry(context);
      EDCSYNC_ASSIGN(const RevisionId id, RevisionOf(*revision));
      EDCSYNC_TRY(RejectQuarantine(store, id, context.user, context.reason));
      telemetry.DrawQuarantined("reject", store, id);
      std::printf("Rejected.\n");
      return Ok();
    });
  });
}

}  // namespace

void AddDeskCommands(CLI::App& app, CommandContext& context) {
  CLI::App* conflict = app.add_subcommand("conflict", "Conflicts that wait for a data manager");
  conflict->require_subcommand(1)->fallthrough();
  auto filter = std::make_shared<CentralReader::ConflictFilter>();
  auto all = std::make_shared<bool>(false);
  CLI::App* list = conflict->add_subcommand("list", "Open conflicts, oldest first")->fallthrough();
  list->add_flag("--all", *all, "Ended ones too");
  list->add_option("--study", filter->study, "Only of this StudyOID");
  list->add_option("--site", filter->site, "Only of this SiteOID");
  list->add_option("--subject", filter->subject, "Only of this SubjectKey");
  list->callback([&context, filter, all] {
    filter->open_only = !*all;
    context.code =
        WithStore(context, [&](CentralStore& store) { return ListAll(context, store, *filter); });
  });
  auto arguments = std::make_shared<ResolveArguments>();
  CLI::App* show = conflict->add_subcommand("show", "One, item by item")->fallthrough();
  show->add_option("CONFLICT", arguments->conflict)->required();
  show->callback([&context, arguments] {
    context.code = WithStore(
        context, [&](CentralStore& store) { return Show(context, store, arguments->conflict); });
  });
  for (const bool propose : {false, true}) {
    CLI::App* decide = conflict->add_subcommand(
        propose ? "propose" : "resolve",
        propose ? "Propose a decision to the site; needs --user and --reason"
                : "Decide; needs --user and --reason");
    decide->fallthrough();
    decide->add_option("CONFLICT", arguments->conflict)->required();
    CLI::Option* take =
        decide->add_option("--take", arguments->take, "The revision whose content wins");
    decide
        ->add_option("--items", arguments->items_file,
                     "A JSON file with \"itemGroups\": the content composed")
        ->excludes(take);
    decide->add_option("--seen", arguments->seen,
                       "The heads decided upon; refused if the record has others by now");
    decide->callback([&context, arguments, propose] {
      arguments->propose = propose;
      context.code = WithStore(
          context, [&](CentralStore& store) { return ResolveCommand(context, store, *arguments); });
    });
  }
  AddProposals(*conflict, context);
  AddQuarantine(app, context);
}

}  // namespace edcsync::central
