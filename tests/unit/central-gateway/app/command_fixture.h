// The gateway's command line on a new installation, run as from a shell: its words, its answers,
// its exit codes.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "central-gateway/app/commands.h"
#include "central-gateway/store/sqlite_central_store.h"

namespace edcsync::central {

// What goes to one of the standard streams while the object lives.
class Captured {
 public:
  explicit Captured(std::FILE* stream) : stream_(stream), file_(std::tmpfile()) {
    std::fflush(stream_);
    saved_ = ::dup(::fileno(stream_));
    ::dup2(::fileno(file_), ::fileno(stream_));
  }
  ~Captured() {
    static_cast<void>(End());
    std::fclose(file_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  std::string End() {
    if (saved_ < 0) return {};
    std::fflush(stream_);
    ::dup2(saved_, ::fileno(stream_));
    ::close(saved_);
    saved_ = -1;
    std::rewind(file_);
    std::string text;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) text += static_cast<char>(c);
    return text;
  }

 private:
  std::FILE* stream_;
  std::FILE* file_;
  int saved_ = -1;
};

class CommandTest : public ::testing::Test {
 protected:
  using SortedJson = nlohmann::json;
  struct Ran {
    int code = -1;
    std::string out, err;
  };

  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ASSERT_EQ(Run({"init"}).code, kExitOk);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Ran Run(std::vector<std::string> words) {
    words.insert(words.begin(), {"--dir", folder_ + "/gateway", "--user", "root"});
    return RunPlain(std::move(words));
  }
  // Without --dir.
  static Ran RunPlain(std::vector<std::string> words) {
    words.insert(words.begin(), "central-gateway");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    Captured out(stdout), err(stderr);
    Ran ran;
    ran.code = RunCommandLine(static_cast<int>(argv.size()), argv.data());
    ran.out = out.End();
    ran.err = err.End();
    return ran;
  }
  SortedJson RunJson(std::vector<std::string> words) {
    words.push_back("--json");
    const Ran ran = Run(std::move(words));
    EXPECT_EQ(ran.code, kExitOk) << ran.err;
    return SortedJson::parse(ran.out, nullptr, false);
  }

  std::unique_ptr<CentralStore> OpenStore() {
    SqliteCentralStoreOptions options;
    options.path = folder_ + "/gateway/central.db";
    options.key_file = folder_ + "/gateway/central.key";
    options.start_writer = false;
    auto store = OpenSqliteCentralStore(options, clock_, random_);
    EXPECT_TRUE(store.ok());
    return store.ok() ? std::move(*store) : nullptr;
  }

  SystemClock clock_;
  SystemRandom random_;
  std::string folder_;
};

}  // namespace edcsync::central
