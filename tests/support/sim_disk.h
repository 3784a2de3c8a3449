// A disk in memory, as an SQLite VFS: it knows which writes were synced, so that a power cut can
// drop or tear the others, it fails a chosen call once or for good, and it fills up. One disk per
// simulated machine. The same seed and the same calls give the same disk.
//
//   power cut      unsynced writes, truncations, and files created or deleted since their
//                  directory was synced, are each kept, dropped or torn (a write: at a sector
//                  of 512 bytes), by the seed, in any combination and not only from the end
//   killed         what was written stays, as in the kernel's page cache; shared memory (the
//                  index of the WAL) is gone, like the process that held it
//
// What makes durable: xSync the file's content and its own name; xDelete with its flag, and the
// first sync of a journal or WAL that was made (as SQLite's own VFS for Unix does), every name in
// the folder. A file deleted without either may come back, with the content it had.
//
// By the seed, half of all disks promise powersafe overwrite (as SQLite's own VFS does) and keep
// it; on the others a torn write may leave garbage in its whole sector, and SQLite pads its WAL.
//
// After a power cut or a kill, the disk is dead: every call fails with SQLITE_IOERR until Restart(), so that the
// code above it runs to its end without changing anything more, and can be thrown away.
//
// SQLite draws salts from one generator for the whole process; making a disk seeds that as well.
// So a world repeats itself if it makes its disks in the same order and nothing else runs beside.
//
// Threads: the test's own only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "shared/base/bytes.h"

namespace edcsync::testing {

class SimDisk {
 public:
  // What a call does, for counts and for the choice of a fault.
  enum class Call { kOpen, kRead, kWrite, kTruncate, kSync, kDelete, kShmMap };
  static constexpr int kCallKinds = 7;
  enum class Fault {
    kErrorOnce,     // The call fails (SQLITE_IOERR_..., or SQLITE_CANTOPEN) and does nothing.
    kErrorForGood,  // It and all later ones, reads too, until Mend().
    kFullOnce,      // SQLITE_FULL (a new file or shared memory: as SQLite's own VFS answers
                    // ENOSPC), for calls that need space; others are not counted.
    kPowerCut,      // As PowerCut(), before the call.
    kKill,          // As Kill(), before the call.
  };

  // Registers a VFS named `name`, which must be unique among living disks.
  SimDisk(const std::string& name, std::uint64_t seed);
  // REQUIRES: no file is open.
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  const std::string& vfs() const;

  // The `n`-th call from now (1: the next) fails. At most one fault is armed; arming replaces it.
  void FailCall(std::uint64_t n, Fault fault);
  // As above, of the calls of one kind only.
  void FailCall(Call kind, std::uint64_t n, Fault fault);
  // Disarms, and ends a kErrorForGood.
  void Mend();
  // True once the armed fault has struck.
  bool fault_struck() const;
  // The call it struck; nullopt: none yet.
  std::optional<Call> struck_call() const;
  // Files may hold this much together; writes beyond fail with SQLITE_FULL. Empty: no bound.
  void SetCapacity(std::optional<std::uint64_t> size_bytes);

  void PowerCut();  // Also of a killed machine.
  void Kill();
  bool dead() const;
  // REQUIRES: no file is open. The machine starts again with what its disk holds.
  void Restart();
  // REQUIRES: not dead, no file is open: everything written is now on the disk for good.
  void SyncAll();

  // Copies of files as a reader sees them now, by path: a backup by `cp` of a stopped machine, a
  // clone, or the loss of a disk (an empty map). Put() REQUIRES that no file is open.
  using Files = std::map<std::string, Bytes>;
  Files Copy() const;
  void Put(Files files);

  // Since construction; not those of a dead machine.
  std::uint64_t calls() const;
  std::uint64_t calls(Call kind) const;
  struct Losses {
    std::uint64_t writes_kept = 0;
    std::uint64_t writes_dropped = 0;
    std::uint64_t writes_torn = 0;
  };
  const Losses& losses() const;
  int open_files() const;
  std::uint64_t size_bytes() const;

  struct Impl;  // sim_disk.cc

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync::testing
