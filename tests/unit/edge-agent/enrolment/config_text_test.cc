#include "edge-agent/enrolment/config_text.h"

#include <gtest/gtest.h>

#include "edge-agent/enrolment/renewal.h"

namespace edcsync::edge {
namespace {

TEST(ConfigText, AKeyIsReplacedAndEverythingElseStaysAsItWas) {
  const std::string before =
      "# Ours.\n[edge]\nid = \"old\"   # gone\nsite = \"Kisumu\"\n\n[http]\nport = 8470 # kept\n";
  EXPECT_EQ(
      WithTomlKey(before, "edge", "id", TomlText("kisumu-1")),
      "# Ours.\n[edge]\nid = \"kisumu-1\"\nsite = \"Kisumu\"\n\n[http]\nport = 8470 # kept\n");
}

TEST(ConfigText, AKeyThatIsNotThereComesIntoItsSection) {
  const std::string before = "[edge]\nsite = \"Kisumu\"\n\n[http]\nport = 0\n";
  EXPECT_EQ(WithTomlKey(before, "edge", "data", "\"data\""),
            "[edge]\nsite = \"Kisumu\"\ndata = \"data\"\n\n[http]\nport = 0\n");
  EXPECT_EQ(WithTomlKey(before, "tls", "ca", "\"ca.crt\""), before + "\n[tls]\nca = \"ca.crt\"\n");
  EXPECT_EQ(WithTomlKey("", "tls", "ca", "\"ca.crt\""), "[tls]\nca = \"ca.crt\"\n");
}

TEST(ConfigText, ACommentedKeyGivesItsPlaceUnlessAnotherCounts) {
  EXPECT_EQ(WithTomlKey("[edge]\n# id = \"example\"\n#site = \"S\"\n", "edge", "id", "\"x\""),
            "[edge]\nid = \"x\"\n#site = \"S\"\n");
  EXPECT_EQ(WithTomlKey("[edge]\nid = \"a\"\n# id = \"b\"\n", "edge", "id", "\"x\""),
            "[edge]\nid = \"x\"\n# id = \"b\"\n");
  EXPECT_EQ(WithTomlKey("[edge]\nidle = 1\n", "edge", "id", "\"x\""),
            "[edge]\nidle = 1\nid = \"x\"\n");
}

TEST(ConfigText, ATextIsQuoted) { EXPECT_EQ(TomlText("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\""); }

TEST(RenewalTime, IsAtTwoThirdsOfTheLifeAndAtMostATwelfthLater) {
  const WallTime begin{1'000'000};
  const WallTime end{1'000'000 + 1'200'000};
  EXPECT_EQ(RenewalTime(begin, end, 0).ms, begin.ms + 800'000);
  EXPECT_LT(RenewalTime(begin, end, 0.999).ms, begin.ms + 900'001);
  EXPECT_EQ(RenewalTime(end, begin, 0).ms, end.ms);  // Nonsense is due at once.
}

}  // namespace
}  // namespace edcsync::edge
