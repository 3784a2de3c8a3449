// A centre as `init` makes it, with one edge whose bundle lies beside, and a clock that the test
// moves.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "central-gateway/admin/edge_admin.h"
#include "central-gateway/admin/trust.h"
#include "tests/support/manual_clock.h"

namespace edcsync::central {

class CentreTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kDayMs = 86'400'000;

  // Made `days_ago` by the machine's clock, which is TLS's, too.
  explicit CentreTest(std::int64_t days_ago = 0)
      : clock_({SystemClock().Wall().ms - days_ago * kDayMs}) {}

  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ASSERT_TRUE(Initialize(centre(), InitOptions(), clock_, random_).ok());
    SqliteCentralStoreOptions options;
    options.path = centre().DatabaseFile();
    options.key_file = centre().KeyFile();
    options.start_writer = false;
    auto opened = OpenSqliteCentralStore(options, clock_, random_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
    const Status added = AddEdge(*store_, centre(), kTororo, SiteOID("Tororo"),
                                 {folder_ + "/tororo", "localhost", 8883, ""}, "operator", clock_,
                                 random_);
    ASSERT_TRUE(added.ok()) << added.error().message;
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Installation centre() const { return Installation(folder_ + "/centre"); }
  std::string SerialOf(const std::string& name) {
    const auto certificate = Certificate::Load(centre().Pki(name + ".crt"));
    return certificate.ok() ? certificate->SerialHex() : certificate.error().message;
  }
  void TakeAuthorityKeyAway() {
    std::filesystem::rename(centre().Pki("ca.key"), folder_ + "/ca.key");
  }
  void PutAuthorityKeyBack() {
    std::filesystem::rename(folder_ + "/ca.key", centre().Pki("ca.key"));
  }

  const EdgeId kTororo{"tororo"};
  ManualClock clock_;
  SystemRandom random_;
  std::string folder_;
  std::unique_ptr<CentralStore> store_;
};

}  // namespace edcsync::central
