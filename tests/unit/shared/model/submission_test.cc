#include "shared/model/submission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "shared/base/limits.h"

namespace edcsync {
namespace {

constexpr std::string_view kHead =
    R"("studyOID":"S","siteOID":"SITE.702","subjectKey":"01","studyEventOID":"SE.1","formOID":"F")";

std::string With(std::string_view rest) {
  return "{" + std::string(kHead) + "," + std::string(rest) + "}";
}
std::string WithItems(std::string_view items) {
  return With(R"("itemGroups":[{"itemGroupOID":"IG","items":{)" + std::string(items) + "}}]");
}

Revision RevisionOf(const Submission& submission) {
  Revision revision;
  revision.key = submission.key;
  revision.site = submission.site;
  revision.items = submission.items;
  revision.removed = submission.remove;
  revision.metadata_version = submission.metadata_version;
  revision.user = submission.user;
  revision.reason_for_change = submission.reason_for_change;
  return revision;
}

void ExpectRefused(const std::string& json, ErrorCode code, std::string_view named) {
  const auto submission = ParseSubmission(json);
  ASSERT_FALSE(submission.ok()) << json;
  EXPECT_EQ(submission.error().code, code) << json << ": " << submission.error().ToString();
  EXPECT_NE(submission.error().message.find(named), std::string::npos)
      << json << ": " << submission.error().message;
}

ItemValue ValueOf(const std::string& json_text) {
  const auto submission = ParseSubmission(WithItems("\"IT\":" + json_text));
  if (!submission.ok()) return "refused: " + submission.error().message;
  return submission->items.begin()->second.at(ItemOID("IT"));
}

TEST(Submission, EveryFieldArrivesWhereItBelongs) {
  const std::string id(64, 'a');
  const auto submission = ParseSubmission(
      R"({"itemGroups":[{"items":{"IT.A":"098.0","IT.B":null},"itemGroupRepeatKey":"2",)"
      R"("itemGroupOID":"IG.VS"}],"formRepeatKey":"4","studyEventRepeatKey":"3",)"
      R"("user":"nurse","reasonForChange":"typo","metaDataVersionOID":"MDV.1",)"
      R"("baseRevisionId":")" + id + "\"," + std::string(kHead) + "}");
  ASSERT_TRUE(submission.ok()) << submission.error().ToString();
  EXPECT_EQ(ToString(submission->key), "S/01/SE.1:3/F:4");
  EXPECT_EQ(submission->site, SiteOID("SITE.702"));
  EXPECT_EQ(submission->items,
            (FormItems{{{ItemGroupOID("IG.VS"), RepeatKey("2")},
                        {{ItemOID("IT.A"), "098.0"}, {ItemOID("IT.B"), std::nullopt}}}}));
  EXPECT_EQ(submission->user, "nurse");
  EXPECT_EQ(submission->reason_for_change, "typo");
  EXPECT_EQ(submission->metadata_version, MetaDataVersionOID("MDV.1"));
  EXPECT_EQ(submission->base_revision, RevisionIdFromHex(id));
  EXPECT_FALSE(submission->remove);
}

TEST(Submission, ValuesSurviveVerbatim) {
  EXPECT_EQ(ValueOf(R"("a\u0000b")"), std::string("a\0b", 3));
  EXPECT_EQ(ValueOf(R"("\ud83d\udc8a")"), "\xF0\x9F\x92\x8A");
  EXPECT_EQ(ValueOf("\"\xF0\x9F\x92\x8A e\xCC\x81 \xC3\xA9\""),
            "\xF0\x9F\x92\x8A e\xCC\x81 \xC3\xA9");  // Not normalized.
  EXPECT_EQ(ValueOf(R"("  098.0 \r\n\t\"\\\/ ")"), "  098.0 \r\n\t\"\\/ ");
  EXPECT_EQ(ValueOf("null"), std::nullopt);
  EXPECT_EQ(ValueOf("\"\""), "");
}

TEST(Submission, TextThatIsNotUnicodeIsRefused) {
  for (const char* value : {R"("\ud83d")", R"("\udc8a")", R"("\ud83dx")", R"("\ud83d\u0041")",
                            "\"\xED\xA0\x80\"", "\"\xC0\x80\"", "\"\xFF\"", "\"a\nb\""}) {
    ExpectRefused(WithItems("\"IT\":" + std::string(value)), ErrorCode::kMalformed, "at byte");
  }
}

TEST(Submission, AValueThatIsNoTextIsRefusedAndItsItemNamed) {
  for (const char* value : {"72", "-1", "7.5", "1e3", "true", "false", "[]", "{}", "[\"1\"]"}) {
    ExpectRefused(WithItems("\"IT.PULSE\":" + std::string(value)), ErrorCode::kFieldInvalid,
                  "IT.PULSE");
  }
}

TEST(Submission, WhatOccursTwiceIsRefused) {
  constexpr auto kInvalid = ErrorCode::kFieldInvalid;
  ExpectRefused(With(R"("itemGroups":[],"formOID":"F")"), kInvalid, "formOID occurs twice");
  ExpectRefused(With(R"("itemGroups":[],"itemGroups":[])"), kInvalid, "itemGroups occurs twice");
  ExpectRefused(WithItems(R"("IT.A":"1","IT.B":"2","IT.A":"1")"), kInvalid, "IT.A occurs twice");
  ExpectRefused(WithItems(R"("IT.A":"1","IT.\u0041":"1")"), kInvalid, "IT.A occurs twice");
  const std::string group = R"({"itemGroupOID":"IG","items":{"A":"1"}})";
  const std::string same = R"({"itemGroupOID":"IG","itemGroupRepeatKey":"1","items":{"B":"1"}})";
  ExpectRefused(With("\"itemGroups\":[" + group + "," + same + "]"), kInvalid, "IG occurs twice");
  ExpectRefused(With(R"("itemGroups":[{"itemGroupOID":"IG","items":{},"items":{}}])"), kInvalid,
                "items occurs twice");
}

TEST(Submission, UnknownMissingAndMistypedFieldsAreNamed) {
  constexpr auto kInvalid = ErrorCode::kFieldInvalid;
  ExpectRefused(With(R"("itemGroups":[],"sietOID":"x")"), kInvalid, "sietOID");
  ExpectRefused(With(R"("itemGroups":[{"itemGroupOID":"IG","items":{},"x":1}])"), kInvalid, "x");
  ExpectRefused("{" + std::string(kHead) + "}", ErrorCode::kFieldMissing, "itemGroups");
  ExpectRefused(R"({"itemGroups":[]})", ErrorCode::kFieldMissing, "studyOID");
  ExpectRefused(With(R"("itemGroups":[{"items":{"A":"1"}}])"), ErrorCode::kFieldMissing,
                "itemGroupOID");
  ExpectRefused(With(R"("itemGroups":[{"itemGroupOID":"IG"}])"), ErrorCode::kFieldMissing,
                "items");
  ExpectRefused(With(R"("itemGroups":{})"), kInvalid, "itemGroups");
  ExpectRefused(With(R"("itemGroups":["x"])"), kInvalid, "itemGroups");
  ExpectRefused(With(R"("itemGroups":[{"itemGroupOID":"IG","items":[]}])"), kInvalid, "items");
  const Result<Submission> empty_group =
      ParseSubmission(With(R"("itemGroups":[{"itemGroupOID":"IG","items":{}}])"));
  ASSERT_TRUE(empty_group.ok());
  EXPECT_TRUE(empty_group->items.empty());
  for (const char* value : {"1", "null", "true", "{}", "[]"}) {
    ExpectRefused(With("\"itemGroups\":[],\"formRepeatKey\":" + std::string(value)), kInvalid,
                  "formRepeatKey");
  }
  ExpectRefused(With(R"("itemGroups":[],"formRepeatKey":"")"), kInvalid, "formRepeatKey");
  ExpectRefused(With(R"("itemGroups":[],"user":"a\u0007")"), kInvalid, "user");
  ExpectRefused(With(R"("itemGroups":[],"baseRevisionId":"12")"), kInvalid, "baseRevisionId");
  ExpectRefused(With(R"("itemGroups":[],"baseRevisionId":"")"), kInvalid, "baseRevisionId");
  ExpectRefused(With(R"("itemGroups":[],"remove":false)"), kInvalid, "remove");
  ExpectRefused(With(R"("itemGroups":[],"remove":"true")"), kInvalid, "remove");
  ExpectRefused(With(R"("remove":true,"itemGroups":[{"itemGroupOID":"I","items":{"A":"1"}}])"),
                kInvalid, "remove");
}

TEST(Submission, WhatIsNoJsonObjectIsMalformedAndQuotesNothing) {
  for (const std::string& json :
       {std::string(), std::string("[]"), std::string("\"x\""), std::string("12"),
        With(R"("itemGroups":[]})"), With(R"("itemGroups":[],)"), With("\"itemGroups\":[]") + "{}",
        std::string("{'a':1}"), std::string(100'000, '['), std::string("{\"secret-value")}) {
    const auto submission = ParseSubmission(json);
    ASSERT_FALSE(submission.ok()) << json;
    EXPECT_EQ(submission.error().code, ErrorCode::kMalformed) << json;
    EXPECT_EQ(submission.error().message.find("secret"), std::string::npos);
  }
  EXPECT_FALSE(ParseSubmission(WithItems("\"IT\":" + std::string(100'000, '{'))).ok());
}

TEST(Submission, SizesBeyondTheLimitsAreRefused) {
  constexpr auto kLarge = ErrorCode::kTooLarge;
  ExpectRefused(std::string(limits::kSubmissionBytesMax + 1, ' '), kLarge, "larger");
  ExpectRefused(WithItems("\"IT\":\"" + std::string(limits::kValueBytesMax + 1, 'x') + "\""),
                kLarge, "IT");
  ExpectRefused(With("\"itemGroups\":[],\"reasonForChange\":\"" +
                     std::string(limits::kReasonBytesMax + 1, 'x') + "\""),
                kLarge, "reasonForChange");
  std::string items;
  for (std::size_t i = 0; i <= limits::kItemCountMax; ++i) {
    items += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  }
  ExpectRefused(WithItems(items), kLarge, "items in one form");
}

TEST(Submission, WhatIsFormattedParsesToTheSameContent) {
  Revision revision;
  revision.key = {StudyOID("S"), SubjectKey("\xC3\xA9/\""), StudyEventOID("E"), RepeatKey("2"),
                  FormOID("F"), RepeatKey("1")};
  revision.site = SiteOID("SITE");
  revision.user = "n\"urse";
  revision.reason_for_change = "line\nbreak \xE2\x80\xA8 tab\t";
  revision.items = {{{ItemGroupOID("IG\\"), RepeatKey("2")},
                     {{ItemOID("A"), std::string("\0\x1F\x7F\"\\/", 6)}, {ItemOID("B"), {}}}}};
  const std::string text = FormatSubmission(revision, std::nullopt);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto parsed = ParseSubmission(text);
  ASSERT_TRUE(parsed.ok()) << parsed.error().ToString() << text;
  EXPECT_EQ(parsed->key, revision.key);
  EXPECT_EQ(parsed->items, revision.items);
  EXPECT_EQ(parsed->user, revision.user);
  EXPECT_EQ(parsed->reason_for_change, revision.reason_for_change);

  revision.items.clear();
  revision.removed = true;
  const auto removal = ParseSubmission(FormatSubmission(revision, std::nullopt));
  ASSERT_TRUE(removal.ok());
  EXPECT_TRUE(removal->remove);
}

TEST(Submission, TheOrderOfFieldsIsFixed) {
  Revision revision = RevisionOf(ParseSubmission(WithItems(R"("B":"2","A":null)")).value());
  revision.edge = EdgeId("kisumu-1");
  revision.edited_at = {1'790'000'000'123, 4};
  revision.utc_offset_minutes = 180;
  revision.clock_drift_ms = -5;
  EXPECT_EQ(FormatSubmission(revision, HistoryFields{RevisionId(), true}),
            R"({"studyOID":"S","siteOID":"SITE.702","subjectKey":"01","studyEventOID":"SE.1",)"
            R"("studyEventRepeatKey":"1","formOID":"F","formRepeatKey":"1",)"
            R"("itemGroups":[{"itemGroupOID":"IG","itemGroupRepeatKey":"1",)"
            R"("items":{"A":null,"B":"2"}}],"revisionId":")" + std::string(64, '0') +
            R"(","version":1,"parents":[],"origin":"site","edgeId":"kisumu-1",)"
            R"("editedAt":"2026-09-21T17:13:20.123+03:00","editedAtCounter":4,)"
            R"("clockDriftMs":-5,"current":true})");
}

TEST(Submission, EveryFormOfThePilotStudyComesBackWithEqualContent) {
  std::size_t count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(EDCSYNC_SOURCE_DIR "/tests/data/cdiscpilot")) {
    if (file.path().extension() != ".ndjson") continue;
    std::ifstream stream(file.path());
    for (std::string line; std::getline(stream, line); ++count) {
      const auto submission = ParseSubmission(line);
      ASSERT_TRUE(submission.ok()) << submission.error().ToString() << line;
      const auto sorted = [](const std::string& text) {  // Groups in order of key.
        auto json = nlohmann::json::parse(text);
        std::sort(json["itemGroups"].begin(), json["itemGroups"].end());
        return json;
      };
      ASSERT_EQ(sorted(FormatSubmission(RevisionOf(*submission), std::nullopt)), sorted(line));
    }
  }
  EXPECT_GT(count, 2000u);
}

TEST(SplitSubmissions, TakesAnObjectAnArrayOrLines) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(SplitSubmissions(" {\n \"a\": \"}\\\"{\"\n}\n ").value(),
            Texts{"{\n \"a\": \"}\\\"{\"\n}"});
  EXPECT_EQ(SplitSubmissions("[ {\"a\":[{}]} , {} ]").value(), (Texts{"{\"a\":[{}]}", "{}"}));
  EXPECT_EQ(SplitSubmissions("[]").value(), Texts{});
  EXPECT_EQ(SplitSubmissions("\xEF\xBB\xBF{\"a\":1}\r\n\r\n{\"b\":2}").value(),
            (Texts{"{\"a\":1}", "{\"b\":2}"}));
}

TEST(SplitSubmissions, OneBadSubmissionDoesNotHoldBackTheOthers) {
  EXPECT_EQ(SplitSubmissions("{\"a\":\"b\n{\"c\":1}\nrubbish\n").value(),
            (std::vector<std::string>{"{\"a\":\"b", "{\"c\":1}", "rubbish"}));
  EXPECT_EQ(SplitSubmissions("[{bad},{\"c\":1}]").value(),
            (std::vector<std::string>{"{bad}", "{\"c\":1}"}));
}

TEST(SplitSubmissions, ABodyThatIsNoneOfThemIsMalformed) {
  for (const char* body : {"", " \n", "rubbish", "{\"a\":\n1", "[{}", "[1]", "[{},]", "[{}] x",
                           "[{}{}]", "[", "12"}) {
    const auto texts = SplitSubmissions(body);
    ASSERT_FALSE(texts.ok()) << body;
    EXPECT_EQ(texts.error().code, ErrorCode::kMalformed) << body;
  }
}

}  // namespace
}  // namespace edcsync
