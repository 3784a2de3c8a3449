#include "shared/model/study_definition.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

DefinitionRef Ref(const char* oid) { return {oid, false, std::nullopt}; }

StudyDefinition VitalSigns() {
  StudyDefinition study;
  FormDef form{"F.VS", "Vital signs", false, {}};
  EXPECT_TRUE(form.item_groups.Add(Ref("IG.VS")));
  EXPECT_TRUE(study.forms.Add(form));
  EXPECT_TRUE(study.forms.Add({"F.DM", "Demographics", false, {}}));
  ItemGroupDef group{"IG.VS", "Vital signs", true, {}};
  EXPECT_TRUE(group.items.Add(Ref("IT.PULSE")));
  EXPECT_TRUE(study.item_groups.Add(group));
  return study;
}

TEST(StudyDefinition, KnowsAGroupOnlyInItsFormAndAnItemOnlyInItsGroup) {
  const StudyDefinition study = VitalSigns();
  EXPECT_TRUE(study.KnowsForm("F.VS"));
  EXPECT_FALSE(study.KnowsForm("F.vs"));
  EXPECT_TRUE(study.KnowsItemGroup("F.VS", "IG.VS"));
  EXPECT_FALSE(study.KnowsItemGroup("F.DM", "IG.VS"));
  EXPECT_FALSE(study.KnowsItemGroup("F.XX", "IG.VS"));
  EXPECT_TRUE(study.KnowsItem("IG.VS", "IT.PULSE"));
  EXPECT_FALSE(study.KnowsItem("IG.VS", "IT.AGE"));
  EXPECT_FALSE(study.KnowsItem("IG.XX", "IT.PULSE"));
}

TEST(StudyDefinition, EveryDataTypeIsFoundByTheNameOdmGivesIt) {
  for (int i = 0; i <= static_cast<int>(DataType::kUri); ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(ParseDataType(ToString(type)), type);
  }
  EXPECT_EQ(ToString(DataType::kIncompleteDatetime), "incompleteDatetime");
  EXPECT_EQ(ToString(DataType::kUri), "URI");
  EXPECT_EQ(ParseDataType("Integer"), std::nullopt);
}

TEST(StudyDefinition, ATextFallsBackToItsPrimaryLanguageAndThenToEnglish) {
  const Translations texts = {{"de", "Puls"}, {"en", "Pulse"}, {"fr", "Pouls"}};
  EXPECT_EQ(TextIn(texts, "fr-CA"), "Pouls");
  EXPECT_EQ(TextIn(texts, "sw"), "Pulse");
  EXPECT_EQ(TextIn({{"de", "Puls"}}, "sw"), "Puls");
  EXPECT_EQ(TextIn({}, "en"), "");
}

TEST(StudyDefinition, ATableRefusesASecondEntryAndFindsAfterSorting) {
  RefTable table;
  EXPECT_TRUE(table.Add({"B", true, 2}));
  EXPECT_TRUE(table.Add({"A", false, 1}));
  EXPECT_FALSE(table.Add({"B", false, 3}));
  table.Sort([](const auto& a, const auto& b) { return a.order_number < b.order_number; });
  EXPECT_EQ(table.begin()->oid, "A");
  ASSERT_NE(table.Find("B"), nullptr);
  EXPECT_TRUE(table.Find("B")->mandatory);
  EXPECT_EQ(table.Find("C"), nullptr);
}

TEST(StudyDefinition, WhatAVersionDefinesItselfReplacesWhatItIncludes) {
  StudyDefinition own;
  EXPECT_TRUE(own.items.Add({"IT.AGE", "Age", DataType::kFloat, {}, {}, {}, {}, ""}));
  EXPECT_TRUE(own.items.Add({"IT.NEW", "New", DataType::kText, {}, {}, {}, {}, ""}));
  StudyDefinition included;
  EXPECT_TRUE(included.items.Add({"IT.SEX", "Sex", DataType::kText, {}, {}, {}, {}, ""}));
  EXPECT_TRUE(included.items.Add({"IT.AGE", "Age", DataType::kInteger, {}, {}, {}, {}, ""}));
  const StudyDefinition merged = MergeIncluded(own, included);
  EXPECT_EQ(merged.items.size(), 3u);
  EXPECT_EQ(merged.items.Find("IT.AGE")->data_type, DataType::kFloat);
  EXPECT_TRUE(merged.items.Contains("IT.SEX"));
  EXPECT_TRUE(merged.items.Contains("IT.NEW"));
}

}  // namespace
}  // namespace edcsync
