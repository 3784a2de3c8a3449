#include "central-gateway/desk/conflict_view.h"

#include "tests/unit/central-gateway/desk/trial_fixture.h"

namespace edcsync::central {
namespace {

class ConflictViewTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    opened_ = OpenConflict("01-702-1082");
    blind_.user = "monitor";
    blind_.reads = {Scope{}};
  }
  void Blind(const ItemPath& path) {
    Change([&](CentralWriter& writer) {
      return writer.PutStudySettings({kPilot, {path.item}, ""});
    });
  }
  Json Show(const Viewer& viewer) {
    return Must(ConflictDetailJson(*store_, catalogue_, viewer, opened_.row.id, {}, clock_.Wall()));
  }
  static Json ItemAt(const Json& conflict, const ItemPath& path) {
    for (const Json& group : conflict["groups"]) {
      for (const Json& item : group["items"]) {
        if (item["path"] == ToString(path)) return item;
      }
    }
    ADD_FAILURE() << ToString(path) << " is not shown";
    return Json();
  }
  Result<ComposedForm> Decide(const Json& body, const Viewer& viewer) {
    EDCSYNC_ASSIGN(const DecisionChoices choices, ParseChoices(body));
    return ComposeDecision(*store_, catalogue_, viewer, opened_.row.id, choices, opened_.row.heads);
  }
  Result<ComposedForm> Choose(const ItemPath& path, const Json& value) {
    return Decide({{"choices", Json::array({{{"path", ToString(path)}, {"value", value}}})}}, dm_);
  }
  ErrorCode Refusal(const Json& body) {
    const auto done = Decide(body, dm_);
    return done.ok() ? ErrorCode::kInternal : done.error().code;
  }

  StudyCatalogue catalogue_;
  Opened opened_;
  const Viewer dm_ = central::Everything("dm");
  Viewer blind_;
};

TEST_F(ConflictViewTest, EveryItemOfTheFormIsShownInTheStudysOrderWithItsLabels) {
  const Json shown = Show(dm_);
  EXPECT_EQ(shown["form"]["name"], "Vital Signs");
  EXPECT_EQ(shown["event"]["name"], "Week 2");
  EXPECT_EQ(shown["severity"], "hard");
  std::vector<std::string> groups;
  for (const Json& group : shown["groups"]) groups.push_back(group["itemGroupOID"]);
  EXPECT_EQ(groups, (std::vector<std::string>{"IG.VS.DATE", "IG.VS.BODY", "IG.VS.BP"}));
  EXPECT_EQ(shown["groups"][2]["items"].size(), 5u);
  const Json pulse = ItemAt(shown, kPulse);
  EXPECT_EQ(pulse["question"], "PULSE");
  EXPECT_EQ(pulse["unit"], "BEATS/MIN");
  EXPECT_EQ(pulse["dataType"], "float");
  EXPECT_EQ(pulse["codeList"], Json::array());
  const Json position = ItemAt(shown, kPosition);
  ASSERT_EQ(position["codeList"].size(), 2u);
  EXPECT_EQ(position["codeList"][0]["value"], "STANDING");
  const Json weight = ItemAt(shown, kWeight);
  EXPECT_EQ(weight["ancestor"]["present"], false);
  EXPECT_EQ(weight["inDispute"], false);
}

TEST_F(ConflictViewTest, WhatIsInDisputeAndWhatChangedIsMarked) {
  const Json shown = Show(dm_);
  const Json pulse = ItemAt(shown, kPulse);
  EXPECT_EQ(pulse["inDispute"], true);
  EXPECT_EQ(pulse["changed"], true);
  EXPECT_EQ(pulse["ancestor"]["value"], "70");
  EXPECT_EQ(pulse["values"][opened_.left.id.ToHex()]["value"], "71");
  EXPECT_EQ(pulse["values"][opened_.right.id.ToHex()]["value"], "90");
  const Json position = ItemAt(shown, kPosition);
  EXPECT_EQ(position["inDispute"], false);
  EXPECT_EQ(position["changed"], false);
  EXPECT_EQ(shown["currentRevisionId"], opened_.right.id.ToHex());
  EXPECT_EQ(shown["ancestor"]["revisionId"], opened_.base.id.ToHex());
  EXPECT_EQ(shown["timeline"].size(), 3u);
  EXPECT_EQ(shown["mayDecide"], true);
  EXPECT_EQ(shown["resolution"], nullptr);
  EXPECT_EQ(Show(blind_)["mayDecide"], false);
}

TEST_F(ConflictViewTest, AgreedChangesAreChangedAndNotInDispute) {
  const Opened before = opened_;
  const KnownRevision left = Vitals("S9", kKisumu, {}, {{kPulse, "70"}, {kSystolic, "120"}});
  const KnownRevision a = Vitals("S9", kKisumu, {&left}, {{kPulse, "75"}, {kSystolic, "121"}});
  const KnownRevision b = Vitals("S9", kKisumu, {&left}, {{kPulse, "75"}, {kSystolic, "122"}});
  for (const KnownRevision* known : {&left, &a, &b}) Apply(*known);
  opened_.row = OpenOf(left);
  const Json pulse = ItemAt(Show(dm_), kPulse);
  EXPECT_EQ(pulse["inDispute"], false);
  EXPECT_EQ(pulse["changed"], true);
}

TEST_F(ConflictViewTest, AValueThatDoesNotFitTheStudyIsShownAndSaysSo) {
  const KnownRevision odd =
      Vitals("01-702-1082", kKisumu, {&opened_.left},
             {{kPulse, "fast"}, {kSystolic, std::nullopt}, {kPosition, "LYING"}});
  Apply(odd);
  const Json shown = Show(dm_);
  const Json pulse = ItemAt(shown, kPulse)["values"][odd.id.ToHex()];
  EXPECT_EQ(pulse["value"], "fast");
  EXPECT_TRUE(pulse["nonconformance"].is_string());
  EXPECT_EQ(ItemAt(shown, kPulse)["values"][opened_.right.id.ToHex()]["nonconformance"], nullptr);
  const Json not_done = ItemAt(shown, kSystolic)["values"][odd.id.ToHex()];
  EXPECT_EQ(not_done["present"], true);
  EXPECT_EQ(not_done["value"], nullptr);
}

TEST_F(ConflictViewTest, CodeListTextsAndQuestionsComeInTheViewersLanguage) {
  constexpr char kOdm[] = R"(<?xml version="1.0"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" ODMVersion="1.3.2" FileType="Snapshot" FileOID="f"
     CreationDateTime="2026-01-01T00:00:00">
 <Study OID="CDISCPILOT01"><GlobalVariables><StudyName>Pilot</StudyName>
 <StudyDescription>d</StudyDescription><ProtocolName>p</ProtocolName></GlobalVariables>
 <MetaDataVersion OID="MDV.2" Name="2">
  <FormDef OID="F.VS" Name="VS" Repeating="No">
   <ItemGroupRef ItemGroupOID="IG.VS.BP" Mandatory="No"/></FormDef>
  <ItemGroupDef OID="IG.VS.BP" Name="BP" Repeating="No">
   <ItemRef ItemOID="IT.VS.SUBPOS" Mandatory="No"/></ItemGroupDef>
  <ItemDef OID="IT.VS.SUBPOS" Name="Position" DataType="text" Length="8">
   <Question><TranslatedText xml:lang="en">Position</TranslatedText>
             <TranslatedText xml:lang="zh">体位</TranslatedText></Question>
   <CodeListRef CodeListOID="CL.POS"/></ItemDef>
  <CodeList OID="CL.POS" Name="POS" DataType="text">
   <CodeListItem CodedValue="SUPINE"><Decode>
    <TranslatedText xml:lang="en">Lying down</TranslatedText>
    <TranslatedText xml:lang="zh">仰卧位</TranslatedText></Decode></CodeListItem>
   <CodeListItem CodedValue="STANDING"><Decode>
    <TranslatedText xml:lang="en">Standing</TranslatedText></Decode></CodeListItem>
  </CodeList>
 </MetaDataVersion></Study></ODM>)";
  Change([&](CentralWriter& writer) {
    return writer.PutStudy({kPilot, MetaDataVersionOID("MDV.2"), "Pilot", clock_.Wall(), kOdm});
  });
  const auto vitals = [&](std::vector<const KnownRevision*> parents, const char* position) {
    KnownRevision known = Vitals("S8", kKisumu, std::move(parents), {{kPosition, position}});
    known.revision.metadata_version = MetaDataVersionOID("MDV.2");
    known = Sealed(std::move(known));
    Apply(known);
    return known;
  };
  const KnownRevision base = vitals({}, "");
  const KnownRevision left = vitals({&base}, "SUPINE");
  vitals({&base}, "STANDING");
  opened_.row = OpenOf(base);
  Viewer viewer = dm_;
  const std::string head = left.id.ToHex();
  EXPECT_EQ(ItemAt(Show(viewer), kPosition)["values"][head]["text"], "Lying down");
  viewer.language = "zh-CN";
  const Json shown = ItemAt(Show(viewer), kPosition);
  EXPECT_EQ(shown["question"], "体位");
  EXPECT_EQ(shown["values"][head]["text"], "仰卧位");
  EXPECT_EQ(shown["values"][head]["value"], "SUPINE");
  EXPECT_EQ(shown["codeList"][1]["text"], "Standing") << "English where there is no other";
}

TEST_F(ConflictViewTest, ABlindedItemIsHiddenFromWhoMayNotSeeItAndFromNobodyElse) {
  Blind(kPulse);
  const Json hidden = Show(blind_);
  EXPECT_EQ(ItemAt(hidden, kPulse)["blinded"], true);
  for (const char* value : {"\"70\"", "\"71\"", "\"90\""}) {
    EXPECT_EQ(hidden.dump().find(value), std::string::npos) << value;
  }
  const Json state = ItemAt(hidden, kPulse)["values"][opened_.left.id.ToHex()];
  EXPECT_EQ(state["value"], nullptr);
  EXPECT_EQ(state["blinded"], true);
  EXPECT_EQ(ItemAt(hidden, kSystolic)["values"][opened_.left.id.ToHex()]["value"], "120");
  EXPECT_EQ(ItemAt(Show(dm_), kPulse)["values"][opened_.left.id.ToHex()]["value"], "71");
  blind_.unblinded = {{kPilot, kTororo}};
  EXPECT_EQ(Show(blind_).dump().find("\"71\""), std::string::npos) << "unblinded elsewhere";
  blind_.unblinded = {{kPilot, kKisumu}};
  EXPECT_NE(Show(blind_).dump().find("\"71\""), std::string::npos);
  blind_.unblinded.clear();
  const Json preview = Must(PreviewJson(*store_, catalogue_, blind_, opened_.row.id,
                                        Must(ParseChoices({{"take", opened_.left.id.ToHex()}}))));
  EXPECT_EQ(preview.dump().find("\"71\""), std::string::npos) << preview;
  EXPECT_EQ(preview.dump().find("\"90\""), std::string::npos) << preview;
}

TEST_F(ConflictViewTest, AnEndedConflictShowsWhatWasDecidedUpon) {
  const auto resolution = Resolve(*store_, {clock_, random_},
                                  {.conflict = opened_.row.id,
                                   .take = opened_.left.id,
                                   .items = {},
                                   .seen_heads = opened_.row.heads,
                                   .reason = "as on the source",
                                   .user = "dm",
                                   .fencing_token = {},
                                   .signing = Signing{"Rose Nakato", "decided"}});
  ASSERT_TRUE(resolution.ok());
  const Json shown = Show(dm_);
  EXPECT_EQ(shown["state"], "resolved");
  EXPECT_EQ(shown["heads"].size(), 2u);
  EXPECT_EQ(ItemAt(shown, kPulse)["values"][opened_.right.id.ToHex()]["value"], "90");
  EXPECT_EQ(shown["mayDecide"], false);
  EXPECT_EQ(shown["endedBy"], "dm");
  EXPECT_EQ(shown["resolution"]["revisionId"], resolution->ToHex());
  EXPECT_EQ(shown["resolution"]["reason"], "as on the source");
  EXPECT_EQ(shown["resolution"]["signature"]["fullName"], "Rose Nakato");
  EXPECT_EQ(shown["resolution"]["signature"]["valid"], true);
}

TEST_F(ConflictViewTest, OutsideOnesRightsThereIsNoConflict) {
  Viewer elsewhere;
  elsewhere.reads = {{kPilot, kTororo}};
  EXPECT_EQ(ConflictDetailJson(*store_, catalogue_, elsewhere, opened_.row.id, {}, clock_.Wall())
                .error()
                .code,
            ErrorCode::kNotFound);
  EXPECT_EQ(Decide({{"take", opened_.left.id.ToHex()}}, elsewhere).error().code,
            ErrorCode::kNotFound);
}

TEST_F(ConflictViewTest, APathIsReadAsItIsWritten) {
  for (const ItemPath& path :
       {kPulse, ItemPath{{ItemGroupOID("IG[1]/x"), RepeatKey("a b")}, ItemOID("IT/]/[1]/y")}}) {
    const auto parsed = ParseItemPath(ToString(path));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(ToString(*parsed), ToString(path));
  }
  EXPECT_EQ(ParseItemPath(ToString(kPulse)), kPulse);
  for (const char* none : {"", "IT.VS.PULSE", "IG/IT", "IG]/IT", "[1]", "IG[1]IT"}) {
    EXPECT_EQ(ParseItemPath(none), std::nullopt) << none;
  }
}

TEST_F(ConflictViewTest, WhatIsChosenIsComposedUponTheCurrentHead) {
  const auto taken = Decide({{"take", opened_.base.id.ToHex()}}, dm_);
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken->items, opened_.base.revision.items);
  const auto composed =
      Decide({{"choices",
               Json::array({{{"path", ToString(kPulse)}, {"revisionId", opened_.left.id.ToHex()}},
                            {{"path", ToString(kWeight)}, {"value", "150.5"}}})}},
             dm_);
  ASSERT_TRUE(composed.ok()) << composed.error().ToString();
  FormItems expected = opened_.right.revision.items;
  SetState(expected, kPulse, {true, "71"});
  SetState(expected, kWeight, {true, "150.5"});
  EXPECT_EQ(composed->items, expected);
  EXPECT_EQ(StateAt(Must(Choose(kPulse, nullptr)).items, kPulse), (ItemState{true, std::nullopt}));
  EXPECT_EQ(Must(Decide({{"choices", Json::array()}}, dm_)).items, opened_.right.revision.items);
}

TEST_F(ConflictViewTest, ItemsThatASideDoesNotHaveGoWithIt) {
  const KnownRevision less = Vitals("01-702-1082", kKisumu, {&opened_.left}, {{kPulse, "71"}});
  Apply(less);
  opened_.row = OpenOf(less);
  const auto composed =
      Decide({{"choices",
               Json::array({{{"path", ToString(kSystolic)}, {"revisionId", less.id.ToHex()}}})}},
             dm_);
  ASSERT_TRUE(composed.ok()) << composed.error().ToString();
  EXPECT_FALSE(StateAt(composed->items, kSystolic).present);
}

TEST_F(ConflictViewTest, AValueTypedInFitsTheStudyOrIsRefusedWithoutBeingRepeated) {
  EXPECT_TRUE(Choose(kPulse, "101").ok());
  EXPECT_TRUE(Choose(kPosition, "STANDING").ok());
  for (const auto& [path, value] : {std::pair(kPulse, "fastish"), std::pair(kPulse, "12345"),
                                    std::pair(kSystolic, "12.5"), std::pair(kPosition, "LYING")}) {
    const auto refused = Choose(path, value);
    ASSERT_FALSE(refused.ok()) << value;
    EXPECT_EQ(refused.error().code, ErrorCode::kFieldInvalid);
    EXPECT_NE(refused.error().message.find(path.item.str()), std::string::npos);
    EXPECT_EQ(refused.error().message.find(value), std::string::npos);
  }
  const ItemPath unknown{kPulse.group, ItemOID("IT.UNKNOWN")};
  EXPECT_EQ(Choose(unknown, "1").error().code, ErrorCode::kFieldInvalid);
  const ItemPath misplaced{kPulse.group, kWeight.item};
  EXPECT_EQ(Choose(misplaced, "1").error().code, ErrorCode::kFieldInvalid);
}

TEST_F(ConflictViewTest, ABlindedItemIsTakenFromASideAndNeverTypedIn) {
  Blind(kPulse);
  Viewer decides = blind_;
  decides.decides = {Scope{}};
  EXPECT_FALSE(
      Decide({{"choices", Json::array({{{"path", ToString(kPulse)}, {"value", "80"}}})}}, decides)
          .ok());
  EXPECT_TRUE(Decide({{"choices", Json::array({{{"path", ToString(kPulse)},
                                                {"revisionId", opened_.left.id.ToHex()}}})}},
                     decides)
                  .ok());
  EXPECT_TRUE(Choose(kPulse, "80").ok());
}

TEST_F(ConflictViewTest, ADecisionThatSaysTwoThingsOrNoneIsRefused) {
  const std::string left = opened_.left.id.ToHex();
  const std::string pulse = ToString(kPulse);
  EXPECT_EQ(Refusal(Json::object()), ErrorCode::kFieldMissing);
  EXPECT_EQ(Refusal({{"take", left}, {"choices", Json::array()}}), ErrorCode::kFieldMissing);
  EXPECT_EQ(Refusal({{"take", "abc"}}), ErrorCode::kFieldInvalid);
  EXPECT_EQ(Refusal({{"take", std::string(64, '0')}}), ErrorCode::kFieldInvalid);
  EXPECT_EQ(Refusal({{"choices", 5}}), ErrorCode::kMalformed);
  const auto one = [&](const Json& choice) {
    return Refusal({{"choices", Json::array({choice})}});
  };
  EXPECT_EQ(one(5), ErrorCode::kFieldMissing);
  EXPECT_EQ(one({{"path", pulse}}), ErrorCode::kFieldInvalid);
  EXPECT_EQ(one({{"path", pulse}, {"value", "1"}, {"revisionId", left}}), ErrorCode::kFieldInvalid);
  EXPECT_EQ(one({{"path", pulse}, {"value", 71}}), ErrorCode::kFieldInvalid);
  EXPECT_EQ(one({{"path", "nowhere"}, {"value", "1"}}), ErrorCode::kFieldInvalid);
  EXPECT_EQ(one({{"path", pulse}, {"revisionId", std::string(64, '0')}}), ErrorCode::kFieldInvalid);
  const Json twice = {{"path", pulse}, {"value", "71"}};
  EXPECT_EQ(Refusal({{"choices", Json::array({twice, twice})}}), ErrorCode::kFieldInvalid);
}

}  // namespace
}  // namespace edcsync::central
