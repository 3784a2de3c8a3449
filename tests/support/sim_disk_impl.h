// What a simulated disk consists of: its names and files, the fault that is armed, and what SQLite
// sees of them. Private to tests/support/sim_disk*.cc.
#pragma once

#include <sqlite3.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/sim_disk.h"
#include "tests/support/sim_file.h"

namespace edcsync::testing {

// Who holds which lock on a file. Each connection has its own; all are the test's thread.
struct SimLocks {
  int shared_count = 0;            // Includes those that hold more than SHARED.
  const void* reserved = nullptr;  // The connection with RESERVED or more.
  const void* pending = nullptr;   // The connection with PENDING or EXCLUSIVE.
};

// The index of a WAL: memory that the connections of one machine share, with its eight locks.
struct SimShared {
  static constexpr std::size_t kRegionBytes = 32 * 1024;
  using Region = std::array<std::uint64_t, kRegionBytes / sizeof(std::uint64_t)>;
  std::vector<std::unique_ptr<Region>> regions;
  std::array<int, SQLITE_SHM_NLOCK> shared_counts{};
  std::array<const void*, SQLITE_SHM_NLOCK> exclusive{};
};

struct SimNode {
  SimFile file;
  SimLocks locks;
  std::weak_ptr<SimShared> shared;  // Lives while a connection has it mapped.
};

struct SimDisk::Impl {
  using Names = std::map<std::string, std::shared_ptr<SimNode>>;
  enum class Needs { kNothing, kSpace };

  Impl(const std::string& name, std::uint64_t seed);
  ~Impl();

  // Counts a call and lets the armed fault strike. SQLITE_OK: go on; else the call ends with that
  // code: `failure`, or for kFullOnce `full`.
  int Enter(Call kind, Needs needs, int failure, int full = SQLITE_FULL);
  int Refuse(int code, int system_errno);
  void LosePower();
  // The names in `path`'s folder are durable now.
  void SyncFolderOf(const std::string& path);
  // True if a file may grow by `more_bytes`.
  bool HasRoom(std::uint64_t more_bytes) const;
  std::uint64_t SizeBytes() const;

  std::string name;
  bool spill;      // No promise of powersafe overwrite: a torn write garbles its neighbours.
  sqlite3_vfs vfs{};
  SeededRandom random;
  sqlite3_int64 now_ms;
  Names names;          // As programs see them.
  Names durable_names;  // As a power cut leaves them at least.
  int open_count = 0;
  int last_errno = 0;

  bool dead = false;
  bool broken = false;  // By kErrorForGood.
  std::optional<Call> struck;
  struct Armed {
    std::optional<Call> kind;
    std::uint64_t left = 0;
    Fault fault = Fault::kErrorOnce;
  };
  std::optional<Armed> armed;
  std::optional<std::uint64_t> capacity_bytes;

  std::uint64_t call_count = 0;
  std::array<std::uint64_t, kCallKinds> counts{};
  Losses losses;
};

// Sets the functions of impl.vfs (sim_disk_vfs.cc).
void FillVfs(SimDisk::Impl& impl);

}  // namespace edcsync::testing
