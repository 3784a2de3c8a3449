#include <fstream>
#include <iterator>

#include "tests/fault/central_fault_world.h"
#include "tests/fault/edge_fault_world.h"
#include "tests/fault/faulty_files.h"

namespace edcsync {
namespace {

using testing::Describe;
using testing::EveryCall;
using testing::FaultFolder;
using testing::FaultyFiles;
using testing::SimDisk;

Bytes ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

Status Backup(edge::EdgeStore& store, const std::string& path) { return store.Backup(path, {}); }
Status Backup(central::CentralStore& store, const std::string& path) {
  return store.Backup(path, {});
}

// Base's store, backed up into a folder of real files while it is open.
template <class Base>
class BackupWorld final : public Base {
 public:
  BackupWorld(SimDisk& disk, const FaultFolder& folder)
      : Base(disk, folder), folder_(folder.path + "/backups") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }

  Status Operate() override {
    const Status done = Backup(this->store(), Target());
    // Asked for again after an answer that was lost: it is there.
    if (!done.ok() && done.error().code == ErrorCode::kAlreadyExists) return Ok();
    return done;
  }

  bool NeedsSpace() const override { return false; }  // Of the store's disk.
  // The files there are, and what the backup holds.
  std::string Look() override {
    std::string seen;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      seen += entry.path().filename().string().substr(0, 9) + "\n";
    }
    if (!std::filesystem::exists(Target())) return seen;
    SimDisk disk("backup", 1);
    disk.Put({{this->options_.path, ReadFile(Target())}});
    return seen + Base(disk, FaultFolder()).Look();
  }

  // Of the store, and of the backup in its place.
  Result<std::vector<std::string>> Check() override {
    EDCSYNC_ASSIGN(std::vector<std::string> findings, Base::Check());
    if (!std::filesystem::exists(Target())) return findings;
    SimDisk disk("restored", 1);
    disk.Put({{this->options_.path, ReadFile(Target())}});
    FaultFolder folder;
    const auto name = std::filesystem::path(this->options_.key_file).filename();
    std::filesystem::copy_file(this->options_.key_file, folder.path / name);
    Base restored(disk, folder);
    EDCSYNC_TRY(restored.Open());
    EDCSYNC_ASSIGN(const std::vector<std::string> more, restored.Check());
    findings.insert(findings.end(), more.begin(), more.end());
    return findings;
  }

 private:
  std::string Target() const { return folder_ + "/backup.db"; }

  std::string folder_;
};

// A fault at every call to the file the copy is written into.
template <class Base>
void FailEveryCallOfTheCopy(const SimDisk::Files& begin, const FaultFolder& folder) {
  struct Kind {
    const char* name;
    bool full, for_good;
  };
  for (const Kind& kind : {Kind{"error once", false, false}, Kind{"error for good", false, true},
                           Kind{"full once", true, false}, Kind{"full for good", true, true}}) {
    std::uint64_t covered = 0;
    for (std::uint64_t n = 1;; n += testing::kSlowdown) {  // See EveryCall::Run().
      SCOPED_TRACE(std::string(kind.name) + " at call " + std::to_string(n) + " of the copy");
      SimDisk disk("fault", 1);
      disk.Put(begin);
      BackupWorld<Base> world(disk, folder);
      ASSERT_EQ(Describe(world.Open()), "ok");
      FaultyFiles files;
      files.FailCall(n, kind.full, kind.for_good);
      const Status done = world.Operate();
      files.Mend();
      if (!files.struck()) {
        EXPECT_EQ(Describe(done), "ok");
        break;
      }
      ++covered;
      if (!done.ok()) {
        EXPECT_EQ(world.Look(), "") << "what failed left something behind";
        EXPECT_EQ(done.error().code, kind.full ? ErrorCode::kDiskFull : ErrorCode::kIo);
      }
      EXPECT_EQ(Describe(world.Operate()), "ok");
      const auto findings = world.Check();
      ASSERT_TRUE(findings.ok()) << findings.error().ToString();
      EXPECT_EQ(*findings, std::vector<std::string>{});
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_GT(covered, 0u);
    std::printf("  copy: %-18s struck %5llu times\n", kind.name,
                static_cast<unsigned long long>(covered));
  }
}

class EdgeBackupFault : public edge::EdgeFault {};

TEST_F(EdgeBackupFault, ABackupIsWholeOrNotThereWhateverCallToTheStoreFails) {
  EveryCall(Make<BackupWorld<edge::EdgeFaultWorld>>(), Begin()).Run();
}

TEST_F(EdgeBackupFault, ABackupIsWholeOrNotThereWhateverCallToTheCopyFails) {
  FailEveryCallOfTheCopy<edge::EdgeFaultWorld>(Begin(), folder_);
}

class CentralBackupFault : public central::CentralFault {};

TEST_F(CentralBackupFault, ABackupIsWholeOrNotThereWhateverCallToTheStoreFails) {
  EveryCall(Make<BackupWorld<central::CentralFaultWorld>>(), Begin()).Run();
}

TEST_F(CentralBackupFault, ABackupIsWholeOrNotThereWhateverCallToTheCopyFails) {
  FailEveryCallOfTheCopy<central::CentralFaultWorld>(Begin(), folder_);
}

}  // namespace
}  // namespace edcsync
