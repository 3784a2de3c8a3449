#include <gmock/gmock.h>

#include <fstream>

#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;

class ConfigCommands : public CommandTest {
 protected:
  std::string File() const { return folder_ + "/gateway/central-gateway.toml"; }
  void Append(const std::string& text) { std::ofstream(File(), std::ios::app) << text; }
};

TEST_F(ConfigCommands, WhatInitMakesIsSound) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--check-config"}, {"run", "--check-config"}}) {
    const Ran ran = Run(words);
    EXPECT_EQ(ran.code, kExitOk) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("sound"));
  }
}

TEST_F(ConfigCommands, EachProblemIsALineAndTheExitCodeIsTwo) {
  Append("[desk.oidc]\nissuer = \"ftp://a\"\nclientid = \"x\"\n");
  const Ran ran = Run({"run", "--check-config"});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr(File() + " line "));
  EXPECT_THAT(ran.err, HasSubstr("issuer must be the provider's https address"));
  EXPECT_THAT(ran.err, HasSubstr("there is no key clientid in [desk.oidc]; its keys are ca_file"));
  EXPECT_GE(std::count(ran.err.begin(), ran.err.end(), '\n'), 3);
  const auto json = SortedJson::parse(Run({"--check-config", "--json"}).out);
  EXPECT_EQ(json["sound"], false);
  EXPECT_GE(json["problems"].size(), 3u);
}

TEST_F(ConfigCommands, ACommandIsAskedForWhereNoneIsGiven) {
  const Ran ran = Run({});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr("A subcommand is required"));
}

TEST_F(ConfigCommands, InitPutsDataWhereItIsTold) {
  const std::string first = folder_;
  const std::string data = folder_ + "/var", etc = folder_ + "/second/gateway";
  std::filesystem::create_directory(folder_ + "/second");
  folder_ += "/second";
  const Ran ran = Run({"init", "--data", data, "--broker-host", "sync.example.org"});
  folder_ = first;
  ASSERT_EQ(ran.code, kExitOk) << ran.err;
  EXPECT_TRUE(std::filesystem::exists(etc + "/central-gateway.toml"));
  EXPECT_FALSE(std::filesystem::exists(etc + "/central.db"));
  EXPECT_TRUE(std::filesystem::exists(data + "/central.db"));
  EXPECT_TRUE(std::filesystem::exists(data + "/pki/ca.key"));
  const auto config = LoadConfig(etc);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->installation.dir, data);
  EXPECT_EQ(config->broker_host, "sync.example.org");
  const auto by_file = LoadConfig(etc + "/central-gateway.toml");
  ASSERT_TRUE(by_file.ok()) << by_file.error().message;
  EXPECT_EQ(by_file->installation.dir, data);
}

}  // namespace
}  // namespace edcsync::central
