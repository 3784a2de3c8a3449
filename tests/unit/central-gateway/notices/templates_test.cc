#include "central-gateway/notices/templates.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;

class TemplatesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  Result<Templates> Load() const { return Templates::Load(NoticeLanguage::kEnglish, folder_); }
  std::string WhyNot() const {
    const Result<Templates> loaded = Load();
    return loaded.ok() ? "it was taken" : loaded.error().message;
  }

  std::string folder_;
};

TEST_F(TemplatesTest, WithoutAFolderTheBuiltInTextsStand) {
  const auto templates = Templates::Load(NoticeLanguage::kChinese, folder_ + "/none");
  ASSERT_TRUE(templates.ok());
  EXPECT_EQ(templates->RenderSubject("edge_silent", {{"edge", "e"}, {"site", "s"}}),
            "[edcsync] 失联：中心 s 的边缘节点 e");
}

TEST_F(TemplatesTest, AnOperatorsFileStandsInPlaceOfTheBuiltInOne) {
  Put("hard_conflict.txt", "Please decide: {{site}}\r\nSite {{site}} of {{study}}\r\n");
  Put("README.md", "Ours since May.");
  const auto templates = Load();
  ASSERT_TRUE(templates.ok()) << templates.error().message;
  const TemplateValues values = {{"site", "Kisumu"}, {"study", "P1"}};
  EXPECT_EQ(templates->RenderSubject("hard_conflict", values), "Please decide: Kisumu");
  EXPECT_EQ(templates->RenderText("hard_conflict", values), "Site Kisumu of P1\n");
}

TEST_F(TemplatesTest, ALineWhosePlaceholdersAreAllEmptyIsLeftOut) {
  Put("message.txt", "{{notices}}\n{{more}}\nDesk {{desk}} of {{gateway}}\nOnly {{desk}}\n\nEnd\n");
  const auto templates = Load();
  ASSERT_TRUE(templates.ok());
  EXPECT_EQ(templates->Render("message", {{"notices", "N"}, {"gateway", "g"}, {"desk", ""}}),
            "N\nDesk  of g\n\nEnd\n");
}

TEST_F(TemplatesTest, AValueThatLooksLikeAPlaceholderIsNotLookedInto) {
  const auto templates = Load();
  EXPECT_THAT(templates->RenderSubject("edge_silent", {{"edge", "{{site}}"}, {"site", "Kisumu"}}),
              HasSubstr("edge {{site}} of site Kisumu"));
}

TEST_F(TemplatesTest, AnUnknownPlaceholderIsRefusedWithFileLineAndWhatIsAllowed) {
  Put("quarantine.txt", "Subject\nSite {{site}}\nPulse {{value}}\n");
  const std::string why = WhyNot();
  EXPECT_THAT(why, HasSubstr(folder_ + "/quarantine.txt line 3: there is no {{value}} here"));
  EXPECT_THAT(why, HasSubstr("{{site}}"));
}

TEST_F(TemplatesTest, AnOpenPlaceholderAnEmptyFileAndAnUnknownNameAreRefused) {
  Put("digest.txt", "{{count}} of {{summary\n");
  EXPECT_THAT(WhyNot(), HasSubstr("digest.txt line 1: {{ is not closed"));
  Put("digest.txt", "");
  EXPECT_THAT(WhyNot(), HasSubstr("digest.txt is empty"));
  Put("digest.txt", "\xFF\n");
  EXPECT_THAT(WhyNot(), HasSubstr("digest.txt is not UTF-8"));
  std::filesystem::remove(folder_ + "/digest.txt");
  Put("hard-conflict.txt", "x\n");
  EXPECT_THAT(WhyNot(), HasSubstr("hard-conflict.txt is no template; allowed are message.txt"));
}

TEST_F(TemplatesTest, EveryTemplateHasAllItsPlaceholdersInBothLanguages) {
  for (const char* name : {"message", "digest", "more", "test", "hard_conflict",
                           "conflict_overdue", "quarantine", "edge_silent", "edge_back",
                           "clock_drift", "clock_right", "reconciliation_mended",
                           "reconciliation_unmended", "reconciliation_overdue"}) {
    const auto placeholders = [&](NoticeLanguage language) {
      std::multiset<std::string> found;
      const std::string_view text = BuiltInTemplate(language, name);
      for (std::size_t at = text.find("{{"); at != text.npos; at = text.find("{{", at + 1)) {
        found.emplace(text.substr(at, text.find("}}", at) - at));
      }
      return found;
    };
    EXPECT_EQ(placeholders(NoticeLanguage::kEnglish), placeholders(NoticeLanguage::kChinese))
        << name;
    EXPECT_FALSE(placeholders(NoticeLanguage::kEnglish).empty());
  }
}

}  // namespace
}  // namespace edcsync::central
