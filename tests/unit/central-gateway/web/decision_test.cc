// Deciding through the API: one conflict from claim to signature, many by one rule, and every way
// in which nothing may be decided.
#include <gmock/gmock.h>

#include "tests/unit/central-gateway/web/desk_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DeskDecision : public DeskServerTest {
 protected:
  void SetUp() override {
    DeskServerTest::SetUp();
    opened_ = OpenConflict("01-702-1082");
    AddUser("dm", {kAllManager});
    AddUser("okello", {kAllManager}, "Sam Okello");
  }
  Answer Resolve(const DeskClient& client, const Json& body) {
    return client.Post(PathOf(opened_, "/resolve"), body);
  }
  void ExpectUnchanged(const std::string& before) { EXPECT_EQ(Everything(), before); }
  std::vector<std::string> ActionsOn(const std::string& object) {
    std::vector<std::string> actions;
    for (const AuditEntry& entry : Read<std::vector<AuditEntry>>(
             [&](CentralReader& reader) { return reader.ListAudit(object, 0, 1000); })) {
      actions.push_back(entry.action);
    }
    return actions;
  }

  Opened opened_;
};

TEST_F(DeskDecision, FromClaimToSignatureAConflictIsDecidedAndGoesToTheSite) {
  const DeskClient client = As("dm", {});
  const std::string token = Claim(client, opened_);
  const Json shown = client.Get(PathOf(opened_)).json();
  EXPECT_EQ(shown["claim"]["user"], "dm");
  EXPECT_EQ(shown["claim"]["fencingToken"], token);
  EXPECT_EQ(shown["heads"], HeadsOf(opened_.row));
  const Json choices = {{{"path", ToString(kPulse)}, {"value", "80"}},
                        {{"path", ToString(kSystolic)}, {"revisionId", opened_.base.id.ToHex()}}};
  const Answer preview = client.Post(PathOf(opened_, "/preview"), {{"choices", choices}});
  ASSERT_EQ(preview.status, 200) << preview.body;
  EXPECT_EQ(preview.json()["removes"], false);
  ASSERT_EQ(preview.json()["items"].size(), 2u);
  EXPECT_EQ(preview.json()["items"][0]["before"]["value"], "90");
  EXPECT_EQ(preview.json()["items"][0]["after"]["value"], "80");
  EXPECT_EQ(OpenOf(opened_.base).id, opened_.row.id) << "a preview stores nothing";

  const FeedCursor before =
      Read<FeedCursor>([](CentralReader& reader) { return reader.FeedHead(); });
  const Answer resolved = Resolve(client, {{"choices", choices},
                                           {"seenHeads", HeadsOf(opened_.row)},
                                           {"fencingToken", token},
                                           {"reason", {{"code", "source"}, {"text", "page 3"}}},
                                           {"signature", Signed()}});
  ASSERT_EQ(resolved.status, 200) << resolved.body;
  const Json signature = resolved.json()["signature"];
  EXPECT_EQ(signature["user"], "dm");
  EXPECT_EQ(signature["fullName"], "Rose Nakato");
  EXPECT_EQ(signature["meaning"], "decided");
  EXPECT_EQ(signature["signedAt"], FormatUtc(clock_.Wall()));
  EXPECT_EQ(signature["valid"], true);

  const Revision current = Current(opened_.base);
  EXPECT_EQ(StateAt(current.items, kPulse).value, "80");
  EXPECT_EQ(StateAt(current.items, kSystolic).value, "120");
  EXPECT_EQ(StateAt(current.items, kPosition).value, "SUPINE");
  EXPECT_EQ(current.origin, Origin::kResolution);
  EXPECT_EQ(current.reason_for_change, "source: page 3");
  EXPECT_EQ(current.parents, opened_.row.heads);
  const Json ended = client.Get(PathOf(opened_)).json();
  EXPECT_EQ(ended["state"], "resolved");
  EXPECT_EQ(ended["claim"], nullptr);
  EXPECT_EQ(ended["mayDecide"], false);
  EXPECT_EQ(ended["resolution"]["revisionId"], resolved.json()["revisionId"]);
  EXPECT_EQ(ended["resolution"]["reason"], "source: page 3");
  EXPECT_EQ(ended["resolution"]["signature"], signature);
  EXPECT_EQ(ended["heads"], HeadsOf(opened_.row)) << "what was decided upon stays to be seen";
  const auto page = Read<std::vector<FeedRow>>(
      [&](CentralReader& reader) { return reader.FeedAll(before, 100); });
  EXPECT_TRUE(std::any_of(page.begin(), page.end(), [&](const FeedRow& row) {
    return row.kind == FeedKind::kRevision && row.site == kKisumu &&
           row.revision->ToHex() == resolved.json()["revisionId"];
  }));
  const auto actions = ActionsOn(resolved.json()["revisionId"].get<std::string>());
  EXPECT_EQ(actions, std::vector<std::string>{"revision.signed"});
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

TEST_F(DeskDecision, ARevisionTakenWholeIsTakenAsItIs) {
  const DeskClient client = As("dm", {});
  const std::string token = Claim(client, opened_);
  const Answer resolved = Resolve(client, DecisionOn(opened_, token));
  ASSERT_EQ(resolved.status, 200) << resolved.body;
  EXPECT_EQ(Current(opened_.base).items, opened_.left.revision.items);
}

TEST_F(DeskDecision, AWrongSigningPasswordLeavesEverythingAsItWas) {
  const DeskClient client = As("dm", {});
  Json decision = DecisionOn(opened_, Claim(client, opened_));
  decision["signature"] = Signed("wrong password 1");
  const std::string before = Everything();
  const Answer refused = Resolve(client, decision);
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.code(), "unauthorized");
  ExpectUnchanged(before);
  decision["signature"] = Signed();
  EXPECT_EQ(Resolve(client, decision).status, 200) << "the session and the claim stand";
}

TEST_F(DeskDecision, FiveWrongSigningPasswordsEndTheSession) {
  const DeskClient client = As("dm", {});
  Json decision = DecisionOn(opened_, Claim(client, opened_));
  decision["signature"] = Signed("wrong password 1");
  const std::string before = Everything();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Resolve(client, decision).status, 401);
  EXPECT_EQ(client.Get("/api/v1/session").status, 401);
  ExpectUnchanged(before);
}

TEST_F(DeskDecision, WithoutReasonSignatureHeadsOrTokenNothingIsDecided) {
  const DeskClient client = As("dm", {});
  const Json whole = DecisionOn(opened_, Claim(client, opened_));
  const std::string before = Everything();
  for (const char* field : {"take", "seenHeads", "fencingToken", "reason", "signature"}) {
    Json lacking = whole;
    lacking.erase(field);
    EXPECT_EQ(Resolve(client, lacking).status, 422) << field;
  }
  const auto with = [&](const char* field, const Json& value) {
    Json other = whole;
    other[field] = value;
    return Resolve(client, other);
  };
  EXPECT_EQ(with("reason", {{"text", " \t\n"}}).status, 422);
  EXPECT_EQ(with("reason", {{"text", 5}}).status, 422);
  EXPECT_EQ(with("reason", {{"text", std::string(9000, 'x')}}).status, 413);
  EXPECT_EQ(with("reason", {{"text", "r"}, {"code", "no-such-code"}}).status, 422);
  EXPECT_EQ(with("reason", {{"text", "r"}, {"code", 7}}).status, 422);
  EXPECT_EQ(with("reason", {{"text", "r"}, {"code", std::string(100'000, 'x')}}).status, 413);
  EXPECT_EQ(with("signature", {{"password", kPassword}}).status, 422);
  EXPECT_EQ(with("signature", {{"password", kPassword}, {"meaning", "released"}}).status, 422);
  EXPECT_EQ(with("signature", {{"password", 5}, {"meaning", "decided"}}).status, 422);
  EXPECT_EQ(with("seenHeads", Json::array()).status, 422);
  EXPECT_EQ(with("seenHeads", {"abc"}).status, 422);
  EXPECT_EQ(with("fencingToken", "-1").status, 422);
  EXPECT_EQ(with("choices", Json::array()).status, 422) << "both take and choices";
  ExpectUnchanged(before);
}

TEST_F(DeskDecision, AValueTypedInThatDoesNotFitTheStudyIsRefusedAndNotRepeated) {
  const DeskClient client = As("dm", {});
  Json decision = DecisionOn(opened_, Claim(client, opened_));
  decision.erase("take");
  decision["choices"] = {{{"path", ToString(kPulse)}, {"value", "ninety-one"}}};
  const std::string before = Everything();
  const Answer refused = Resolve(client, decision);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.code(), "field_invalid");
  EXPECT_THAT(refused.body, HasSubstr("IT.VS.PULSE"));
  EXPECT_THAT(refused.body, Not(HasSubstr("ninety-one")));
  ExpectUnchanged(before);
}

TEST_F(DeskDecision, SomebodyElsesClaimIsNotMine) {
  const DeskClient mine = As("dm", {});
  const DeskClient theirs = As("okello", {});
  const std::string token = Claim(theirs, opened_);
  const std::string before = Everything();
  const Answer refused = mine.Post(PathOf(opened_, "/claim"), Json::object());
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "claimed");
  EXPECT_THAT(refused.body, HasSubstr("okello"));
  EXPECT_THAT(refused.body,
              HasSubstr(FormatUtc({clock_.Wall().ms - 3000 + 15 * 60'000}).substr(0, 16)));
  EXPECT_EQ(mine.Get(PathOf(opened_)).json()["claim"].contains("fencingToken"), false);
  EXPECT_EQ(Resolve(mine, DecisionOn(opened_, token)).code(), "claimed") << "a token read off";
  EXPECT_EQ(mine.Delete(PathOf(opened_, "/claim")).status, 204) << "nothing of mine to give back";
  ExpectUnchanged(before);
  EXPECT_EQ(Resolve(theirs, DecisionOn(opened_, token)).status, 200);
}

TEST_F(DeskDecision, AClaimThatRanOutDecidesNothing) {
  const DeskClient mine = As("dm", {});
  const std::string token = Claim(mine, opened_);
  clock_.Advance(15 * 60'000);
  EXPECT_EQ(mine.Get(PathOf(opened_)).json()["claim"], nullptr);
  EXPECT_EQ(Resolve(mine, DecisionOn(opened_, token)).code(), "claimed");
  const DeskClient theirs = As("okello", {});
  const std::string next = Claim(theirs, opened_);
  EXPECT_GT(std::stoull(next), std::stoull(token));
  EXPECT_EQ(Resolve(mine, DecisionOn(opened_, token)).code(), "claimed");
  EXPECT_EQ(Resolve(theirs, DecisionOn(opened_, token)).code(), "claimed") << "not their token";
  EXPECT_EQ(Resolve(theirs, DecisionOn(opened_, next)).status, 200);
}

TEST_F(DeskDecision, AClaimGivenBackIsFreeForTheNext) {
  const DeskClient mine = As("dm", {});
  const std::string token = Claim(mine, opened_);
  EXPECT_EQ(mine.Delete(PathOf(opened_, "/claim")).status, 204);
  EXPECT_EQ(Resolve(mine, DecisionOn(opened_, token)).code(), "claimed");
  Claim(As("okello", {}), opened_);
}

TEST_F(DeskDecision, AConflictThatHasMovedOnIsNotDecidedUnseen) {
  const DeskClient client = As("dm", {});
  Json decision = DecisionOn(opened_, Claim(client, opened_));
  const KnownRevision unseen = Vitals("01-702-1082", kKisumu, {&opened_.right}, {{kPulse, "92"}});
  Apply(unseen);
  const std::string before = Everything();
  const Answer stale = Resolve(client, decision);
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.code(), "stale");
  EXPECT_THAT(stale.body, HasSubstr(unseen.id.ToHex()));
  ExpectUnchanged(before);
  decision["seenHeads"] = HeadsOf(OpenOf(opened_.base));
  EXPECT_EQ(Resolve(client, decision).status, 200);
}

// Story: the head that was chosen had been edited meanwhile, so it was no head any more; the desk
// called the choice wrong instead of saying that the conflict had moved on.
TEST_F(DeskDecision, ChoosingAHeadThatIsNoneAnyMoreIsStaleToo) {
  const DeskClient client = As("dm", {});
  Json decision = DecisionOn(opened_, Claim(client, opened_));
  Apply(Vitals("01-702-1082", kKisumu, {&opened_.left}, {{kPulse, "92"}}));
  EXPECT_EQ(Resolve(client, decision).code(), "stale");
  decision.erase("take");
  decision["choices"] = {{{"path", ToString(kPulse)}, {"revisionId", opened_.left.id.ToHex()}}};
  EXPECT_EQ(Resolve(client, decision).code(), "stale");
}

TEST_F(DeskDecision, ADecidedConflictIsNotDecidedAgain) {
  const DeskClient client = As("dm", {});
  const std::string token = Claim(client, opened_);
  ASSERT_EQ(Resolve(client, DecisionOn(opened_, token)).status, 200);
  const std::string before = Everything();
  EXPECT_EQ(Resolve(client, DecisionOn(opened_, token)).code(), "stale");
  EXPECT_EQ(client.Post(PathOf(opened_, "/claim"), Json::object()).code(), "stale");
  ExpectUnchanged(before);
}

TEST_F(DeskDecision, ConflictsAreGivenToSomebodyWhoMayDecideThem) {
  const Opened there = OpenConflict("01-703-1042", kTororo);
  const Opened ended = OpenConflict("01-702-1090");
  AddUser("tororo-dm", {ManagerOf(kTororo)});
  AddUser("monitor", {kAllMonitor});
  AddUser("gone", {kAllManager});
  ASSERT_TRUE(SetActive(*store_, "gone", false, "root").ok());
  const DeskClient client = As("dm", {});
  ASSERT_EQ(client.Post(PathOf(ended, "/resolve"), DecisionOn(ended, Claim(client, ended))).status,
            200);
  const auto assign = [&](const Json& assignee) {
    return client.Post("/api/v1/conflicts/assign",
                       {{"conflictIds", {opened_.id(), there.id(), ended.id(), "12345", "x"}},
                        {"assignee", assignee}});
  };
  const auto codes = [](const Answer& answer) {
    std::vector<std::string> all;
    const Json json = answer.json();
    for (const Json& one : json["outcomes"]) {
      all.push_back(one["done"] == true ? "done" : one["code"].get<std::string>());
    }
    return all;
  };
  const std::vector<std::string> mixed{"done", "done", "stale", "not_found", "field_invalid"};
  EXPECT_EQ(codes(assign("OKELLO")), mixed);
  EXPECT_EQ(client.Get(PathOf(opened_)).json()["assignee"], "okello");
  EXPECT_EQ(client.Get("/api/v1/conflicts?assignee=okello").json()["total"], 2);
  EXPECT_EQ(codes(assign("tororo-dm"))[0], "field_invalid");
  EXPECT_EQ(codes(assign("tororo-dm"))[1], "done");
  EXPECT_EQ(codes(assign("monitor"))[1], "field_invalid");
  EXPECT_EQ(assign("gone").status, 422);
  EXPECT_EQ(assign("nobody").status, 404);
  EXPECT_EQ(assign(5).status, 422);
  EXPECT_EQ(client.Get(PathOf(opened_)).json()["assignee"], "okello");
  EXPECT_EQ(codes(assign(nullptr)), mixed);
  EXPECT_EQ(client.Get("/api/v1/conflicts?assignee=none").json()["total"], 2);
  Json ids = Json::array();
  for (int i = 0; i < 501; ++i) ids.push_back("1");
  EXPECT_EQ(
      client.Post("/api/v1/conflicts/assign", {{"conflictIds", ids}, {"assignee", nullptr}}).status,
      413);
}

TEST_F(DeskDecision, ManyAreDecidedEachOnItsOwn) {
  const Opened fits = OpenConflict("01-702-2001");
  const Opened claimed = OpenConflict("01-702-2002");
  const Opened moved = OpenConflict("01-702-2003");
  const Opened there = OpenConflict("01-703-2004", kTororo);
  AddUser("kisumu-dm", {ManagerOf(kKisumu)}, "Ann Kisumu");
  Claim(As("okello", {}), claimed);
  Apply(Vitals("01-702-2003", kKisumu, {&moved.right}, {{kPulse, "92"}}));
  const DeskClient client = As("kisumu-dm", {});
  const auto one = [&](const Opened& opened) {
    return Json{{"conflictId", opened.id()}, {"seenHeads", HeadsOf(opened.row)}};
  };
  Json body = {{"rule", "newest"},
               {"reason", {{"code", "latest"}, {"text", "the later reading"}}},
               {"signature", Signed()},
               {"conflicts",
                {one(fits),
                 one(claimed),
                 one(moved),
                 one(there),
                 7,
                 {{"conflictId", 5}},
                 {{"conflictId", fits.id()}}}}};
  const Answer answer = client.Post("/api/v1/conflicts/decide", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json outcomes = answer.json()["outcomes"];
  ASSERT_EQ(outcomes.size(), 7u);
  EXPECT_EQ(outcomes[0]["done"], true) << outcomes[0];
  EXPECT_EQ(outcomes[1]["code"], "claimed");
  EXPECT_EQ(outcomes[2]["code"], "stale");
  EXPECT_EQ(outcomes[3]["code"], "not_found");
  EXPECT_EQ(outcomes[4]["code"], "field_invalid");
  EXPECT_EQ(outcomes[5]["code"], "field_invalid");
  EXPECT_EQ(outcomes[6]["done"], false);
  const Revision decided = Current(fits.base);
  EXPECT_EQ(decided.items, fits.right.revision.items);
  EXPECT_EQ(decided.reason_for_change, "latest: the later reading");
  const auto signatures = Read<std::vector<SignatureRow>>([&](CentralReader& reader) {
    return reader.SignaturesOf(*RevisionIdFromHex(outcomes[0]["revisionId"].get<std::string>()));
  });
  ASSERT_EQ(signatures.size(), 1u);
  EXPECT_EQ(signatures[0].full_name, "Ann Kisumu");
  for (const Opened& open : {claimed, moved, there, opened_}) {
    EXPECT_EQ(OpenOf(open.base).id, open.row.id);
  }
  body["rule"] = "online";
  body["conflicts"] = Json::array({one(opened_)});
  EXPECT_EQ(client.Post("/api/v1/conflicts/decide", body).json()["outcomes"][0]["code"],
            "field_invalid");
  body["rule"] = "best";
  EXPECT_EQ(client.Post("/api/v1/conflicts/decide", body).status, 422);
  body["rule"] = "newest";
  body["signature"] = Signed("wrong password 1");
  EXPECT_EQ(client.Post("/api/v1/conflicts/decide", body).status, 401);
  EXPECT_EQ(OpenOf(opened_.base).id, opened_.row.id);
}

TEST_F(DeskDecision, WhatWaitsInQuarantineIsDecidedAndSigned) {
  const KnownRevision first = Quarantine("01-702-3001");
  const KnownRevision second = Quarantine("01-702-3002");
  const DeskClient client = As("dm", {});
  const Json shown = client.Get("/api/v1/quarantine/" + first.id.ToHex()).json();
  EXPECT_EQ(shown["reason"], "study_definition");
  EXPECT_EQ(shown["groups"][0]["items"][0]["values"][first.id.ToHex()]["value"], "70");
  const auto decide = [&](const char* how, const std::string& id, const Json& signature) {
    return client.Post(
        std::string("/api/v1/quarantine/") + how,
        {{"revisionIds", {id, "zz"}}, {"reason", "seen the source"}, {"signature", signature}});
  };
  EXPECT_EQ(decide("release", first.id.ToHex(), Signed("wrong password 1")).status, 401);
  const Json released = decide("release", first.id.ToHex(), Signed()).json()["outcomes"];
  EXPECT_EQ(released[0]["done"], true) << released;
  EXPECT_EQ(released[1]["code"], "field_invalid");
  EXPECT_EQ(
      StateAt(Current(first).items, {{ItemGroupOID("IG.VS"), RepeatKey("1")}, ItemOID("IT.PULSE")})
          .value,
      "70");
  EXPECT_EQ(decide("reject", second.id.ToHex(), Signed()).json()["outcomes"][0]["done"], true);
  EXPECT_EQ(decide("release", second.id.ToHex(), Signed()).json()["outcomes"][0]["code"],
            "not_found");
  const Json rejected = client.Get("/api/v1/quarantine/" + second.id.ToHex()).json();
  EXPECT_EQ(rejected["state"], "rejected");
  EXPECT_EQ(rejected["decidedBy"], "dm");
  EXPECT_EQ(rejected["decisionReason"], "seen the source");
  EXPECT_EQ(rejected["revision"]["signature"]["meaning"], "rejected");
  EXPECT_EQ(client.Get("/api/v1/quarantine").json()["quarantine"], Json::array());
  EXPECT_EQ(client.Get("/api/v1/quarantine?state=all").json()["quarantine"].size(), 2u);
  EXPECT_EQ(client.Get("/api/v1/quarantine?state=lost").status, 422);
}

// ICH E6(R3) 3.16.1(i): a study whose sites endorse what data managers decide.
class DeskProposal : public DeskDecision {
 protected:
  void SetUp() override {
    DeskDecision::SetUp();
    Change([](CentralWriter& writer) {
      StudySettings settings;
      settings.study = kPilot;
      settings.resolution = ResolutionMode::kSiteEndorsed;
      return writer.PutStudySettings(settings);
    });
  }
  Answer Propose(const DeskClient& client) {
    return client.Post(PathOf(opened_, "/propose"), DecisionOn(opened_, Claim(client, opened_)));
  }
  Json Shown(const DeskClient& client) { return client.Get(PathOf(opened_)).json(); }
};

TEST_F(DeskProposal, ASignedProposalWaitsForTheSiteAndNothingIsDecided) {
  const DeskClient client = As("dm", {});
  const Answer refused = Resolve(client, DecisionOn(opened_, Claim(client, opened_)));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.json()["code"], "needs_consent");
  const Answer proposed = Propose(client);
  ASSERT_EQ(proposed.status, 200) << proposed.body;
  EXPECT_EQ(proposed.json()["signature"]["valid"], true);
  const Json shown = Shown(client);
  EXPECT_EQ(shown["resolutionMode"], "site_endorsed");
  EXPECT_EQ(shown["state"], "open");
  EXPECT_EQ(shown["atSite"], true);
  EXPECT_EQ(shown["claim"], nullptr) << "the site has it now";
  ASSERT_EQ(shown["proposals"].size(), 1u);
  EXPECT_EQ(shown["proposals"][0]["state"], "waiting");
  EXPECT_EQ(shown["proposals"][0]["fullName"], "Rose Nakato");
  EXPECT_EQ(shown["proposals"][0]["items"][0]["after"]["value"], "71");
  EXPECT_EQ(Propose(client).json()["code"], "already_exists");
  const auto listed = [&](const std::string& query) {
    return client.Get("/api/v1/conflicts?waitsFor=" + query).json()["conflicts"].size();
  };
  EXPECT_EQ(listed("site"), 1u);
  EXPECT_EQ(listed("desk"), 0u);
  EXPECT_EQ(client.Get("/api/v1/conflicts?waitsFor=me").status, 422);
  EXPECT_EQ(client.Get("/api/v1/conflicts/counts").json()["atSite"], 1);
}

TEST_F(DeskProposal, ItsMakersCanTakeItBack) {
  const DeskClient client = As("dm", {});
  ASSERT_EQ(Propose(client).status, 200);
  EXPECT_EQ(client.Delete(PathOf(opened_, "/proposal")).status, 204);
  EXPECT_EQ(Shown(client)["proposals"][0]["state"], "withdrawn");
  EXPECT_EQ(Shown(client)["atSite"], false);
  EXPECT_EQ(client.Delete(PathOf(opened_, "/proposal")).status, 404);
}

TEST_F(DeskProposal, ManyDecisionsByOneRuleAreProposedEach) {
  const DeskClient client = As("dm", {});
  const Answer decided = client.Post(
      "/api/v1/conflicts/decide",
      {{"conflicts", {{{"conflictId", opened_.id()}, {"seenHeads", HeadsOf(opened_.row)}}}},
       {"rule", "newest"},
       {"reason", {{"text", "the later entry"}}},
       {"signature", Signed()}});
  ASSERT_EQ(decided.status, 200) << decided.body;
  EXPECT_EQ(decided.json()["outcomes"][0]["done"], true);
  EXPECT_EQ(decided.json()["outcomes"][0]["proposalId"],
            Shown(client)["proposals"][0]["proposalId"]);
  EXPECT_EQ(OpenOf(opened_.base).id, opened_.row.id);
}

TEST_F(DeskDecision, OneThatHasEndedIsOpenedAgainWithWhatWasDecidedUpon) {
  const DeskClient client = As("dm", {});
  const Json why = {{"reason", {{"text", "the source was misread"}}}};
  EXPECT_EQ(client.Post(PathOf(opened_, "/reopen"), why).json()["code"], "stale");
  ASSERT_EQ(Resolve(client, DecisionOn(opened_, Claim(client, opened_))).status, 200);
  EXPECT_EQ(client.Post(PathOf(opened_, "/reopen"), Json::object()).status, 422);
  const Answer reopened = client.Post(PathOf(opened_, "/reopen"), why);
  ASSERT_EQ(reopened.status, 200) << reopened.body;
  const std::string again = reopened.json()["conflictId"];
  const Json shown = client.Get("/api/v1/conflicts/" + again).json();
  EXPECT_EQ(shown["state"], "open");
  EXPECT_EQ(shown["reopens"], opened_.id());
  EXPECT_EQ(shown["reopening"]["reason"], "the source was misread");
  EXPECT_EQ(shown["reopenedAs"], nullptr);
  EXPECT_EQ(client.Get(PathOf(opened_)).json()["reopenedAs"], again);
  ASSERT_EQ(shown["headRevisions"].size(), 3u) << "what counts, and both sides of then";
  EXPECT_EQ(shown["headRevisions"][0]["former"], false);
  EXPECT_EQ(shown["headRevisions"][1]["former"], true);
  // A side of then may be chosen item by item.
  const Answer preview = client.Post(
      "/api/v1/conflicts/" + again + "/preview",
      {{"choices", {{{"path", ToString(kPulse)}, {"revisionId", opened_.right.id.ToHex()}}}}});
  ASSERT_EQ(preview.status, 200) << preview.body;
  EXPECT_EQ(preview.json()["items"][0]["after"]["value"], "90");
}

}  // namespace
}  // namespace edcsync::central
