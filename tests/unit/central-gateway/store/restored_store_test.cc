// A central store that begins a new history, as `restore` makes it do.
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

class RestoredStoreTest : public CentralStoreTest {
 protected:
  Epoch Bind(CentralStore& store) {
    Epoch epoch;
    ExpectOk(store.Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(epoch, writer.BindSession(kisumu_, GatewayId("gateway-1"), "test",
                                               clock_.Wall(), std::nullopt));
      return Ok();
    }));
    return epoch;
  }
  // The store of the backup, restored, and the epoch of its first session.
  Epoch RestoreAndBind(const std::string& name) {
    std::filesystem::copy_file(folder_ + "/backup.db", folder_ + "/" + name);
    SqliteCentralStoreOptions options = Options("gateway-" + name);
    options.path = folder_ + "/" + name;
    const auto store = Must(OpenSqliteCentralStore(options, clock_, random_));
    ExpectOk(store->Write([&](CentralWriter& writer) {
      return writer.SetHistory(random_.NewId<HistoryId>());
    }));
    return Bind(*store);
  }
};

// Seed 1534 of the simulation: the centre was restored twice from one backup. Both lives passed over
// the same number of epochs, so the session that an edge still had from the first fitted into the
// second: it was never asked for what the second had forgotten.
TEST_F(RestoredStoreTest, TwoLivesOfOneBackupGiveDifferentEpochs) {
  const Epoch before = Bind(*store_);
  ExpectOk(store_->Backup(folder_ + "/backup.db", [](int) {}));
  const Epoch first = RestoreAndBind("first.db");
  const Epoch second = RestoreAndBind("second.db");
  constexpr std::uint64_t kSessions = 1'000'000;  // More than a life has.
  EXPECT_GT(first.value(), before.value() + kSessions);
  EXPECT_GT(second.value(), before.value() + kSessions);
  const std::uint64_t apart = first > second ? first.value() - second.value()
                                             : second.value() - first.value();
  EXPECT_GT(apart, kSessions);
}

}  // namespace
}  // namespace edcsync::central
