// What is sent to harm: script and SQL wherever a text may stand, bodies too large, too deep, too
// slow or of another kind. It comes back as text or is refused, and changes nothing it should not.
#include <gmock/gmock.h>

#include "shared/base/limits.h"
#include "tests/unit/central-gateway/web/contract_routes.h"
#include "tests/unit/central-gateway/web/desk_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHostile[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</script><svg onload=alert(1)>",
    "' OR '1'='1",
    "'; DROP TABLE conflict; --",
    "x' UNION SELECT password_hash FROM account --",
    "\" OR 1=1 --",
    "%' OR lower(user) LIKE '%",
    "{{constructor.constructor('alert(1)')()}}",
    "=cmd|' /C calc'!A0",
    "../../../../etc/passwd",
    "a\r\nSet-Cookie: edcsync_session=x",
    std::string("nul\0byte", 8),
    "\xE2\x80\xAEtxet desrever",
    "javascript:alert(1)",
};
constexpr char kNotUtf8[] = "\xff\xfe\xc3";

class HostileInput : public DeskServerTest {
 protected:
  void SetUp() override {
    DeskServerTest::SetUp();
    opened_ = OpenConflict("01-702-1082");
  }
  // An answer that a browser cannot take for a page.
  static void ExpectHarmless(const Answer& answer, const std::string& of) {
    ASSERT_NE(answer.status, 0) << of;
    EXPECT_LT(answer.status, 500) << of << answer.body;
    EXPECT_EQ(answer.Header("x-content-type-options"), "nosniff") << of;
    EXPECT_THAT(answer.Header("content-type"), Not(HasSubstr("html"))) << of;
    EXPECT_EQ(answer.headers.count("set-cookie"), 0u) << of;
    EXPECT_THAT(answer.body, Not(HasSubstr("argon2id"))) << of;
  }

  Opened opened_;
};

TEST_F(HostileInput, InEveryFilterItIsATextThatNothingMatches) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  const std::pair<const char*, std::vector<const char*>> filters[] = {
      {"/api/v1/conflicts", {"study", "site", "subject", "event", "form", "item", "assignee", "q"}},
      {"/api/v1/conflicts/counts",
       {"study", "site", "subject", "event", "form", "item", "assignee", "q"}},
      {"/api/v1/conflicts/export?format=json",
       {"study", "site", "subject", "event", "form", "item", "assignee", "q"}},
      {"/api/v1/records", {"study", "site", "subject", "event", "form"}},
      {"/api/v1/records?study=CDISCPILOT01", {"item", "value"}},
      {"/api/v1/audit", {"object", "action", "actor"}},
      {"/api/v1/audit/export?format=json", {"object", "action", "actor"}},
  };
  const std::string before = Everything();
  for (const auto& [path, names] : filters) {
    for (const char* name : names) {
      for (const std::string& hostile : kHostile) {
        const std::string separator = std::string(path).find('?') == std::string::npos ? "?" : "&";
        const std::string call = path + separator + name + "=" + PercentEncode(hostile);
        const Answer answer = client.Get(call);
        ExpectHarmless(answer, call);
        EXPECT_EQ(answer.status, 200) << call;
        const Json json = answer.json();
        if (json.is_array()) {
          EXPECT_EQ(json.size(), 0u) << call;
        } else if (json.contains("bySite")) {
          EXPECT_EQ(json["total"], 0) << call;
        } else {
          EXPECT_EQ(json.begin()->size(), 0u) << call;  // The list comes first.
        }
      }
    }
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(HostileInput, WhereOnlyAFewWordsMayStandItIsRefused) {
  const DeskClient client = As("dm", {kAllManager});
  const std::string before = Everything();
  for (const char* parameter :
       {"conflicts?state=", "conflicts?severity=", "conflicts?due=", "conflicts?sort=",
        "conflicts?limit=", "conflicts?cursor=", "conflicts/export?format=", "records?limit=",
        "records?cursor=", "quarantine?state=", "quarantine?limit=", "quarantine?cursor=",
        "audit?from=", "audit?to=", "audit?limit=", "audit?cursor=", "audit/export?format="}) {
    for (const std::string& hostile : kHostile) {
      const std::string call = "/api/v1/" + std::string(parameter) + PercentEncode(hostile);
      const Answer answer = client.Get(call);
      ExpectHarmless(answer, call);
      EXPECT_EQ(answer.status, 422) << call;
      EXPECT_EQ(answer.code(), "field_invalid") << call;
    }
  }
  for (const char* limit : {"0", "501", "-1", "1e2", "99999999999999999999"}) {
    EXPECT_EQ(client.Get(std::string("/api/v1/conflicts?limit=") + limit).status, 422) << limit;
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(HostileInput, InThePathItFindsNothing) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  const std::string before = Everything();
  for (const std::string& hostile : kHostile) {
    const std::string segment = PercentEncode(hostile);
    for (const std::string& path :
         {"/api/v1/conflicts/" + segment, "/api/v1/records/" + segment,
          "/api/v1/quarantine/" + segment, "/api/v1/conflicts/1" + segment}) {
      const Answer answer = client.Get(path);
      ExpectHarmless(answer, path);
      EXPECT_TRUE(answer.status == 404 || answer.status == 422 || answer.status == 400) << path;
    }
    EXPECT_EQ(client.Send("PATCH", "/api/v1/users/" + segment, "{\"active\":false}").status, 404);
    EXPECT_EQ(client.Post("/api/v1/users/" + segment + "/reset-password", Json::object()).status,
              404);
  }
  EXPECT_EQ(client.Get("/api/v1/records/%zz").status, 400);
  EXPECT_EQ(Everything(), before);
}

// Story: a word of the free search that was no UTF-8 ended as "internal": nlohmann refuses to write
// it into the list that the query reads.
TEST_F(HostileInput, WhatIsNotUtf8IsRefusedWhereverItStands) {
  const DeskClient client = As("dm", {kAllManager});
  const std::string bytes = PercentEncode(kNotUtf8);
  for (const std::string& path :
       {"/api/v1/conflicts?q=" + bytes, "/api/v1/conflicts?site=" + bytes,
        "/api/v1/conflicts/counts?q=" + bytes, "/api/v1/records?subject=" + bytes,
        "/api/v1/audit?object=" + bytes, "/api/v1/records/" + bytes}) {
    EXPECT_EQ(client.Get(path).code(), "malformed") << path;
  }
  const std::string body =
      std::string("{\"views\":[{\"name\":\"") + kNotUtf8 + "\",\"query\":\"\"}]}";
  EXPECT_EQ(client.Send("PUT", "/api/v1/views", body).code(), "malformed");
}

TEST_F(HostileInput, InTheTextsThatAreKeptItComesBackAsItWas) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  int number = 0;
  for (const std::string& hostile : kHostile) {
    const bool has_control = std::any_of(hostile.begin(), hostile.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20;
    });
    const std::string user = "user-" + std::to_string(++number);
    const Answer added = client.Post(
        "/api/v1/users", {{"user", user}, {"fullName", hostile}, {"rights", Json::array()}});
    ExpectHarmless(added, hostile);
    if (has_control) {
      EXPECT_EQ(added.status, 422) << hostile;
    } else {
      EXPECT_EQ(added.json()["user"]["fullName"], hostile);
    }
    const Answer saved =
        client.Send("PUT", "/api/v1/views",
                    Json({{"views", {{{"name", hostile}, {"query", hostile}}}}}).dump());
    ExpectHarmless(saved, hostile);
    EXPECT_EQ(saved.status, has_control ? 422 : 200) << hostile;
    if (!has_control) {
      EXPECT_EQ(client.Get("/api/v1/views").json()["views"][0]["name"], hostile);
      EXPECT_EQ(client.Get("/api/v1/views").json()["views"][0]["query"], hostile);
    }
    EXPECT_EQ(client
                  .Post("/api/v1/users",
                        {{"user", hostile}, {"fullName", "x"}, {"rights", Json::array()}})
                  .status,
              422);
    EXPECT_EQ(client
                  .Post("/api/v1/users",
                        {{"user", "u"}, {"fullName", "x"}, {"rights", {{{"role", hostile}}}}})
                  .status,
              422);
  }
  EXPECT_EQ(client.Get("/api/v1/conflicts").json()["total"], 1);
}

TEST_F(HostileInput, InReasonsAndValuesItComesBackAsItWas) {
  const DeskClient client = As("dm", {kAllManager});
  const ItemPath term{{ItemGroupOID("IG.AE"), RepeatKey("1")}, ItemOID("IT.AE.AETERM")};
  int number = 0;
  for (const std::string& hostile : kHostile) {
    if (hostile.find('\0') != std::string::npos) continue;  // No text that a form could hold.
    const std::string subject = "S" + std::to_string(++number);
    const auto event = [&](std::vector<const KnownRevision*> parents, const std::string& value) {
      KnownRevision known = Vitals(subject, kKisumu, std::move(parents), {{term, value}});
      known.revision.key.form = FormOID("F.AE");
      known = Sealed(std::move(known));
      Apply(known);
      return known;
    };
    Opened opened;
    opened.base = event({}, "HEADACHE");
    opened.left = event({&opened.base}, hostile);
    opened.right = event({&opened.base}, "NAUSEA");
    opened.row = OpenOf(opened.base);
    const Json shown = client.Get(PathOf(opened)).json();
    EXPECT_EQ(shown["groups"][0]["items"][0]["values"][opened.left.id.ToHex()]["value"], hostile);
    Json decision = DecisionOn(opened, Claim(client, opened));
    decision.erase("take");
    decision["choices"] = {{{"path", ToString(term)}, {"value", hostile}}};
    decision["reason"] = {{"text", hostile}};
    const Answer resolved = client.Post(PathOf(opened, "/resolve"), decision);
    ExpectHarmless(resolved, hostile);
    ASSERT_EQ(resolved.status, 200) << hostile << resolved.body;
    EXPECT_EQ(StateAt(Current(opened.base).items, term).value, hostile);
    const Answer ended = client.Get(PathOf(opened));
    ExpectHarmless(ended, hostile);
    EXPECT_EQ(ended.json()["resolution"]["reason"], hostile);
    const Json found =
        client.Get("/api/v1/records?study=CDISCPILOT01&item=IT.AE.AETERM&subject=" + subject)
            .json();
    EXPECT_EQ(found["records"][0]["found"][0]["value"], hostile);
  }
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

TEST_F(HostileInput, ABodyTooLargeIsRefusedBeforeItIsRead) {
  const DeskClient client = As("dm", {kAllManager});
  const std::string before = Everything();
  const std::string large = "{\"text\":\"" + std::string(1024 * 1024, 'x') + "\"}";
  for (const DeskClient& anyone : {client, Anonymous()}) {
    for (const char* path : {"/api/v1/session", "/api/v1/conflicts/decide"}) {
      const Answer answer = anyone.Send("POST", path, large);
      EXPECT_EQ(answer.status, 413) << path;
      EXPECT_EQ(answer.code(), "too_large") << path;
      EXPECT_EQ(answer.Header("x-content-type-options"), "nosniff") << path;
    }
  }
  EXPECT_EQ(client.Send("GET", "/api/v1/conflicts", "{}").status, 400);
  // A head without end is cut off, with or without an answer.
  EXPECT_NE(client.Get("/api/v1/conflicts?q=" + std::string(100'000, 'x')).status, 200);
  EXPECT_EQ(client.Get("/api/v1/conflicts?q=" + std::string(600, 'x')).status, 422);
  EXPECT_EQ(client.Get("/api/v1/records?study=S&value=" + std::string(801, 'x')).status, 422);
  EXPECT_EQ(Everything(), before);
}

TEST_F(HostileInput, WhatIsNoJsonObjectIsRefused) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  const std::string before = Everything();
  for (const ContractRoute& route : ContractRoutes()) {
    if (route.method == "GET" || route.method == "DELETE") continue;
    if (route.path.find('{') != std::string::npos) continue;
    for (const char* body : {"{", "[]", "null", "\"text\"", "{} {}", "user=dm&password=x",
                             "<LogIn/>", "{\"a\":1,}", "{\"user\":\"\\ud800\"}", "\xff"}) {
      const Answer answer = client.Send(route.method, route.path, body);
      EXPECT_EQ(answer.status, 400) << route.path << body;
      EXPECT_EQ(answer.code(), "malformed") << route.path << body;
    }
    for (const char* type : {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                             "text/plain", "application/jsonp", ""}) {
      const Answer answer = client.Send(route.method, route.path, "{}", {{"Content-Type", type}});
      EXPECT_EQ(answer.status, 400) << route.path << type;
    }
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(HostileInput, FieldsOfAnotherKindAreRefusedAndNeverInternal) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  const std::string before = Everything();
  const std::pair<std::string, std::vector<const char*>> calls[] = {
      {"/api/v1/session", {"user", "password"}},
      {"/api/v1/session/password", {"current", "new"}},
      {"/api/v1/conflicts/assign", {"conflictIds", "assignee"}},
      {"/api/v1/conflicts/decide", {"conflicts", "rule", "reason", "signature"}},
      {PathOf(opened_, "/preview"), {"take", "choices"}},
      {PathOf(opened_, "/resolve"),
       {"take", "choices", "seenHeads", "fencingToken", "reason", "signature"}},
      {"/api/v1/quarantine/release", {"revisionIds", "reason", "signature"}},
      {"/api/v1/users", {"user", "fullName", "rights"}},
      {"/api/v1/views", {"views"}},
  };
  for (const auto& [path, fields] : calls) {
    const std::string method = path == "/api/v1/views" ? "PUT" : "POST";
    for (const Json& value : {Json(nullptr), Json(true), Json(-1), Json(1.5), Json(""),
                              Json::array(), Json({1, nullptr}), Json({{"x", 1}}),
                              Json::array({Json::object()}), Json::array({Json::array()})}) {
      for (const char* field : fields) {
        Json body = Json::object();
        for (const char* other : fields) body[other] = value;
        for (const Json& sent : {Json({{field, value}}), body}) {
          const Answer answer = client.Send(method, path, sent.dump());
          EXPECT_LT(answer.status, 500) << path << sent;
          EXPECT_NE(answer.status, 0) << path << sent;
        }
      }
    }
  }
  ASSERT_EQ(client.Send("PUT", "/api/v1/views", "{\"views\":[]}").status, 200);
  EXPECT_EQ(Everything(), before);
}

// A parser that recurses, or a copy of what it made, would end the whole gateway.
TEST_F(HostileInput, ABodyNestedWithoutEndIsRefusedAndTheServerGoesOn) {
  const DeskClient client = As("dm", {kAllManager, kAdministratorRight});
  const std::string deep(500'000, '[');
  for (const std::string& value : {deep, deep + std::string(deep.size(), ']')}) {
    for (const char* path : {"/api/v1/session", "/api/v1/users", "/api/v1/conflicts/decide"}) {
      const Answer answer = client.Send(
          "POST", path,
          "{\"user\":\"u\",\"password\":\"p\",\"fullName\":\"x\",\"rights\":" + value + "}");
      EXPECT_EQ(answer.status, 400) << path;
    }
  }
  EXPECT_EQ(Anonymous()
                .Send("POST", "/api/v1/session",
                      "{\"user\":\"[[{\\\"[\",\"password\":\"" + std::string(100, '[') + "\"}")
                .status,
            401)
      << "brackets in a text are no nesting";
  EXPECT_EQ(client.Get("/api/v1/session").status, 200);
}

// Story: the head of a request had a deadline and each wait within its body, but not the body: with
// a byte now and then a few dozen connections held every thread.
TEST_F(HostileInput, ABodyThatNeverEndsIsEndedAndOthersAreServed) {
  options_.read_timeout_s = 1;
  StartServer();
  RawConnection slow(server_->port());
  ASSERT_TRUE(
      slow.Send("POST /api/v1/session HTTP/1.1\r\nHost: desk\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"));
  const DeskClient other = Anonymous();
  int sent = 0;
  // Each byte comes well within the wait that one byte may take.
  for (; sent < 300 && slow.Send(" "); ++sent) {
    EXPECT_EQ(other.Get("/api/v1/session").status, 401);
    ::usleep(100'000);
  }
  EXPECT_LT(sent, 300) << "the server still waits";
}

}  // namespace
}  // namespace edcsync::central
