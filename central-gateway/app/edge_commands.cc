// edge, study, policy, lock.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "central-gateway/admin/edge_admin.h"
#include "central-gateway/admin/study_admin.h"
#include "central-gateway/app/commands.h"
#include "central-gateway/app/enrolment_commands.h"
#include "central-gateway/desk/central_queries.h"
#include "shared/base/file.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kReasonsBytesMax = 64 * 1024;

constexpr std::size_t kOdmBytesMax = 64 * 1024 * 1024;

int AddEdgeCommand(CommandContext& context, const std::string& edge, const std::string& site,
                   const std::string& out) {
  const Result<Config> config = LoadConfig(context.dir);
  if (!config.ok()) return Report(config.error());
  return WithStore(context, [&](CentralStore& store) -> Status {
    Result<std::string> enrolment = std::string();
    if (config->enrolment.enabled) enrolment = EnrolmentAddress(*config);
    EDCSYNC_TRY(AddEdge(store, config->installation, EdgeId(edge), SiteOID(site),
                        {out, config->broker_host, config->broker_port,
                         enrolment.ok() ? *enrolment : std::string()},
                        context.user, context.clock, context.random));
    std::printf(
        "Edge %s for site %s: bundle in %s. It holds a private key: bring it to the site "
        "by a safe way.\nThere: edge-agent --dir %s run\n",
        edge.c_str(), site.c_str(), out.c_str(), out.c_str());
    return Ok();
  });
}

Status ListEdges(CommandContext& context, CentralStore& store) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  EDCSYNC_ASSIGN(const std::string body, EdgeListJson(store, ScheduleOf(config, context.clock)));
  const Json edges = Json::parse(body);
  if (context.json) {
    std::printf("%s\n", edges.dump(2).c_str());
    return Ok();
  }
  for (const Json& edge : edges) {
    std::printf(
        "%-16s site %-12s %-10s received through %s, last contact %s%s\n",
        Text(edge["edgeId"]).c_str(), Text(edge["siteOID"]).c_str(), Text(edge["standing"]).c_str(),
        Text(edge["acknowledgedThrough"]).c_str(), Text(edge["lastContactAt"]).c_str(),
        Text(edge["standingReason"]).empty() ? "" : (", " + Text(edge["standingReason"])).c_str());
    std::printf("                 %s\n", ComparisonText(edge).c_str());
  }
  return Ok();
}

void AddEdges(CLI::App& app, CommandContext& context) {
  CLI::App* edge = app.add_subcommand("edge", "Edges of the sites");
  edge->require_subcommand(1)->fallthrough();
  auto name = std::make_shared<std::string>();
  auto site = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* add = edge->add_subcommand("add", "Register an edge and write its bundle");
  add->fallthrough();
  add->add_option("EDGE", *name, "Its name: A-Z a-z 0-9 . _ -")->required();
  add->add_option("--site", *site, "Its SiteOID")->required();
  add->add_option("--out", *out, "Folder for the bundle")->required();
  add->callback(
      [&context, name, site, out] { context.code = AddEdgeCommand(context, *name, *site, *out); });
  AddInvite(*edge, context);
  edge->add_subcommand("list", "All edges")->fallthrough()->callback([&context] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return ListEdges(context, store); });
  });
  CLI::App* revoke = edge->add_subcommand("revoke", "End an edge's rights at once, for good");
  revoke->fallthrough();
  revoke->add_option("EDGE", *name)->required();
  revoke->callback([&context, name] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
      EDCSYNC_TRY(RevokeEdge(store, config.installation, EdgeId(*name), context.user,
                             context.reason, context.clock));
      std::printf("Edge %s is revoked. What it holds unsent stays in its outbox.\n", name->c_str());
      return Ok();
    });
  });
  CLI::App* readmit = edge->add_subcommand(
      "readmit", "Let an edge with a restored, cloned or lost database begin a new incarnation");
  readmit->fallthrough();
  readmit->add_option("EDGE", *name)->required();
  readmit->callback([&context, name] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      std::uint64_t known_through = 0;
      EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
        EDCSYNC_ASSIGN(const auto row, reader.FindEdge(EdgeId(*name)));
        if (row) known_through = row->acknowledged_through.value();
        return Ok();
      }));
      EDCSYNC_TRY(ReadmitEdge(store, EdgeId(*name), context.user, context.reason));
      std::printf(
          "Edge %s may begin a new incarnation. At the site: edge-agent sync "
          "new-incarnation (not needed for a new database).\n"
          "The centre has what it captured through sequence %llu; what only a lost database held "
          "behind that is lost.\n",
          name->c_str(), static_cast<unsigned long long>(known_through));
      return Ok();
    });
  });
}

Status ImportFile(CommandContext& context, CentralStore& store, const std::string& file) {
  EDCSYNC_ASSIGN(const std::string xml, ReadFile(file, kOdmBytesMax));
  EDCSYNC_ASSIGN(const std::vector<StudyRow> rows, ImportStudy(store, xml, context.user));
  for (const StudyRow& row : rows) {
    std::printf("Imported %s, metadata version %s.\n", row.study.str().c_str(),
                row.metadata_version.str().c_str());
  }
  return Ok();
}

// `study resolution STUDYOID central|site_endorsed [--rule FILE]`
void AddResolution(CLI::App& study, CommandContext& context) {
  auto of_study = std::make_shared<std::string>();
  auto mode = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  CLI::App* resolution = study.add_subcommand(
      "resolution", "Who settles the study's conflicts (ICH E6(R3) 3.16.1(i))");
  resolution->fallthrough();
  resolution->add_option("STUDYOID", *of_study)->required();
  resolution
      ->add_option("MODE", *mode,
                   "central: a data manager, by the rule agreed on; site_endorsed: a data manager "
                   "proposes, the site endorses")
      ->required()
      ->check(CLI::IsMember({"central", "site_endorsed"}));
  resolution->add_option("--rule", *file, "A file with the text of the rule agreed on");
  resolution->callback([&context, of_study, mode, file] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      Result<std::string> rule = std::string();
      if (!file->empty()) rule = ReadFile(*file, kRuleBytesMax);
      if (!rule.ok()) return tl::unexpected<Error>(rule.error());
      const bool central = *mode == "central";
      EDCSYNC_TRY(SetResolution(
          store, StudyOID(*of_study),
          central ? ResolutionMode::kCentral : ResolutionMode::kSiteEndorsed, *rule,
          context.user));
      std::printf(central ? "Data managers settle the study's conflicts, by this rule.\n"
                          : "Data managers propose, and the sites endorse.\n");
      return Ok();
    });
  });
}

// `study blind STUDYOID [ITEMOID...]` and `study reasons STUDYOID [FILE]`
void AddStudySettings(CLI::App& study, CommandContext& context) {
  auto of_study = std::make_shared<std::string>();
  auto items = std::make_shared<std::vector<std::string>>();
  CLI::App* blind = study.add_subcommand(
      "blind", "Items whose values only data managers see: these and no others");
  blind->fallthrough();
  blind->add_option("STUDYOID", *of_study)->required();
  blind->add_option("ITEMOID", *items, "None: no item is blinded");
  blind->callback([&context, of_study, items] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      const std::vector<ItemOID> oids(items->begin(), items->end());
      EDCSYNC_TRY(SetBlindedItems(store, StudyOID(*of_study), oids, context.user));
      std::printf("%zu items are blinded.\n", oids.size());
      return Ok();
    });
  });
  auto file = std::make_shared<std::string>();
  CLI::App* reasons =
      study.add_subcommand("reasons", "What a decision's reason may be, as a JSON file");
  reasons->fallthrough();
  reasons->add_option("STUDYOID", *of_study)->required();
  reasons->add_option("FILE", *file, "Without: the desk's own list again");
  reasons->callback([&context, of_study, file] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      Result<std::string> json = std::string();
      if (!file->empty()) json = ReadFile(*file, kReasonsBytesMax);
      if (!json.ok()) return tl::unexpected<Error>(json.error());
      EDCSYNC_TRY(SetReasons(store, StudyOID(*of_study), *json, context.user));
      std::printf("The reasons are set.\n");
      return Ok();
    });
  });
}

void AddStudies(CLI::App& app, CommandContext& context) {
  CLI::App* study = app.add_subcommand("study", "Study definitions");
  study->require_subcommand(1)->fallthrough();
  auto file = std::make_shared<std::string>();
  CLI::App* import = study->add_subcommand("import", "Import ODM 1.3.2 metadata")->fallthrough();
  import->add_option("FILE", *file, "An ODM file")->required();
  import->callback([&context, file] {
    context.code = WithStore(
        context, [&](CentralStore& store) { return ImportFile(context, store, *file); });
  });
  AddStudySettings(*study, context);
  AddResolution(*study, context);

  auto study_oid = std::make_shared<std::string>();
  auto form_oid = std::make_shared<std::string>();
  auto policy = std::make_shared<std::string>();
  CLI::App* set = study->add_subcommand(
      "policy", "What to do when two sides changed different items of a form");
  set->fallthrough();
  set->add_option("STUDYOID", *study_oid)->required();
  set->add_option("merge_policy", *policy, "flag (default) or merge_disjoint")
      ->required()
      ->check(CLI::IsMember({"flag", "merge_disjoint"}));
  set->add_option("--form", *form_oid, "Only for this FormOID");
  set->callback([&context, study_oid, form_oid, policy] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      EDCSYNC_TRY(SetPolicy(store, StudyOID(*study_oid), FormOID(*form_oid),
                            *policy == "flag" ? MergePolicy::kFlag : MergePolicy::kMergeDisjoint,
                            context.user));
      std::printf("Set.\n");
      return Ok();
    });
  });
}

Status ListLocks(CommandContext& context, CentralStore& store) {
  EDCSYNC_ASSIGN(const std::string body, LockListJson(store));
  const Json locks = Json::parse(body);
  if (context.json) {
    std::printf("%s\n", locks.dump(2).c_str());
    return Ok();
  }
  for (const Json& lock : locks) {
    std::printf("%-8s %s %s  since %s by %s: %s\n", Text(lock["scope"]).c_str(),
                Text(lock["studyOID"]).c_str(), Text(lock["object"]).c_str(),
                Text(lock["setAt"]).c_str(), Text(lock["setBy"]).c_str(),
                Text(lock["reason"]).c_str());
  }
  return Ok();
}

// `lock set study|site|subject|form STUDYOID [OBJECT]`
struct LockArguments {
  std::string scope, study, object;
};

Result<LockRow> LockOf(const LockArguments& arguments) {
  LockRow lock;
  lock.study = StudyOID(arguments.study);
  lock.object = arguments.object;
  if (arguments.scope == "study") {
    lock.scope = LockScope::kStudy;
  } else if (arguments.scope == "site") {
    lock.scope = LockScope::kSite;
  } else if (arguments.scope == "subject") {
    lock.scope = LockScope::kSubject;
  } else {
    lock.scope = LockScope::kForm;
  }
  if ((lock.scope == LockScope::kStudy) != lock.object.empty()) {
    return Fail(ErrorCode::kUsage,
                "A site, subject or form lock names its object (a SiteOID, a "
                "SubjectKey or a record KEY); a study lock names none");
  }
  return lock;
}

void AddLocks(CLI::App& app, CommandContext& context) {
  CLI::App* lock = app.add_subcommand("lock", "Locks of a study, site, subject or form");
  lock->require_subcommand(1)->fallthrough();
  auto arguments = std::make_shared<LockArguments>();
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = lock->add_subcommand(name, help)->fallthrough();
    command->add_option("SCOPE", arguments->scope)
        ->required()
        ->check(CLI::IsMember({"study", "site", "subject", "form"}));
    command->add_option("STUDYOID", arguments->study)->required();
    command->add_option("OBJECT", arguments->object,
                        "SiteOID, SubjectKey, or the record KEY of a form");
    return command;
  };
  add("set", "Lock")->callback([&context, arguments] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      EDCSYNC_ASSIGN(LockRow row, LockOf(*arguments));
      row.set_by = context.user;
      row.reason = context.reason;
      if (row.reason.empty()) return Fail(ErrorCode::kFieldMissing, "--reason is required");
      EDCSYNC_TRY(SetLock(store, std::move(row)));
      std::printf("Locked.\n");
      return Ok();
    });
  });
  add("clear", "Unlock")->callback([&context, arguments] {
    context.code = WithStore(context, [&](CentralStore& store) -> Status {
      EDCSYNC_ASSIGN(const LockRow row, LockOf(*arguments));
      EDCSYNC_TRY(ClearLock(store, row, context.user, context.reason));
      std::printf("Unlocked. What waits in quarantine is released one by one.\n");
      return Ok();
    });
  });
  lock->add_subcommand("list", "All locks")->fallthrough()->callback([&context] {
    context.code =
        WithStore(context, [&](CentralStore& store) { return ListLocks(context, store); });
  });
}

}  // namespace

void AddEdgeCommands(CLI::App& app, CommandContext& context) {
  AddEdges(app, context);
  AddStudies(app, context);
  AddLocks(app, context);
}

}  // namespace edcsync::central
