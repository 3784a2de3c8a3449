// The real programs without their key-encryption key, with another, or with one out of reach: each
// start is refused by name, for each source and on both sides, nothing is made or altered, and the
// right key starts it again. How the sources fail in themselves: tests/fault/keys.
#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/site_network.h"
#include "tests/support/soft_token.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

// One of the two programs, stopped, with a database.
struct Program {
  std::string name, toml, database, key_file;
  std::function<Ran(std::vector<std::string>)> type;
};

std::string BytesOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class LostKeys : public ::testing::Test {
 protected:
  void SetUp() override {
    Site& tororo = trial_.AddSite("tororo", "SITE.703");
    tororo.Start();
    tororo.Capture(Slice(RecordsOf("SITE.703"), 0, 3));
    trial_.Forget(Slice(RecordsOf("SITE.703"), 0, 3));
    tororo.Stop();
    programs_ = {{"edge-agent", tororo.dir() + "/edge-agent.toml", tororo.DataFile("edge.db"),
                  tororo.DataFile("edge.key"),
                  [&](std::vector<std::string> words) { return tororo.Agent(std::move(words)); }},
                 {"central-gateway", trial_.GatewayDir() + "/central-gateway.toml",
                  trial_.GatewayDir() + "/central.db", trial_.GatewayDir() + "/central.key",
                  [this](std::vector<std::string> words) { return trial_.Centre(std::move(words)); }}};
    fs::create_directory(Credential(""));
    for (const Program& program : programs_) {
      plain_.push_back(BytesOf(program.toml));
      Expect(program, {"key", "generate", Credential(program.name)});
      Expect(program, {"key", "generate", Credential(program.name + "-other")});
    }
  }
  std::string Credential(const std::string& name) const {
    return trial_.PathOf("credentials/" + name);
  }
  void Expect(const Program& program, const std::vector<std::string>& words) {
    const Ran ran = program.type(words);
    EXPECT_EQ(ran.exit_code, 0) << program.name << " " << words.front() << ": " << ran.err;
  }
  // The configuration with these lines under [keys].
  void Configure(std::size_t which, const std::string& lines) {
    std::ofstream(programs_[which].toml) << plain_[which] << "\n[keys]\n" << lines;
  }
  // `run` ends with the error `name` and these words, and leaves the database as it is.
  void ExpectRefused(const Program& program, const std::string& name, const std::string& words) {
    SCOPED_TRACE(program.name + " without its key: " + name);
    const std::string before = BytesOf(program.database);
    const bool key_there = fs::exists(program.key_file);
    const Ran refused = program.type({"run"});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_NE(refused.err.find(name), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find(words), std::string::npos) << refused.err;
    EXPECT_TRUE(BytesOf(program.database) == before);
    EXPECT_EQ(fs::exists(program.key_file), key_there);
  }

  Trial trial_;
  std::vector<Program> programs_;
  std::vector<std::string> plain_;  // Their configurations.
};

TEST_F(LostKeys, InAFile) {
  for (const Program& program : programs_) {
    const std::string& key = program.key_file;
    fs::rename(key, key + "-away");
    ExpectRefused(program, "key_missing", "put that key's file back");
    fs::copy_file(Credential(program.name), key);
    ExpectRefused(program, "key_wrong", "holds key");
    fs::permissions(key, fs::perms::others_read, fs::perm_options::add);
    ExpectRefused(program, "permissions", "0600");
    fs::remove(key);
    std::ofstream(key) << "no key\n";
    fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    ExpectRefused(program, "malformed", "64 hexadecimal digits");
    fs::rename(key + "-away", key);
    Expect(program, {"check"});
  }
}

TEST_F(LostKeys, InASystemdCredential) {
  for (std::size_t i = 0; i < programs_.size(); ++i) {
    const Program& program = programs_[i];
    const std::string credential = Credential(program.name);
    const std::string lines = "credential = \"" + program.name + "\"\ncredentials_directory = \"" +
                              Credential("") + "\"\n";
    Configure(i, lines);
    Expect(program, {"key", "rotate", "--to", "credential"});
    Configure(i, lines + "source = \"credential\"\n");
    fs::remove(program.key_file);
    for (const auto& entry : fs::directory_iterator(fs::path(program.key_file).parent_path())) {
      // The former key, which opens nothing any more.
      if (entry.path().string().starts_with(program.key_file + ".")) fs::remove(entry.path());
    }
    fs::rename(credential, credential + "-away");
    ExpectRefused(program, "key_missing", "LoadCredentialEncrypted=" + program.name);
    fs::rename(credential + "-other", credential);
    ExpectRefused(program, "key_wrong", "credential " + program.name + " holds key");
    Configure(i, "source = \"credential\"\ncredential = \"" + program.name + "\"\n");
    ExpectRefused(program, "key_missing", "there is no folder of credentials");
    Configure(i, lines + "source = \"credential\"\n");
    fs::rename(credential + "-away", credential);
    Expect(program, {"check"});
  }
}

TEST_F(LostKeys, InAToken) {
  const SoftToken token(trial_.PathOf("token"), "trial");
  ASSERT_TRUE(token.usable());
  for (std::size_t i = 0; i < programs_.size(); ++i) {
    const Program& program = programs_[i];
    const std::string label = "pkcs11_label = \"" + program.name + "\"\n";
    Configure(i, token.TomlLines() + label);
    Expect(program, {"key", "rotate", "--to", "pkcs11"});
    const std::string lines = token.TomlLines() + label + "source = \"pkcs11\"\n";
    Configure(i, lines);
    fs::remove(program.key_file);

    std::string absent = lines;
    absent.replace(absent.find("\"trial\""), 7, "\"another\"");
    Configure(i, absent);
    ExpectRefused(program, "token", "(there are: trial)");
    absent = lines;
    absent.replace(absent.find("libsofthsm2"), 11, "libabsent12");
    Configure(i, absent);
    ExpectRefused(program, "token", "pkcs11_module");
    Configure(i, lines);
    {
      const SoftToken other(trial_.PathOf("other-" + program.name), "trial");
      ASSERT_TRUE(other.usable());
      Configure(i, other.TomlLines() + label + "source = \"pkcs11\"\n");
      ExpectRefused(program, "key_wrong", "has no AES key of that id");
    }
    ::setenv("SOFTHSM2_CONF", (trial_.PathOf("token") + "/softhsm2.conf").c_str(), 1);
    Configure(i, lines);
    token.WritePin("999999");
    ExpectRefused(program, "pin", "refuses the PIN");
    token.WritePin(SoftToken::kPin);
    ExpectRefused(program, "pin", "was wrong");  // No try is burnt by a service that is restarted.
    Expect(program, {"key", "status", "--try-pin"});
    Expect(program, {"check"});
  }
}

}  // namespace
}  // namespace edcsync::testing
