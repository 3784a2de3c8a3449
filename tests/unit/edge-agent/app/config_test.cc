#include "edge-agent/app/config.h"

#include <gmock/gmock.h>

#include <fstream>

#include "schema/config_templates.h"
#include "tests/support/config_keys.h"
#include "tests/support/edge_world.h"

namespace edcsync::edge {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  Result<Config> Load(const std::string& text) {
    std::ofstream(file_) << text;
    return LoadConfig(file_);
  }
  EdgeWorld world_;
  std::string file_ = world_.PathOf("edge-agent.toml");
};

TEST_F(ConfigTest, PathsAreRelativeToTheFileAndDefaultsStand) {
  const auto config = Load("[edge]\nid = \"kisumu\"\nsite = \"SITE.702\"\n");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->data_dir, world_.PathOf("data"));
  EXPECT_EQ(config->http_address, "127.0.0.1");
  EXPECT_EQ(config->broker_port, 8883);
}

TEST_F(ConfigTest, WhatIsWrongIsNamedWithFileAndLine) {
  const auto unknown = Load("[edge]\nid = \"kisumu\"\nsite = \"SITE.702\"\nsiet = \"x\"\n");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(unknown.error().message, HasSubstr(file_));
  EXPECT_THAT(unknown.error().message, HasSubstr("4"));
  EXPECT_THAT(unknown.error().message, HasSubstr("siet"));
  const auto range = Load("[edge]\nid = \"k\"\nsite = \"S\"\n[broker]\nport = 70000\n");
  ASSERT_FALSE(range.ok());
  EXPECT_THAT(range.error().message, HasSubstr("65535"));
  EXPECT_EQ(Load("[edge]\nid = \"a/b\"\nsite = \"S\"\n").error().code, ErrorCode::kConfiguration);
}

// Found by the fuzzer: data = "x\u0000y" was taken, and the files then lay in a folder "x".
TEST_F(ConfigTest, TextWithControlCharactersIsRefused) {
  const std::string start = "[edge]\nid = \"k\"\nsite = \"S\"\n";
  ASSERT_TRUE(Load(start + "data = \"x y\"\n").ok());
  for (const std::string text : {"\\u0000", "\\n", "\\t", "\\u007f"}) {
    const auto config = Load(start + "data = \"x" + text + "y\"\n");
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_THAT(config.error().message, HasSubstr("line 4: data must be text in quotes without"));
  }
}

TEST_F(ConfigTest, ATextIsReadAsTheFileThatHoldsIt) {
  const std::string text = "[edge]\nid = \"kisumu\"\nsite = \"SITE.702\"\ndata = \"d\"\n";
  const auto from_file = Load(text);
  const auto from_text = ParseConfig(text, file_);
  ASSERT_TRUE(from_file.ok() && from_text.ok());
  EXPECT_EQ(from_text->data_dir, from_file->data_dir);
  EXPECT_EQ(from_text->edge, from_file->edge);
}

TEST_F(ConfigTest, EverythingThatIsWrongIsNamedAtOnce) {
  const auto config = Load(
      "[edge]\nid = \"a/b\"\nsite = \"S\"\n[broker]\nport = 70000\nhosts = 1\n"
      "[log]\nlevel = \"loud\"\n[lgo]\nlevel = 1\n");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().message,
            file_ + " line 2: id must be 1 to 64 of A-Z a-z 0-9 . _ -\n" +
            file_ + " line 5: port must be a whole number from 1 to 65535\n" +
            file_ + " line 8: level must be \"debug\", \"info\", \"warn\" or \"error\"\n" +
            file_ + " line 6: there is no key hosts in [broker]; its keys are host, port\n" +
            file_ + " line 9: there is no section [lgo]; the sections are [broker], [edge], "
            "[enrolment], [guards], [health], [http], [keys], [log], [telemetry], [tls]");
}

TEST_F(ConfigTest, WhatMustBeGivenIsAskedForWithItsSection) {
  const auto config = Load("[broker]\nport = 1\n[edge]\nid = \"kisumu\"\n");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr(file_ + " line 3: site must be the hospital's"));
}

TEST_F(ConfigTest, InstalledItsDataLieInTheStateFolder) {
  const std::string text = "[edge]\nid = \"kisumu\"\nsite = \"SITE.702\"\n";
  const auto installed = ParseConfig(text, "/etc/edcsync/edge-agent.toml");
  ASSERT_TRUE(installed.ok()) << installed.error().message;
  EXPECT_EQ(installed->DatabaseFile(), "/var/lib/edcsync/edge-agent/edge.db");
  EXPECT_EQ(installed->ca_file, "/etc/edcsync/ca.crt");
}

TEST_F(ConfigTest, TheCommentedFileHoldsEveryKeyThatIsTakenAndNoOther) {
  const auto read = [&](const std::string& text) {
    const auto config = ParseConfig(text, file_);
    return config.ok() ? std::string() : config.error().message;
  };
  const TomlTemplate commented(schema::EdgeConfigTemplate());
  EXPECT_EQ(read(commented.WithEverything()), "");
  const testing::TemplateKeys documented = testing::KeysOfTemplate(commented.text());
  EXPECT_EQ(documented.keys, testing::KeysOfCode(commented.WithEverything(), read));
  EXPECT_EQ(documented.unexplained, std::set<std::string>{});
}

}  // namespace
}  // namespace edcsync::edge
