#include "shared/model/value_check.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "shared/model/odm_import.h"

namespace edcsync {
namespace {

// A study of one item, "IT", and a code list "CL" for it if `coded` has values.
StudyDefinition OneItem(DataType type, std::optional<std::uint32_t> length = {},
                        std::optional<std::uint32_t> digits = {},
                        const std::vector<std::string>& coded = {}) {
  StudyDefinition study;
  ItemDef item{"IT", "Item", type, length, digits, {}, {}, coded.empty() ? "" : "CL"};
  CodeListDef list{"CL", "List", type, false, {}};
  for (const std::string& value : coded) EXPECT_TRUE(list.values.Add({value, {}, {}}));
  EXPECT_TRUE(study.items.Add(item));
  EXPECT_TRUE(study.code_lists.Add(list));
  return study;
}

// "" if the value fits, else the reason.
std::string Reason(const StudyDefinition& study, std::string_view value) {
  return Nonconformance(study, "IT", value).value_or("");
}

std::string Reason(DataType type, std::string_view value) { return Reason(OneItem(type), value); }

struct Forms {
  DataType type;
  std::vector<std::string> fit;
  std::vector<std::string> do_not;
};

TEST(ValueCheck, EachDataTypeTakesTheFormsOfOdmClause214AndNoOther) {
  const std::vector<Forms> all = {
      {DataType::kText, {"", " ", "\xC3\xA9t\xC3\xA9"}, {"\xC3"}},
      {DataType::kInteger, {"0", "-12", "007", "+3"}, {"", "1.0", "1e3", " 1", "--1", "0x1"}},
      {DataType::kFloat, {"098.0", "-1.5", "3", ".5", "3."}, {"", ".", "1,5", "1e3", "NaN", "<5"}},
      {DataType::kDouble, {"1.5E+10", "-2", "INF", "NaN"}, {"", "1.5E10", ".5", "5.", "inf"}},
      {DataType::kBoolean, {"true", "false", "1", "0"}, {"", "TRUE", "yes", "2"}},
      {DataType::kDate, {"2012-02-29", "2012-02-29Z"}, {"", "2013-02-29", "2012-2-1", "2012-01"}},
      {DataType::kTime, {"08:15:30", "23:59:59.5+03:00"}, {"", "08:15", "24:00:01", "08:60:00"}},
      {DataType::kDatetime,
       {"2012-02-29T08:15:30", "2012-02-29T08:15:30.25-05:00"},
       {"2012-02-29", "2012-02-29 08:15:30", "2012-02-29T08:15", "2012-04-31T08:15:30"}},
      {DataType::kPartialDate, {"", "2012", "2012-02", "2012-02-29"}, {"12", "2012-13", "2012-"}},
      {DataType::kPartialTime, {"", "08", "08:15", "08:15:30Z"}, {"8", "25", "08:", "08:15:"}},
      {DataType::kPartialDatetime,
       {"", "2012", "2012-02-29T08", "2012-02-29T08:15", "2012-02-29T08:15:30Z"},
       {"2012-02T08", "2012-02-29T", "2012-02-30T08", "2012T08"}},
      {DataType::kDurationDatetime,
       {"", "P1Y2M3DT4H5M6.5S", "-PT1S", "P3W", "P18M"},
       {"P", "PT", "P1YT", "1Y", "P1M1Y", "P1.5Y", "P1Y2", "PW"}},
      {DataType::kIntervalDatetime,
       {"2012/2013-01", "2012-01-01T08/P1D", "P3W/2012"},
       {"2012", "P1D/P2D", "2012/", "/2012"}},
      {DataType::kIncompleteDate,
       {"2012---19", "----19", "-----", "2012-02"},
       {"2012-02-30", "----", "x"}},
      {DataType::kIncompleteTime, {"-:15:-", "08:-:30Z", "-:-:--"}, {"-:15", "-:61:-"}},
      {DataType::kIncompleteDatetime, {"2012---19T-:15:-", "2012"}, {"2012---19", "T-:-:-"}},
      {DataType::kHexBinary, {"", "0aFF"}, {"0", "0g"}},
      {DataType::kBase64Binary, {"", "QUJD", "QQ=="}, {"QUJ", "=QQQ", "Q===", "Q?=="}},
      {DataType::kHexFloat, {"4110000000000000"}, {"411000000000000000"}},
      {DataType::kBase64Float, {"QRAAAAAAAAA="}, {"QRAAAAAAAAAAAAAA"}},
      {DataType::kUri, {"https://example.org/a?b=1"}, {"", "a b", "<a>"}},
  };
  for (const Forms& forms : all) {
    for (const std::string& value : forms.fit) {
      EXPECT_EQ(Reason(forms.type, value), "") << ToString(forms.type) << " " << value;
    }
    for (const std::string& value : forms.do_not) {
      EXPECT_NE(Reason(forms.type, value), "") << ToString(forms.type) << " " << value;
    }
  }
}

TEST(ValueCheck, LengthOfTextCountsCharactersAndNotBytes) {
  const StudyDefinition study = OneItem(DataType::kText, 6);
  EXPECT_EQ(Reason(study, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xF0\x9F\x98\x80\xC3\xA9"), "");
  EXPECT_EQ(Reason(study, "Unknown"), "longer than 6 characters");
}

TEST(ValueCheck, LengthOfANumberCountsDigitsWithoutSignPointAndLeadingZeros) {
  const StudyDefinition study = OneItem(DataType::kFloat, 3, 1);
  EXPECT_EQ(Reason(study, "098.0"), "");
  EXPECT_EQ(Reason(study, "-98.6"), "");
  EXPECT_EQ(Reason(study, "098.60"), "longer than 3 digits");
  EXPECT_EQ(Reason(study, "8.60"), "more precise than 1 digits after the point");
  EXPECT_EQ(Reason(OneItem(DataType::kInteger, 2), "0084"), "");
  EXPECT_EQ(Reason(OneItem(DataType::kInteger, 2), "184"), "longer than 2 digits");
}

TEST(ValueCheck, ACodeListComparesTextByLetterAndNumbersByValue) {
  const StudyDefinition sex = OneItem(DataType::kText, {}, {}, {"Female", "Male"});
  EXPECT_EQ(Reason(sex, "Female"), "");
  EXPECT_EQ(Reason(sex, "female"), "not in code list CL");
  const StudyDefinition grade = OneItem(DataType::kInteger, {}, {}, {"1", "2"});
  EXPECT_EQ(Reason(grade, "01"), "");
  EXPECT_EQ(Reason(grade, "-1"), "not in code list CL");
  EXPECT_EQ(Reason(grade, "3"), "not in code list CL");
}

TEST(ValueCheck, AnExternalCodeListTakesEveryValue) {
  StudyDefinition study = OneItem(DataType::kText, {}, {}, {"x"});
  CodeListDef list{"CL", "MedDRA", DataType::kText, true, {}};
  study.code_lists.Replace(list);
  EXPECT_EQ(Reason(study, "Headache"), "");
}

TEST(ValueCheck, AReasonNeverRepeatsTheValue) {
  for (int i = 0; i <= static_cast<int>(DataType::kUri); ++i) {
    const StudyDefinition study = OneItem(static_cast<DataType>(i), 3, 1, {"A"});
    EXPECT_EQ(Reason(study, "secret <7>").find("secret"), std::string::npos);
  }
  EXPECT_EQ(Nonconformance(StudyDefinition(), "IT.X", "1"),
            "of an item the study definition does not know");
}

// The CDISC pilot study: every value captured at five sites is known to its study build and fits
// it (tests/data/NOTICE).
TEST(ValueCheck, EveryValueOfThePilotStudyIsKnownAndConforms) {
  const std::filesystem::path folder =
      std::filesystem::path(EDCSYNC_SOURCE_DIR) / "tests/data/cdiscpilot";
  std::ostringstream xml;
  xml << std::ifstream(folder / "metadata.xml").rdbuf();
  const auto studies = ImportOdm(xml.str());
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  const StudyDefinition& study = studies->front();

  int forms = 0, values = 0, not_done = 0, nonconformant = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".ndjson") continue;
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line); ++forms) {
      const auto submission = nlohmann::json::parse(line);
      const std::string form = submission.at("formOID");
      EXPECT_TRUE(study.KnowsForm(form)) << form;
      EXPECT_TRUE(study.study_events.Contains(submission.at("studyEventOID").get<std::string>()));
      for (const auto& group : submission.at("itemGroups")) {
        const std::string group_oid = group.at("itemGroupOID");
        EXPECT_TRUE(study.KnowsItemGroup(form, group_oid)) << form << " " << group_oid;
        for (const auto& [item, value] : group.at("items").items()) {
          EXPECT_TRUE(study.KnowsItem(group_oid, item)) << group_oid << " " << item;
          ++values;
          if (value.is_null()) {
            ++not_done;
          } else if (const auto why = Nonconformance(study, item, value.get<std::string>())) {
            ++nonconformant;
            std::printf("%s is %s\n", item.c_str(), why->c_str());
          }
        }
      }
    }
  }
  EXPECT_EQ(forms, 2225);
  EXPECT_EQ(values, 33596);
  EXPECT_EQ(not_done, 2);
  EXPECT_EQ(nonconformant, 0);
}

}  // namespace
}  // namespace edcsync
