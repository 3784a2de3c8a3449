#include "edge-agent/app/endorse_commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "edge-agent/app/asking.h"
#include "edge-agent/site/endorsement.h"
#include "shared/base/exit_code.h"
#include "shared/base/json.h"

namespace edcsync::edge {
namespace {

void PrintSummary(const Json& proposal) {
  std::printf("%s  %-10s  %s\n  proposed by %s, %s: %s\n", Text(proposal["proposalId"]).c_str(),
              Text(proposal["state"]).c_str(), Text(proposal["key"]).c_str(),
              Text(proposal["proposedBy"]).c_str(), Text(proposal["proposedAt"]).c_str(),
              Text(proposal["reason"]).c_str());
  const Json& answer = proposal["answer"];
  if (answer.is_null()) return;
  std::printf("  %s by %s, %s%s%s%s\n", answer["accepted"].get<bool>() ? "accepted" : "rejected",
              Text(answer["user"]).c_str(), Text(answer["at"]).c_str(),
              Text(answer["reason"]).empty() ? "" : ": ", Text(answer["reason"]).c_str(),
              answer["told"].get<bool>() ? "" : " (waits for the link)");
}

int List(const std::string& dir, bool json, bool all) {
  const Result<Json> list = Ask(dir, all ? "/v1/proposals?all=1" : "/v1/proposals",
                                [&](EdgeStore& store) { return ProposalListJson(store, all); });
  if (!list.ok()) return Report(list.error());
  if (json) {
    std::printf("%s\n", list->dump(2).c_str());
    return kExitOk;
  }
  for (const Json& proposal : (*list)["proposals"]) PrintSummary(proposal);
  if ((*list)["proposals"].empty()) std::printf("Nothing waits to be endorsed.\n");
  return kExitOk;
}

std::string ValueOf(const Json& state) {
  if (!state["present"].get<bool>()) return "(none)";
  return state["value"].is_null() ? "(not done)" : Text(state["value"]);
}

int Show(const std::string& dir, bool json, std::uint64_t id) {
  const Result<Json> proposal = Ask(dir, "/v1/proposals/" + std::to_string(id),
                                    [&](EdgeStore& store) { return ProposalJson(store, id); });
  if (!proposal.ok()) return Report(proposal.error());
  if (json) {
    std::printf("%s\n", proposal->dump(2).c_str());
    return kExitOk;
  }
  PrintSummary(*proposal);
  if ((*proposal)["removes"].get<bool>()) std::printf("  It removes the record.\n");
  if ((*proposal)["items"].empty()) std::printf("  It changes no value.\n");
  for (const Json& item : (*proposal)["items"]) {
    std::printf("  %-32s %s -> %s\n", Text(item["path"]).c_str(), ValueOf(item["before"]).c_str(),
                ValueOf(item["after"]).c_str());
  }
  return kExitOk;
}

}  // namespace

void AddEndorseCommands(CLI::App& app, const std::string& dir, const bool& json, int& code) {
  CLI::App* endorse =
      app.add_subcommand("endorse", "Answer what the centre's data managers propose");
  endorse->require_subcommand(1)->fallthrough();
  auto all = std::make_shared<bool>(false);
  CLI::App* list = endorse->add_subcommand("list", "What waits for an answer")->fallthrough();
  list->add_flag("--all", *all, "Answered ones and those that are over too");
  list->callback([&, all] { code = List(dir, json, *all); });
  auto id = std::make_shared<std::uint64_t>(0);
  CLI::App* show = endorse->add_subcommand("show", "What one would change, item by item");
  show->fallthrough()->add_option("PROPOSAL", *id)->required();
  show->callback([&, id] { code = Show(dir, json, *id); });
  auto user = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  for (const bool accept : {true, false}) {
    CLI::App* answer = endorse->add_subcommand(
        accept ? "accept" : "reject", accept ? "It becomes the record's state everywhere"
                                             : "The conflict stays with the data managers");
    answer->fallthrough()->add_option("PROPOSAL", *id)->required();
    answer->add_option("--user", *user, "Who answers: the investigator's user name")->required();
    CLI::Option* why = answer->add_option("--reason", *reason, "Why; the data managers read it");
    if (!accept) why->required();
    answer->callback([&, id, user, reason, accept] {
      code = Post(dir, "/v1/proposals/" + std::to_string(*id) + "/answer",
                  {{"accept", accept}, {"user", *user}, {"reason", *reason}},
                  accept ? "Accepted. The centre is told as soon as there is a link."
                         : "Rejected. The centre is told as soon as there is a link.");
    });
  }
}

}  // namespace edcsync::edge
