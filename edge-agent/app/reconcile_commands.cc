#include "edge-agent/app/reconcile_commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "edge-agent/app/asking.h"
#include "edge-agent/site/reconciliation_queries.h"
#include "shared/base/exit_code.h"
#include "shared/base/json.h"

namespace edcsync::edge {
namespace {

int ListReconciliations(const std::string& dir, bool json) {
  const Result<Json> list = Ask(dir, "/v1/reconciliations",
                                [](EdgeStore& store) { return ReconciliationListJson(store); });
  if (!list.ok()) return Report(list.error());
  if (json) {
    std::printf("%s\n", list->dump(2).c_str());
    return kExitOk;
  }
  for (const Json& one : (*list)["reconciliations"]) {
    std::printf("%s  stated %s  %s, signed %s\n", Text(one["reconciliationId"]).c_str(),
                Text(one["statedAt"]).c_str(), Text(one["result"], "no report yet").c_str(),
                Text(one["signedAt"]).c_str());
  }
  return kExitOk;
}

int ShowReconciliation(const std::string& dir, std::uint64_t id) {
  const Result<Json> one = Ask(dir, "/v1/reconciliations/" + std::to_string(id),
                               [&](EdgeStore& store) { return ReconciliationJson(store, id); });
  if (!one.ok()) return Report(one.error());
  std::printf("%s\n", one->dump(2).c_str());
  return kExitOk;
}

}  // namespace

void AddReconcileCommands(CLI::App& app, const std::string& dir, const bool& json, int& code) {
  CLI::App* reconcile =
      app.add_subcommand("reconcile", "What was compared with the centre, and both sides signed");
  reconcile->require_subcommand(1)->fallthrough();
  reconcile->add_subcommand("list", "Newest first")->fallthrough()->callback([&] {
    code = ListReconciliations(dir, json);
  });
  auto id = std::make_shared<std::uint64_t>(0);
  CLI::App* show = reconcile->add_subcommand("show", "The report and its signatures, as JSON");
  show->fallthrough()->add_option("ID", *id)->required();
  show->callback([&, id] { code = ShowReconciliation(dir, *id); });
}

}  // namespace edcsync::edge
