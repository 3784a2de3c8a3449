// user.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/app/commands.h"
#include "central-gateway/people/account_json.h"
#include "central-gateway/people/accounts.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

struct UserArguments {
  std::string user, full_name, role, study, site, provider_name;
  bool sees_blinded = false;
  bool by_provider = false;
};

// Who the account is at the provider of the configuration: --provider-name, or the account's name.
Result<ProviderName> ProviderNameOf(const CommandContext& context, const UserArguments& arguments) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  if (!config.desk.oidc) {
    return Fail(ErrorCode::kConfiguration,
                config.installation.Config() + " has no [desk.oidc], so there is no provider");
  }
  return ProviderName{config.desk.oidc->options.provider.issuer,
                      arguments.provider_name.empty() ? arguments.user : arguments.provider_name};
}

Result<RightRow> RightOf(const UserArguments& arguments) {
  const std::optional<Role> role = ParseRole(arguments.role);
  if (!role) return Fail(ErrorCode::kUsage, "there is no role " + arguments.role);
  if (arguments.sees_blinded && *role != Role::kMonitor) {
    return Fail(ErrorCode::kUsage,
                "--sees-blinded is for a monitor: a data manager sees blinded values anyway, the "
                "others read no values");
  }
  return RightRow{*role, StudyOID(arguments.study), SiteOID(arguments.site),
                  arguments.sees_blinded};
}

Json ToJson(const CommandContext& context, const AccountRow& account) {
  return Json::parse(AccountJson(account, context.clock.Wall()));
}

void PrintAccount(const Json& account) {
  std::printf("%-20s %s%s%s%s, last log-in %s\n", Text(account["user"], "").c_str(),
              Text(account["fullName"], "").c_str(), account["active"] ? "" : ", not active",
              account["mustChangePassword"] ? ", must change the password" : "",
              account["lockedUntil"].is_null()
                  ? ""
                  : (", locked until " + Text(account["lockedUntil"], "")).c_str(),
              Text(account["lastLogInAt"], "never").c_str());
  if (!account["provider"].is_null()) {
    const Json& provider = account["provider"];
    std::printf("  logs in as %s by %s, %s\n", Text(provider["name"], "").c_str(),
                Text(provider["issuer"], "").c_str(),
                provider["boundAt"].is_null() ? "not yet done"
                                              : ("bound " + Text(provider["boundAt"], "")).c_str());
  }
  for (const Json& right : account["rights"]) {
    std::printf("  %-13s study %s, site %s%s\n", Text(right["role"], "").c_str(),
                Text(right["studyOID"], "*").c_str(), Text(right["siteOID"], "*").c_str(),
                right["seesBlinded"] ? ", sees blinded values" : "");
  }
}

Status Print(CommandContext& context, const AccountRow& account) {
  const Json json = ToJson(context, account);
  if (context.json) {
    std::printf("%s\n", json.dump(2).c_str());
  } else {
    PrintAccount(json);
  }
  return Ok();
}

Status PrintFirst(CommandContext& context, const FirstPassword& first) {
  const Json json = ToJson(context, first.account);
  if (context.json) {
    const Json password = first.password.empty() ? Json(nullptr) : Json(first.password);
    std::printf("%s\n", Json{{"user", json}, {"firstPassword", password}}.dump(2).c_str());
    return Ok();
  }
  PrintAccount(json);
  if (first.password.empty()) return Ok();
  std::printf(
      "First password: %s\n"
      "It is shown this once and must be changed at the first log-in.\n",
      first.password.c_str());
  return Ok();
}

Status Add(CommandContext& context, CentralStore& store, const UserArguments& arguments) {
  EDCSYNC_ASSIGN(RightRow right, RightOf(arguments));
  NewAccount account{arguments.user, arguments.full_name, {std::move(right)}};
  if (arguments.by_provider || !arguments.provider_name.empty()) {
    EDCSYNC_ASSIGN(account.provider, ProviderNameOf(context, arguments));
  }
  PasswordHasher hasher;
  EDCSYNC_ASSIGN(const FirstPassword first,
                 AddAccount(store, hasher, context.random, account, context.user));
  return PrintFirst(context, first);
}

Status List(CommandContext& context, CentralStore& store) {
  EDCSYNC_ASSIGN(const std::vector<AccountRow> accounts, ListAccounts(store));
  Json list = Json::array();
  for (const AccountRow& account : accounts) list.push_back(ToJson(context, account));
  if (context.json) {
    std::printf("%s\n", list.dump(2).c_str());
    return Ok();
  }
  for (const Json& account : list) PrintAccount(account);
  return Ok();
}

Status Reset(CommandContext& context, CentralStore& store, const UserArguments& arguments) {
  PasswordHasher hasher;
  EDCSYNC_ASSIGN(const FirstPassword first,
                 ResetPassword(store, hasher, context.random, arguments.user, context.user));
  return PrintFirst(context, first);
}

using RunUser = Status (*)(CommandContext&, CentralStore&, const UserArguments&);

// A command about one account, run with its arguments.
CLI::App* AddOne(CLI::App& parent, CommandContext& context, const char* name, const char* help,
                 const std::shared_ptr<UserArguments>& arguments, RunUser run) {
  CLI::App* command = parent.add_subcommand(name, help)->fallthrough();
  command->add_option("NAME", arguments->user, "The name to log in with: A-Z a-z 0-9 . _ @ -")
      ->required();
  command->callback([&context, arguments, run] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return run(context, store, *arguments); });
  });
  return command;
}

CLI::App* TakingRight(CLI::App* command, const std::shared_ptr<UserArguments>& arguments) {
  command->add_option("--role", arguments->role, "data_manager, monitor, operator or administrator")
      ->required()
      ->check(CLI::IsMember({"data_manager", "monitor", "operator", "administrator"}));
  command->add_option("--study", arguments->study, "Only for this StudyOID (default: every)");
  command->add_option("--site", arguments->site, "Only for this SiteOID (default: every)");
  return command;
}

void AddRightCommands(CLI::App& user, CommandContext& context,
                      const std::shared_ptr<UserArguments>& arguments) {
  const auto grant = [](CommandContext& run, CentralStore& store,
                        const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const RightRow right, RightOf(given));
    EDCSYNC_ASSIGN(const AccountRow account, GrantRight(store, given.user, right, run.user));
    return Print(run, account);
  };
  TakingRight(AddOne(user, context, "grant", "Give one more right", arguments, grant), arguments)
      ->add_flag("--sees-blinded", arguments->sees_blinded, "A monitor: sees blinded values too");
  const auto revoke = [](CommandContext& run, CentralStore& store,
                         const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const RightRow right, RightOf(given));
    EDCSYNC_ASSIGN(const AccountRow account, RevokeRight(store, given.user, right, run.user));
    return Print(run, account);
  };
  TakingRight(
      AddOne(user, context, "revoke", "Take one right away, as it was given", arguments, revoke),
      arguments);
}

void AddStandingCommands(CLI::App& user, CommandContext& context,
                         const std::shared_ptr<UserArguments>& arguments) {
  const auto deactivate = [](CommandContext& run, CentralStore& store,
                             const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const AccountRow account, SetActive(store, given.user, false, run.user));
    return Print(run, account);
  };
  AddOne(user, context, "deactivate", "No log-in any more; sessions end at once", arguments,
         deactivate);
  const auto activate = [](CommandContext& run, CentralStore& store,
                           const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const AccountRow account, SetActive(store, given.user, true, run.user));
    return Print(run, account);
  };
  AddOne(user, context, "activate", "Log-in again, with the same password", arguments, activate);
}

void TakingProviderName(CLI::App* command, const std::shared_ptr<UserArguments>& arguments) {
  command->add_option("--provider-name", arguments->provider_name,
                      "What the provider calls the person (default: NAME)");
}

void AddLinkCommands(CLI::App& user, CommandContext& context,
                     const std::shared_ptr<UserArguments>& arguments) {
  const auto link = [](CommandContext& run, CentralStore& store,
                       const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const ProviderName provider, ProviderNameOf(run, given));
    EDCSYNC_ASSIGN(const AccountRow account, LinkAccount(store, given.user, provider, run.user));
    return Print(run, account);
  };
  TakingProviderName(
      AddOne(user, context, "link",
             "Log-in by the identity provider of [desk.oidc]; the first one binds the account to "
             "the provider's subject",
             arguments, link),
      arguments);
  const auto unlink = [](CommandContext& run, CentralStore& store,
                         const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const AccountRow account, UnlinkAccount(store, given.user, run.user));
    return Print(run, account);
  };
  AddOne(user, context, "unlink",
         "No log-in by the provider any more; reset-password gives the account a password",
         arguments, unlink);
}

}  // namespace

void AddUserCommands(CLI::App& app, CommandContext& context) {
  CLI::App* user = app.add_subcommand("user", "Accounts of the conflict desk");
  user->require_subcommand(1)->fallthrough();
  auto arguments = std::make_shared<UserArguments>();
  CLI::App* add =
      TakingRight(AddOne(*user, context, "add", "Add an account; prints its first password once",
                         arguments, Add),
                  arguments);
  add->add_option("--full-name", arguments->full_name, "As it stands in signatures")->required();
  add->add_flag("--sees-blinded", arguments->sees_blinded, "A monitor: sees blinded values too");
  add->add_flag("--oidc", arguments->by_provider,
                "Logs in by the identity provider of [desk.oidc], and gets no password");
  TakingProviderName(add, arguments);
  user->add_subcommand("list", "All accounts")->fallthrough()->callback([&context] {
    context.code = WithStore(context, [&](CentralStore& store) { return List(context, store); });
  });
  const auto show = [](CommandContext& run, CentralStore& store,
                       const UserArguments& given) -> Status {
    EDCSYNC_ASSIGN(const AccountRow account, FindAccount(store, given.user));
    return Print(run, account);
  };
  AddOne(*user, context, "show", "One account", arguments, show);
  AddRightCommands(*user, context, arguments);
  AddStandingCommands(*user, context, arguments);
  AddLinkCommands(*user, context, arguments);
  AddOne(*user, context, "reset-password",
         "A new first password; ends lockout and every session of the account", arguments, Reset);
}

}  // namespace edcsync::central
