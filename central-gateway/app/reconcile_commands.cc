// reconcile.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "central-gateway/admin/trust.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/reconcile/reconciler.h"
#include "shared/base/file.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kShownMax = 1000;
constexpr std::size_t kFileBytesMax = 64 * 1024 * 1024;
constexpr auto kLookEvery = std::chrono::milliseconds(200);

struct ReconcileOptions {
  std::string site, edge, out, id, file;
  std::int64_t wait_s = 60;
};

Json TimeOrNull(const std::optional<WallTime>& time) {
  return time ? Json(FormatUtc(*time)) : Json(nullptr);
}

Json RowJson(const ReconciliationRow& row) {
  return {{"reconciliationId", std::to_string(row.id.value())},
          {"siteOID", row.site.str()},
          {"edgeId", row.edge.str()},
          {"state", ToString(row.state)},
          {"step", row.step},
          {"askedBy", row.asked_by},
          {"askedAt", FormatUtc(row.asked_at)},
          {"startedAt", TimeOrNull(row.started_at)},
          {"endedAt", TimeOrNull(row.ended_at)},
          {"rounds", row.rounds},
          {"siteRevisions", row.site_revisions},
          {"centreRevisions", row.centre_revisions},
          {"inQuarantine", row.explained},
          {"bytesDown", row.bytes_down},
          {"bytesUp", row.bytes_up},
          {"signedByCentre", !row.centre_signature.empty()},
          {"signedBySite", !row.site_signature.empty()}};
}

void PrintRow(const ReconciliationRow& row) {
  std::printf(
      "%llu  %-10s edge %s, site %s, asked %s by %s\n  %s; %llu revisions at the site, "
      "%llu at the centre; %llu bytes in %llu rounds\n",
      static_cast<unsigned long long>(row.id.value()), std::string(ToString(row.state)).c_str(),
      row.edge.str().c_str(), row.site.str().c_str(), FormatUtc(row.asked_at).c_str(),
      row.asked_by.c_str(), row.step.c_str(), static_cast<unsigned long long>(row.site_revisions),
      static_cast<unsigned long long>(row.centre_revisions),
      static_cast<unsigned long long>(row.bytes_down + row.bytes_up),
      static_cast<unsigned long long>(row.rounds));
}

Result<Json> DifferencesJson(CentralStore& store, SnowflakeId id) {
  Json list = Json::array();
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    std::optional<RevisionId> after;
    while (true) {
      EDCSYNC_ASSIGN(const std::vector<DifferenceRow> page,
                     reader.ListDifferences(id, after ? &*after : nullptr, kShownMax));
      for (const DifferenceRow& row : page) {
        list.push_back({{"key", row.record_key},
                        {"revisionId", row.revision.ToHex()},
                        {"found", ToString(row.kind)},
                        {"outcome", ToString(row.outcome)},
                        {"detail", row.detail}});
      }
      if (page.size() < kShownMax) return Ok();
      after = page.back().revision;
    }
  }));
  return list;
}

// What is under way is waited for; what nobody asked for yet is asked for.
Result<std::vector<SnowflakeId>> AskForAll(CommandContext& context, CentralStore& store,
                                           const ReconcileOptions& options) {
  std::vector<SnowflakeId> ids;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    ids.clear();
    EDCSYNC_ASSIGN(const std::vector<EdgeRow> edges, writer.ListEdges());
    for (const EdgeRow& edge : edges) {
      if (edge.standing != EdgeStanding::kActive) continue;
      if (!options.site.empty() && edge.site.str() != options.site) continue;
      if (!options.edge.empty() && edge.edge.str() != options.edge) continue;
      EDCSYNC_ASSIGN(const std::vector<ReconciliationRow> last,
                     writer.ListReconciliations(edge.edge.str(), "", 1));
      if (!last.empty() && last[0].unfinished()) {
        ids.push_back(last[0].id);
        continue;
      }
      EDCSYNC_ASSIGN(const SnowflakeId id,
                     AskForReconciliation(writer, edge, context.user, context.reason));
      ids.push_back(id);
    }
    if (!ids.empty()) return Ok();
    return Fail(ErrorCode::kNotFound, "no active edge of site " + options.site +
                                          (options.edge.empty() ? "" : " named " + options.edge));
  }));
  return ids;
}

Result<ReconciliationRow> Find(CentralStore& store, SnowflakeId id) {
  std::optional<ReconciliationRow> row;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(row, reader.FindReconciliation(id));
    return Ok();
  }));
  if (!row)
    return Fail(ErrorCode::kNotFound, "there is no reconciliation " + std::to_string(id.value()));
  return std::move(*row);
}

// Until it ends, or nothing of it moves for `wait_s`.
Result<ReconciliationRow> Await(CommandContext& context, CentralStore& store, SnowflakeId id,
                                std::int64_t wait_s) {
  std::string told;
  MonoTime moved = context.clock.Mono();
  while (true) {
    EDCSYNC_ASSIGN(ReconciliationRow row, Find(store, id));
    const std::string now = row.step + FormatUtc(row.changed_at);
    if (now != told) {
      told = now;
      moved = context.clock.Mono();
      if (!context.json) std::fprintf(stderr, "%s: %s\n", row.edge.str().c_str(), row.step.c_str());
    }
    if (!row.unfinished() || context.clock.Mono().us - moved.us >= wait_s * 1'000'000) return row;
    std::this_thread::sleep_for(kLookEvery);
  }
}

Status WriteReports(const std::string& file, const std::vector<ReconciliationRow>& rows) {
  nlohmann::json reports = nlohmann::json::array();
  for (const ReconciliationRow& row : rows) {
    if (!row.report.empty()) reports.push_back(nlohmann::json::parse(SignedReport(row)));
  }
  return WriteFile(file, nlohmann::json{{"reports", reports}}.dump(2) + "\n", 0644,
                   /*exclusive=*/false);
}

int ExitCodeOf(const std::vector<ReconciliationRow>& rows) {
  int code = kExitOk;
  for (const ReconciliationRow& row : rows) {
    if (row.unfinished()) return kExitUnavailable;
    const bool signed_by_both = !row.centre_signature.empty() && !row.site_signature.empty();
    if (row.state != ReconciliationState::kEqual || !signed_by_both) code = kExitRefused;
  }
  return code;
}

Status PrintEnd(CommandContext& context, CentralStore& store,
                const std::vector<ReconciliationRow>& rows) {
  Json json = Json::array();
  for (const ReconciliationRow& row : rows) {
    EDCSYNC_ASSIGN(const Json differences, DifferencesJson(store, row.id));
    if (context.json) {
      Json one = RowJson(row);
      one["differences"] = differences;
      json.push_back(std::move(one));
      continue;
    }
    PrintRow(row);
    for (const Json& one : differences) {
      std::printf("  %s  %s  %s  %s%s%s\n", Text(one["found"]).c_str(), Text(one["key"]).c_str(),
                  Text(one["revisionId"]).c_str(), Text(one["outcome"]).c_str(),
                  Text(one["detail"]).empty() ? "" : ": ", Text(one["detail"]).c_str());
    }
    if (row.unfinished()) {
      std::printf(
          "  Not done yet: it is done when the site is there and a gateway runs. See "
          "`reconcile show %llu`.\n",
          static_cast<unsigned long long>(row.id.value()));
    }
  }
  if (context.json) std::printf("%s\n", json.dump(2).c_str());
  return Ok();
}

int Reconcile(CommandContext& context, const ReconcileOptions& options) {
  if (options.site.empty() && options.edge.empty()) {
    return Report({ErrorCode::kUsage, "name a site (--site SITEOID) or an edge (--edge EDGE)"});
  }
  int code = kExitOk;
  const int done = WithStore(context, [&](CentralStore& store) -> Status {
    EDCSYNC_ASSIGN(const std::vector<SnowflakeId> ids, AskForAll(context, store, options));
    std::vector<ReconciliationRow> rows;
    for (const SnowflakeId id : ids) {
      EDCSYNC_ASSIGN(ReconciliationRow row, Await(context, store, id, options.wait_s));
      rows.push_back(std::move(row));
    }
    code = ExitCodeOf(rows);
    EDCSYNC_TRY(PrintEnd(context, store, rows));
    return options.out.empty() ? Ok() : WriteReports(options.out, rows);
  });
  return done == kExitOk ? code : done;
}

Status ListAll(CommandContext& context, CentralStore& store, const ReconcileOptions& options) {
  std::vector<ReconciliationRow> rows;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(rows, reader.ListReconciliations(options.edge, options.site, kShownMax));
    return Ok();
  }));
  Json json = Json::array();
  for (const ReconciliationRow& row : rows) {
    if (context.json) {
      json.push_back(RowJson(row));
    } else {
      PrintRow(row);
    }
  }
  if (context.json) std::printf("%s\n", json.dump(2).c_str());
  return Ok();
}

Status ShowOne(CommandContext& context, CentralStore& store, const ReconcileOptions& options) {
  const std::uint64_t number = std::strtoull(options.id.c_str(), nullptr, 10);
  EDCSYNC_ASSIGN(const ReconciliationRow row, Find(store, SnowflakeId(number)));
  if (!options.out.empty()) EDCSYNC_TRY(WriteReports(options.out, {row}));
  return PrintEnd(context, store, {row});
}

int Verify(CommandContext& context, const std::string& file) {
  const Result<Config> config = LoadConfig(context.dir);
  if (!config.ok()) return Report(config.error());
  const Result<std::string> text = ReadFile(file, kFileBytesMax);
  if (!text.ok()) return Report(text.error());
  const Result<std::vector<Certificate>> authorities = LoadEveryAuthority(config->installation);
  if (!authorities.ok()) return Report(authorities.error());
  const Result<ReportVerdict> verdict = VerifyReports(*text, *authorities);
  if (!verdict.ok()) return Report(verdict.error());
  if (context.json) {
    std::printf("%s\n", Json{{"holds", verdict->findings.empty()},
                             {"findings", verdict->findings},
                             {"signers", verdict->signers}}
                            .dump(2)
                            .c_str());
  } else {
    for (const std::string& signer : verdict->signers)
      std::printf("signed by %s\n", signer.c_str());
    for (const std::string& finding : verdict->findings) std::printf("%s\n", finding.c_str());
    if (verdict->findings.empty()) std::printf("The report is as both sides signed it.\n");
  }
  return verdict->findings.empty() ? kExitOk : kExitRefused;
}

}  // namespace

void AddReconcileCommands(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<ReconcileOptions>();
  CLI::App* reconcile = app.add_subcommand(
      "reconcile",
      "Compare every revision of a site at site and centre, bring back what is missing, and have "
      "both sides sign the report. Exit code 0 equal and signed by both, 1 otherwise, 3 the site is "
      "away");
  reconcile->fallthrough();
  reconcile->require_subcommand(0, 1);
  reconcile->add_option("--site", options->site, "The SiteOID: every edge of it");
  reconcile->add_option("--edge", options->edge, "This edge only");
  reconcile->add_option("--out", options->out, "Write the signed reports to this file");
  reconcile->add_option("--wait", options->wait_s, "Seconds without progress to wait for")
      ->check(CLI::Range(0, 86400));
  CLI::App* list = reconcile->add_subcommand("list", "What was asked for, and what came of it");
  CLI::App* show = reconcile->add_subcommand("show", "One, with every difference");
  CLI::App* verify = reconcile->add_subcommand("verify", "Check the signatures of a report");
  for (CLI::App* one : {list, show, verify}) one->fallthrough();
  show->add_option("ID", options->id)->required();
  verify->add_option("FILE", options->file)->required();
  list->callback([&context, options] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return ListAll(context, store, *options); });
  });
  show->callback([&context, options] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return ShowOne(context, store, *options); });
  });
  verify->callback([&context, options] { context.code = Verify(context, options->file); });
  reconcile->callback([&context, options, reconcile] {
    if (reconcile->get_subcommands().empty()) context.code = Reconcile(context, *options);
  });
}

}  // namespace edcsync::central
