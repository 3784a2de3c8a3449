#include "central-gateway/desk/record_view.h"

#include "central-gateway/desk/oversight_view.h"
#include "central-gateway/desk/queue_view.h"
#include "tests/unit/central-gateway/desk/trial_fixture.h"

namespace edcsync::central {
namespace {

class RecordViewTest : public TrialTest {
 protected:
  void SetUp() override {
    TrialTest::SetUp();
    Put("S1", kKisumu, {{kPulse, "71"}, {kPosition, "SUPINE"}});
    Put("S2", kTororo, {{kPulse, "72"}, {kPosition, "STANDING"}});
    Put("S3", kKisumu, {{kPulse, "171"}, {kPosition, std::nullopt}});
  }
  KnownRevision Put(const std::string& subject, const SiteOID& site, Values values) {
    const KnownRevision known = Vitals(subject, site, {}, values);
    Apply(known);
    return known;
  }
  static RecordSearch Of(const std::string& item, const std::string& value) {
    RecordSearch search;
    search.filter.study = kPilot.str();
    search.item = item;
    search.value = value;
    return search;
  }
  std::vector<std::string> Found(const RecordSearch& search, const Viewer& viewer) {
    std::optional<RecordKey> next;
    std::vector<std::string> subjects;
    const Json found = Must(SearchRecordsJson(*store_, catalogue_, viewer, search, next));
    for (const Json& record : found["records"]) subjects.push_back(record["subjectKey"]);
    return subjects;
  }
  using Subjects = std::vector<std::string>;

  StudyCatalogue catalogue_;
  const Viewer all_ = central::Everything("dm");
};

TEST_F(RecordViewTest, AValueIsFoundAsAPartWhateverItsCase) {
  EXPECT_EQ(Found(Of("", "71"), all_), (Subjects{"S1", "S3"}));
  EXPECT_EQ(Found(Of("", "stand"), all_), Subjects{"S2"});
  EXPECT_EQ(Found(Of("IT.VS.SUBPOS", "supine"), all_), Subjects{"S1"});
  EXPECT_EQ(Found(Of("IT.VS.SUBPOS", "71"), all_), Subjects{}) << "of another item";
  EXPECT_EQ(Found(Of("IT.VS.SUBPOS", ""), all_), (Subjects{"S1", "S2", "S3"}));
  EXPECT_EQ(Found(Of("IT.VS.WEIGHT", ""), all_), Subjects{});
  RecordSearch without_study = Of("", "71");
  without_study.filter.study.clear();
  std::optional<RecordKey> next;
  EXPECT_EQ(SearchRecordsJson(*store_, catalogue_, all_, without_study, next).error().code,
            ErrorCode::kFieldMissing);
}

TEST_F(RecordViewTest, OnlyWhatCountsNowIsSearched) {
  const KnownRevision first = Put("S4", kKisumu, {{kPulse, "55"}});
  Apply(Vitals("S4", kKisumu, {&first}, {{kPulse, "56"}}));
  EXPECT_EQ(Found(Of("", "55"), all_), Subjects{});
  EXPECT_EQ(Found(Of("", "56"), all_), Subjects{"S4"});
}

TEST_F(RecordViewTest, AHiddenItemIsNeitherFoundNorShown) {
  Change([&](CentralWriter& writer) {
    return writer.PutStudySettings({kPilot, {kPulse.item}, ""});
  });
  Viewer monitor;
  monitor.reads = {Scope{}};
  EXPECT_EQ(Found(Of("", "71"), monitor), Subjects{});
  EXPECT_EQ(Found(Of(kPulse.item.str(), ""), monitor), Subjects{});
  EXPECT_EQ(Found(Of("", "supine"), monitor), Subjects{"S1"});
  EXPECT_EQ(Found(Of("", "71"), all_), (Subjects{"S1", "S3"}));
  const RecordKey key = Vitals("S1", kKisumu, {}, {}).revision.key;
  const Json shown = Must(RecordDetailJson(*store_, catalogue_, monitor, key));
  EXPECT_EQ(shown.dump().find("\"71\""), std::string::npos);
  EXPECT_NE(shown.dump().find("SUPINE"), std::string::npos);
}

TEST_F(RecordViewTest, OnesOwnSitesAreSearchedOnly) {
  Viewer kisumu;
  kisumu.reads = {{kPilot, kKisumu}};
  EXPECT_EQ(Found(Of("", "7"), kisumu), (Subjects{"S1", "S3"}));
  EXPECT_EQ(Found({}, kisumu), (Subjects{"S1", "S3"}));
  const RecordKey there = Vitals("S2", kTororo, {}, {}).revision.key;
  EXPECT_EQ(RecordDetailJson(*store_, catalogue_, kisumu, there).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(Found({}, Viewer{}), Subjects{});
}

TEST_F(RecordViewTest, PagesGoOnWhereTheLastEnded) {
  RecordSearch search = Of("", "7");
  search.count_max = 1;
  Subjects paged;
  for (int page = 0; page < 5; ++page) {
    std::optional<RecordKey> next;
    const Json found = Must(SearchRecordsJson(*store_, catalogue_, all_, search, next));
    for (const Json& record : found["records"]) paged.push_back(record["subjectKey"]);
    if (!next) break;
    search.after = next;
  }
  EXPECT_EQ(paged, (Subjects{"S1", "S2", "S3"}));
}

TEST_F(RecordViewTest, ARecordIsShownWithEachRevisionsValues) {
  const Opened opened = OpenConflict("S5");
  const Json shown = Must(RecordDetailJson(*store_, catalogue_, all_, opened.base.revision.key));
  EXPECT_EQ(shown["revisionId"], opened.right.id.ToHex());
  EXPECT_EQ(shown["timeline"].size(), 3u);
  EXPECT_EQ(shown["conflictIds"], Json::array({opened.id()}));
  EXPECT_EQ(shown["locked"], false);
  const Json pulse = shown["groups"][2]["items"][4];
  EXPECT_EQ(pulse["path"], ToString(kPulse));
  EXPECT_EQ(pulse["values"][opened.base.id.ToHex()]["value"], "70");
  EXPECT_EQ(pulse["values"][opened.left.id.ToHex()]["value"], "71");
}

TEST_F(RecordViewTest, BytesInQuarantineThatDoNotDecodeAreForWhoSeesEverything) {
  Change([&](CentralWriter& writer) -> Status {
    Incoming incoming = ReadIncoming({1, 2, 3});
    incoming.edge = kisumu_;
    incoming.incarnation = incarnation_;
    incoming.site = kKisumu;
    EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
    EDCSYNC_TRY(merger.Apply(incoming));
    return Ok();
  });
  const KnownRevision known = Quarantine("S6");
  Viewer kisumu;
  kisumu.reads = kisumu.decides = {{kPilot, kKisumu}};
  std::optional<std::int64_t> next;
  const auto list = [&](const Viewer& viewer) {
    return Must(QuarantinePageJson(*store_, viewer, {}, next))["quarantine"];
  };
  ASSERT_EQ(list(all_).size(), 2u);
  ASSERT_EQ(list(kisumu).size(), 1u);
  EXPECT_EQ(list(kisumu)[0]["revisionId"], known.id.ToHex());
  const RevisionId undecoded = *RevisionIdFromHex(list(all_)[0]["revisionId"].get<std::string>());
  EXPECT_FALSE(Must(MayDecideQuarantined(*store_, kisumu, undecoded)));
  EXPECT_TRUE(Must(MayDecideQuarantined(*store_, kisumu, known.id)));
  EXPECT_EQ(Must(QuarantinedJson(*store_, catalogue_, all_, undecoded))["revision"], nullptr);
}

TEST(CsvField, IsQuotedWhereNeededAndNoFormula) {
  EXPECT_EQ(CsvField("plain text"), "plain text");
  EXPECT_EQ(CsvField(""), "");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"no\""), "\"say \"\"no\"\"\"");
  EXPECT_EQ(CsvField("two\r\nlines"), "\"two\r\nlines\"");
  for (const char* formula : {"=1+1", "+1", "-1", "@SUM(A1)", "\tx"}) {
    EXPECT_EQ(CsvField(formula), "'" + std::string(formula));
  }
  EXPECT_EQ(CsvField("=\"a\",1"), "\"'=\"\"a\"\",1\"");
  EXPECT_EQ(CsvField("\r=1"), "\"'\r=1\"");
  EXPECT_EQ(CsvField("1=1"), "1=1");
}

}  // namespace
}  // namespace edcsync::central
