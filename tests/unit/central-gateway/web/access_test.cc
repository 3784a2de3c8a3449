// Who may call what: every operation of the contract without a session, in every wrong role, from a
// foreign page, and about what lies outside one's rights.
#include <gmock/gmock.h>

#include "tests/unit/central-gateway/web/contract_routes.h"
#include "tests/unit/central-gateway/web/desk_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DeskAccess : public DeskServerTest {
 protected:
  void SetUp() override {
    DeskServerTest::SetUp();
    here_ = OpenConflict("01-702-1082");
    quarantined_ = Quarantine("01-702-1083");
  }

  // The path of something that is there.
  std::string PathTo(const ContractRoute& route) {
    std::string path = route.path;
    const auto fill = [&](const std::string& name, const std::string& value) {
      const std::size_t at = path.find("{" + name + "}");
      if (at != std::string::npos) path.replace(at, name.size() + 2, value);
    };
    fill("conflictId", here_.id());
    fill("recordKey", PercentEncode(ToString(here_.base.revision.key)));
    fill("revisionId", quarantined_.id.ToHex());
    fill("userName", "nakato");
    return path;
  }
  Answer Call(const DeskClient& client, const ContractRoute& route,
              const DeskClient::Headers& headers = {}) {
    const bool has_body = route.method != "GET" && route.method != "DELETE";
    return client.Send(route.method, PathTo(route),
                       has_body ? std::optional<std::string>("{}") : std::nullopt, headers);
  }
  static std::string Name(const ContractRoute& route) { return route.method + " " + route.path; }
  static bool Changes(const ContractRoute& route) { return route.method != "GET"; }

  // Nothing is refused for its caller; `{}` may be refused for what it lacks.
  static void ExpectOpen(const Answer& answer, const std::string& name) {
    EXPECT_NE(answer.status, 0) << name;
    EXPECT_NE(answer.status, 401) << name;
    EXPECT_NE(answer.status, 403) << name;
    EXPECT_LT(answer.status, 500) << name << answer.body;
    EXPECT_THAT(answer.body, Not(HasSubstr("is not served here"))) << name;
  }
  // Each call by a new session of the user, since logging out is one of the calls.
  void ExpectRole(const std::string& user, const std::vector<RightRow>& rights,
                  const std::set<Callers>& open) {
    for (const ContractRoute& route : ContractRoutes()) {
      if (route.callers == Callers::kAll) continue;
      const DeskClient client = As(user, rights);
      const std::string before = Everything();
      const Answer answer = Call(client, route);
      if (open.contains(route.callers)) {
        ExpectOpen(answer, user + ": " + Name(route));
        continue;
      }
      EXPECT_EQ(answer.status, 403) << user << ": " << Name(route);
      EXPECT_EQ(answer.code(), "forbidden");
      EXPECT_EQ(Everything(), before) << user << ": " << Name(route);
    }
  }

  Opened here_;
  KnownRevision quarantined_;
};

TEST_F(DeskAccess, TheTableOfTheTestsIsTheContracts) {
  std::multiset<std::string> tested;
  for (const ContractRoute& route : ContractRoutes()) tested.insert(Name(route));
  EXPECT_EQ(tested, OperationsOfContract());
}

TEST_F(DeskAccess, WithoutASessionOrWithAnInventedOneEveryCallIs401) {
  const std::string before = Everything();
  DeskClient invented = Anonymous();
  invented.cookie = "edcsync_session=" + std::string(64, 'a');
  invented.csrf = std::string(64, 'a');
  for (const ContractRoute& route : ContractRoutes()) {
    if (route.callers == Callers::kAll) continue;
    for (const DeskClient& client : {Anonymous(), invented}) {
      const Answer answer = Call(client, route);
      EXPECT_EQ(answer.status, 401) << Name(route);
      EXPECT_EQ(answer.code(), "unauthorized") << Name(route);
      EXPECT_EQ(answer.Header("content-type"), "application/problem+json");
    }
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(DeskAccess, ADataManagerDoesAllButKeepAccounts) {
  AddUser("nakato", {kAllMonitor});
  ExpectRole("dm", {kAllManager},
             {Callers::kSession, Callers::kMembers, Callers::kManagersAndAdministrators,
              Callers::kReaders, Callers::kManagers, Callers::kOverseers});
}

TEST_F(DeskAccess, AMonitorOnlyReads) {
  AddUser("nakato", {kAllMonitor});
  ExpectRole("monitor", {kAllMonitor},
             {Callers::kSession, Callers::kMembers, Callers::kReaders, Callers::kOverseers});
}

TEST_F(DeskAccess, AnOperatorSeesNoRecord) {
  AddUser("nakato", {kAllMonitor});
  ExpectRole("operator", {kOperatorRight},
             {Callers::kSession, Callers::kMembers, Callers::kOverseers});
}

TEST_F(DeskAccess, AnAdministratorKeepsAccountsAndSeesNoRecord) {
  AddUser("nakato", {kAllMonitor});
  ExpectRole("admin", {kAdministratorRight},
             {Callers::kSession, Callers::kMembers, Callers::kManagersAndAdministrators,
              Callers::kOverseers, Callers::kAdministrators});
}

TEST_F(DeskAccess, AnAccountWithoutARightSeesItselfOnly) {
  AddUser("nakato", {kAllMonitor});
  ExpectRole("guest", {}, {Callers::kSession, Callers::kMembers});
  const DeskClient guest = As("guest", {});
  EXPECT_EQ(guest.Get("/api/v1/studies").json()["studies"], Json::array());
}

TEST_F(DeskAccess, WithoutItsSessionsCsrfTokenNothingIsChanged) {
  AddUser("nakato", {kAllMonitor});
  const std::vector<RightRow> all{kAllManager, kAdministratorRight};
  const DeskClient mine = As("dm", all);
  const DeskClient other_session = As("dm", all);
  const DeskClient other_user = As("okello", all);
  const std::string before = Everything();
  const std::string accounts = Rows("account");
  for (const std::string& token : {std::string(), std::string("x"), other_session.csrf,
                                   other_user.csrf, mine.csrf + "a", mine.csrf.substr(1)}) {
    DeskClient forged = mine;
    forged.csrf = token;
    for (const ContractRoute& route : ContractRoutes()) {
      if (!Changes(route) || route.callers == Callers::kAll) continue;
      const Answer answer = Call(forged, route);
      EXPECT_EQ(answer.status, 403) << Name(route);
      EXPECT_THAT(answer.body, HasSubstr("X-CSRF-Token"));
    }
  }
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(Rows("account"), accounts);
  EXPECT_EQ(mine.Get("/api/v1/session").status, 200);  // Nor was anybody logged out.
  EXPECT_EQ(mine.Post(PathOf(here_, "/claim"), Json::object()).status, 200);
}

TEST_F(DeskAccess, ACallFromAPageOfAnotherSiteIsRefused) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  AddUser("nakato", {kAllMonitor});
  const std::string before = Everything();
  for (const char* site : {"cross-site", "same-site", "anything"}) {
    for (const ContractRoute& route : ContractRoutes()) {
      const Answer answer = Call(client, route, {{"Sec-Fetch-Site", site}});
      EXPECT_EQ(answer.status, route.path == kSentBackPath ? 404 : 403) << Name(route);
    }
  }
  EXPECT_EQ(Everything(), before);
  for (const char* site : {"same-origin", "none"}) {
    EXPECT_EQ(client.Get("/api/v1/conflicts", {{"Sec-Fetch-Site", site}}).status, 200);
  }
}

TEST_F(DeskAccess, BeforeTheFirstPasswordIsChangedNothingElseIsOpen) {
  PasswordHasher hasher(hashing_);
  const std::string first =
      Must(AddAccount(*store_, hasher, system_random_,
                      {"novice", "New Here", {kAllManager, kAdministratorRight}}, "root"))
          .password;
  DeskClient novice = Anonymous();
  const Answer opened = LogIn(novice, "novice", first);
  ASSERT_EQ(opened.status, 200);
  EXPECT_EQ(opened.json()["mustChangePassword"], true);
  novice.Keep(opened);
  const std::string before = Everything();
  for (const ContractRoute& route : ContractRoutes()) {
    if (route.callers == Callers::kAll || route.callers == Callers::kSession) continue;
    const Answer answer = Call(novice, route);
    EXPECT_EQ(answer.status, 403) << Name(route);
    EXPECT_EQ(answer.code(), "password_change_required") << Name(route);
  }
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(novice.Post("/api/v1/session/password", {{"current", first}, {"new", "short"}}).status,
            422);
  const Answer changed =
      novice.Post("/api/v1/session/password", {{"current", first}, {"new", kPassword}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(novice.Get("/api/v1/session").status, 401);  // The session goes on under new tokens.
  novice.Keep(changed);
  EXPECT_EQ(novice.Get("/api/v1/conflicts").status, 200);
}

TEST_F(DeskAccess, WhatIsOfAnotherSiteIsAsIfItWereNotThere) {
  const Opened there = OpenConflict("01-703-1042", kTororo);
  const KnownRevision waiting_there = Quarantine("01-703-1043", kTororo);
  const DeskClient client = As("kisumu-dm", {ManagerOf(kKisumu)});
  const std::string key = ToString(there.base.revision.key);
  const std::string before = Everything();
  for (const char* rest : {"", "/claim", "/preview", "/resolve"}) {
    const std::string path = PathOf(there, rest);
    const Json decision = DecisionOn(there, "1");
    const Answer answer = *rest == '\0' ? client.Get(path)
                          : std::string(rest) == "/preview"
                              ? client.Post(path, {{"take", there.left.id.ToHex()}})
                              : client.Post(path, decision);
    EXPECT_EQ(answer.status, 404) << path << answer.body;
    EXPECT_THAT(answer.body, Not(HasSubstr("Tororo")));
  }
  EXPECT_EQ(client.Delete(PathOf(there, "/claim")).status, 404);
  EXPECT_EQ(client.Get("/api/v1/records/" + PercentEncode(key)).status, 404);
  EXPECT_EQ(client.Get("/api/v1/quarantine/" + waiting_there.id.ToHex()).status, 404);
  EXPECT_EQ(client.Get("/api/v1/audit?object=" + PercentEncode(key)).status, 404);
  EXPECT_EQ(client.Get("/api/v1/audit").status, 403);
  EXPECT_EQ(client.Get("/api/v1/audit/export").status, 403);
  const Json many[] = {
      client
          .Post("/api/v1/conflicts/assign",
                {{"conflictIds", {there.id()}}, {"assignee", "kisumu-dm"}})
          .json(),
      client
          .Post("/api/v1/conflicts/decide",
                {{"rule", "current"},
                 {"reason", {{"text", "r"}}},
                 {"signature", Signed()},
                 {"conflicts", {{{"conflictId", there.id()}, {"seenHeads", HeadsOf(there.row)}}}}})
          .json(),
      client
          .Post("/api/v1/quarantine/release", {{"revisionIds", {waiting_there.id.ToHex()}},
                                               {"reason", "r"},
                                               {"signature", Signed()}})
          .json(),
      client
          .Post("/api/v1/quarantine/reject", {{"revisionIds", {waiting_there.id.ToHex()}},
                                              {"reason", "r"},
                                              {"signature", Signed()}})
          .json()};
  for (const Json& answer : many) {
    ASSERT_EQ(answer["outcomes"].size(), 1u) << answer;
    EXPECT_EQ(answer["outcomes"][0]["done"], false) << answer;
    EXPECT_EQ(answer["outcomes"][0]["code"], "not_found") << answer;
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(DeskAccess, ListsAndCountsHoldOnesOwnSitesOnly) {
  const Opened there = OpenConflict("01-703-1042", kTororo);
  Quarantine("01-703-1043", kTororo);
  const DeskClient client = As("kisumu-dm", {ManagerOf(kKisumu)});
  for (const char* path :
       {"/api/v1/conflicts", "/api/v1/conflicts?site=Tororo", "/api/v1/conflicts?q=703",
        "/api/v1/conflicts/counts", "/api/v1/conflicts/export",
        "/api/v1/conflicts/export?format=json", "/api/v1/records",
        "/api/v1/records?study=CDISCPILOT01&value=71", "/api/v1/records?site=Tororo",
        "/api/v1/quarantine?state=all", "/api/v1/overview", "/api/v1/studies"}) {
    const Answer answer = client.Get(path);
    EXPECT_EQ(answer.status, 200) << path;
    const bool asked_for = std::string(path).find("703") != std::string::npos;
    EXPECT_THAT(answer.body, Not(HasSubstr("Tororo"))) << path;
    if (!asked_for) {
      EXPECT_THAT(answer.body, Not(HasSubstr("01-703"))) << path;
    }
  }
  EXPECT_EQ(client.Get("/api/v1/conflicts").json()["total"], 1);
  EXPECT_EQ(client.Get("/api/v1/conflicts/counts").json()["total"], 1);
  EXPECT_EQ(client.Get("/api/v1/conflicts?site=Tororo").json()["total"], 0);
}

TEST_F(DeskAccess, WhoOnlyReadsASiteDoesNotDecideThere) {
  const Opened there = OpenConflict("01-703-1042", kTororo);
  const DeskClient client =
      As("dm", {ManagerOf(kKisumu), {Role::kMonitor, kPilot, kTororo, false}});
  const Answer shown = client.Get(PathOf(there));
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.json()["mayDecide"], false);
  EXPECT_EQ(client.Get(PathOf(here_)).json()["mayDecide"], true);
  const std::string before = Everything();
  EXPECT_EQ(client.Post(PathOf(there, "/claim"), Json::object()).status, 403);
  EXPECT_EQ(client.Post(PathOf(there, "/resolve"), DecisionOn(there, "1")).status, 403);
  const Json assigned =
      client
          .Post("/api/v1/conflicts/assign", {{"conflictIds", {there.id()}}, {"assignee", nullptr}})
          .json();
  EXPECT_EQ(assigned["outcomes"][0]["code"], "forbidden");
  EXPECT_EQ(Everything(), before);
}

TEST_F(DeskAccess, ARightThatEndsEndsWithinTheSession) {
  const DeskClient client = As("dm", {kAllManager});
  EXPECT_EQ(client.Get(PathOf(here_)).status, 200);
  ASSERT_TRUE(ChangeRights(*store_, "dm", {kOperatorRight}, "root").ok());
  EXPECT_EQ(client.Get(PathOf(here_)).status, 403);
  ASSERT_TRUE(SetActive(*store_, "dm", false, "root").ok());
  EXPECT_EQ(client.Get("/api/v1/session").status, 401);
}

}  // namespace
}  // namespace edcsync::central
