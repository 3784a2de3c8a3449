// One file of a simulated disk: what a reader sees now, and every change since the last sync with
// the bytes it replaced, so that a power cut can take any of them back.
//
//   used by   tests/support/sim_disk.h
//
// Threads: the test's own only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shared/base/random.h"
#include "tests/support/sim_disk.h"

namespace edcsync::testing {

class SimFile {
 public:
  static constexpr std::uint64_t kSectorBytes = 512;

  const Bytes& bytes() const { return bytes_; }
  std::uint64_t size_bytes() const { return bytes_.size(); }

  // Fills `out` as far as the file goes, the rest with zeros. True if it was filled whole.
  bool Read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  // Beyond the end: what lies between is zeros.
  void Write(std::uint64_t offset, BytesView data);
  // Makes it shorter; never longer.
  void Truncate(std::uint64_t size_bytes);
  // What was written is durable now.
  void Sync();
  // What no sync made durable is kept, dropped or torn. `spill`: where a write is torn, the whole
  // sector may be garbage, else only the written part of it.
  //
  // On a disk that spills, SQLite fills the last sector of a commit with copies of its last page,
  // so that no later write shares a sector with it. A power cut may take the end of those copies;
  // SQLite then goes on behind the commit itself, in its sector, and a second cut there can take
  // the commit (seed 3353). SQLite promises nothing against that, so a file that lost power spills
  // no more until it is begun anew. Disks that never spill are what SQLite's own VFS takes for
  // granted (SQLITE_POWERSAFE_OVERWRITE), and with it the product.
  void LosePower(Random& random, bool spill, SimDisk::Losses& losses);

  // From now on it holds `bytes`, durable.
  void Reset(Bytes bytes);

 private:
  struct Change {
    bool is_write = true;
    std::uint64_t offset = 0;     // Of a truncation: the new size.
    std::uint64_t size = 0;       // Written; of a truncation 0.
    std::uint64_t size_before = 0;  // The file's.
    std::size_t replaced_at = 0;  // In replaced_, up to the next change's.
  };

  Bytes TakeBack(const Change& change, std::size_t replaced_end);
  void WriteRaw(std::uint64_t offset, BytesView data);
  void Tear(const Change& change, BytesView data, Random& random, bool spill);
  void Garble(std::uint64_t begin, std::uint64_t end, Random& random);

  Bytes bytes_;
  std::vector<Change> unsynced_;
  bool cut_before_ = false;  // Lost power since it was last written from its start.
  Bytes replaced_;  // The bytes all unsynced changes replaced, one after another.
};

}  // namespace edcsync::testing
