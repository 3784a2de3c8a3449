#include "tests/support/sim_file.h"

#include <cstring>

#include "shared/base/check.h"

namespace edcsync::testing {

bool SimFile::Read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  const std::uint64_t there = offset < bytes_.size() ? bytes_.size() - offset : 0;
  const std::size_t count = std::min<std::uint64_t>(there, out.size());
  if (count != 0) std::memcpy(out.data(), bytes_.data() + offset, count);
  if (count != out.size()) std::memset(out.data() + count, 0, out.size() - count);
  return count == out.size();
}

void SimFile::Write(std::uint64_t offset, BytesView data) {
  if (offset == 0) cut_before_ = false;
  unsynced_.push_back({true, offset, data.size(), bytes_.size(), replaced_.size()});
  if (offset < bytes_.size()) {
    const std::uint64_t end = std::min<std::uint64_t>(offset + data.size(), bytes_.size());
    Append(replaced_, BytesView(bytes_).subspan(offset, end - offset));
  }
  WriteRaw(offset, data);
}

void SimFile::WriteRaw(std::uint64_t offset, BytesView data) {
  if (data.empty()) return;
  if (offset + data.size() > bytes_.size()) bytes_.resize(offset + data.size());
  std::memcpy(bytes_.data() + offset, data.data(), data.size());
}

void SimFile::Truncate(std::uint64_t size_bytes) {
  if (size_bytes >= bytes_.size()) return;
  unsynced_.push_back({false, size_bytes, 0, bytes_.size(), replaced_.size()});
  Append(replaced_, BytesView(bytes_).subspan(size_bytes));
  bytes_.resize(size_bytes);
}

void SimFile::Sync() {
  unsynced_.clear();
  replaced_.clear();
}

void SimFile::Reset(Bytes bytes) {
  Sync();
  cut_before_ = false;
  bytes_ = std::move(bytes);
}

// The file as it was before `change`, the last one that stands. Returns what it had written.
Bytes SimFile::TakeBack(const Change& change, std::size_t replaced_end) {
  Bytes written;
  if (change.is_write) {
    const BytesView now = BytesView(bytes_).subspan(change.offset, change.size);
    written.assign(now.begin(), now.end());
  }
  bytes_.resize(change.size_before);
  WriteRaw(change.offset, BytesView(replaced_).subspan(change.replaced_at,
                                                       replaced_end - change.replaced_at));
  return written;
}

void SimFile::LosePower(Random& random, bool spill, SimDisk::Losses& losses) {
  std::vector<Bytes> written(unsynced_.size());
  std::size_t replaced_end = replaced_.size();
  for (std::size_t i = unsynced_.size(); i-- > 0;) {
    written[i] = TakeBack(unsynced_[i], replaced_end);
    replaced_end = unsynced_[i].replaced_at;
  }
  // From nothing kept to everything kept: each power cut has odds of its own.
  const std::uint64_t kept_of_four = random.Below(5);
  for (std::size_t i = 0; i < unsynced_.size(); ++i) {
    const Change& change = unsynced_[i];
    if (random.Below(4) < kept_of_four) {
      ++losses.writes_kept;
      if (change.is_write) WriteRaw(change.offset, written[i]);
      else if (change.offset < bytes_.size()) bytes_.resize(change.offset);
    } else if (change.is_write && change.size != 0 && random.Below(3) == 0) {
      ++losses.writes_torn;
      Tear(change, written[i], random, spill && !cut_before_);
    } else {
      ++losses.writes_dropped;
    }
  }
  Sync();
  cut_before_ = true;
}

// Writes a part of the sectors, from the start or from the end as disks do either; where it
// stopped there is, at times, garbage.
void SimFile::Tear(const Change& change, BytesView data, Random& random, bool spill) {
  const std::uint64_t first = change.offset / kSectorBytes;
  const std::uint64_t last = (change.offset + change.size - 1) / kSectorBytes;
  const std::uint64_t cut = first + random.Below(last - first + 1);
  const bool from_start = random.Below(2) == 0;
  const std::uint64_t cut_begin = std::max(cut * kSectorBytes, change.offset);
  const std::uint64_t cut_end = std::min((cut + 1) * kSectorBytes, change.offset + change.size);
  if (from_start) {
    WriteRaw(change.offset, data.first(cut_begin - change.offset));
  } else {
    WriteRaw(cut_end, data.subspan(cut_end - change.offset));
  }
  if (random.Below(3) != 0) return;
  if (spill) Garble(cut * kSectorBytes, (cut + 1) * kSectorBytes, random);
  else Garble(cut_begin, cut_end, random);
}

void SimFile::Garble(std::uint64_t begin, std::uint64_t end, Random& random) {
  end = std::min<std::uint64_t>(end, bytes_.size());
  if (begin >= end) return;
  random.Fill(std::span(bytes_).subspan(begin, end - begin));
}

}  // namespace edcsync::testing
