#include "tests/support/sim_disk.h"

#include <cerrno>

#include "shared/base/check.h"
#include "tests/support/sim_disk_impl.h"

namespace edcsync::testing {
namespace {

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// SQLite draws the salts of a WAL from one generator of the whole process, not from the VFS.
void SeedSqlite(std::uint64_t seed) {
  const auto folded = static_cast<int>((seed ^ (seed >> 32)) & 0x7fffffff);
  sqlite3* none = nullptr;
  CHECK(sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, folded | 1, none) == SQLITE_OK);
}

}  // namespace

SimDisk::Impl::Impl(const std::string& vfs_name, std::uint64_t seed)
    : name(vfs_name), random(seed), now_ms(211'845'067'200'000 /* 2001 */) {
  spill = random.Below(2) == 0;
  CHECK(sqlite3_initialize() == SQLITE_OK);
  CHECK(sqlite3_vfs_find(name.c_str()) == nullptr);
  SeedSqlite(random.Next());
  FillVfs(*this);
  CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

SimDisk::Impl::~Impl() {
  CHECK(open_count == 0);
  CHECK(sqlite3_vfs_unregister(&vfs) == SQLITE_OK);
}

int SimDisk::Impl::Refuse(int code, int system_errno) {
  last_errno = system_errno;
  return code;
}

int SimDisk::Impl::Enter(Call kind, Needs needs, int failure, int full) {
  if (dead) return Refuse(failure, EIO);
  ++call_count;
  ++counts[static_cast<std::size_t>(kind)];
  if (broken) return Refuse(failure, EIO);
  if (!armed || (armed->kind && *armed->kind != kind)) return SQLITE_OK;
  if (armed->fault == Fault::kFullOnce && needs != Needs::kSpace) return SQLITE_OK;
  if (--armed->left != 0) return SQLITE_OK;
  const Fault fault = armed->fault;
  armed.reset();
  struck = kind;
  switch (fault) {
    case Fault::kFullOnce: return Refuse(full, ENOSPC);
    case Fault::kErrorOnce: break;
    case Fault::kErrorForGood: broken = true; break;
    case Fault::kPowerCut: LosePower(); break;
    case Fault::kKill: dead = true; break;
  }
  return Refuse(failure, EIO);
}

void SimDisk::Impl::LosePower() {
  dead = true;
  Names left;
  Names all = durable_names;
  all.insert(names.begin(), names.end());
  for (const auto& [path, ignored] : all) {
    const auto now = names.find(path);
    const auto before = durable_names.find(path);
    std::vector<std::shared_ptr<SimNode>> choices;
    if (now != names.end()) choices.push_back(now->second);
    if (before == durable_names.end()) {
      choices.push_back(nullptr);
    } else if (now == names.end() || now->second != before->second) {
      choices.push_back(before->second);
      choices.push_back(nullptr);  // Deleted, and what was made anew in its place is lost.
    }
    const auto& chosen = choices[choices.size() == 1 ? 0 : random.Below(choices.size())];
    if (chosen != nullptr) left[path] = chosen;
  }
  for (const auto& [path, node] : left) node->file.LosePower(random, spill, losses);
  names = left;
  durable_names = std::move(left);
}

void SimDisk::Impl::SyncFolderOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  std::erase_if(durable_names, [&](const auto& entry) {
    return FolderOf(entry.first) == folder && names.find(entry.first) == names.end();
  });
  for (const auto& [other, node] : names) {
    if (FolderOf(other) == folder) durable_names[other] = node;
  }
}

std::uint64_t SimDisk::Impl::SizeBytes() const {
  std::uint64_t sum = 0;
  for (const auto& [path, node] : names) sum += node->file.size_bytes();
  return sum;
}

bool SimDisk::Impl::HasRoom(std::uint64_t more_bytes) const {
  return !capacity_bytes || SizeBytes() + more_bytes <= *capacity_bytes;
}

SimDisk::SimDisk(const std::string& name, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(name, seed)) {}
SimDisk::~SimDisk() = default;

const std::string& SimDisk::vfs() const { return impl_->name; }

void SimDisk::FailCall(std::uint64_t n, Fault fault) {
  CHECK(n > 0);
  impl_->armed = {std::nullopt, n, fault};
  impl_->struck.reset();
}

void SimDisk::FailCall(Call kind, std::uint64_t n, Fault fault) {
  FailCall(n, fault);
  impl_->armed->kind = kind;
}

void SimDisk::Mend() {
  impl_->armed.reset();
  impl_->broken = false;
}

bool SimDisk::fault_struck() const { return impl_->struck.has_value(); }

std::optional<SimDisk::Call> SimDisk::struck_call() const { return impl_->struck; }

void SimDisk::SetCapacity(std::optional<std::uint64_t> size_bytes) {
  impl_->capacity_bytes = size_bytes;
}

void SimDisk::PowerCut() { impl_->LosePower(); }
void SimDisk::Kill() { impl_->dead = true; }
bool SimDisk::dead() const { return impl_->dead; }

void SimDisk::Restart() {
  CHECK(impl_->open_count == 0);
  impl_->dead = false;
}

void SimDisk::SyncAll() {
  CHECK(!impl_->dead && impl_->open_count == 0);
  for (const auto& [path, node] : impl_->names) node->file.Sync();
  impl_->durable_names = impl_->names;
}

SimDisk::Files SimDisk::Copy() const {
  Files files;
  for (const auto& [path, node] : impl_->names) files[path] = node->file.bytes();
  return files;
}

void SimDisk::Put(Files files) {
  CHECK(impl_->open_count == 0);
  impl_->names.clear();
  for (auto& [path, bytes] : files) {
    auto node = std::make_shared<SimNode>();
    node->file.Reset(std::move(bytes));
    impl_->names[path] = std::move(node);
  }
  impl_->durable_names = impl_->names;
}

std::uint64_t SimDisk::calls() const { return impl_->call_count; }
std::uint64_t SimDisk::calls(Call kind) const {
  return impl_->counts[static_cast<std::size_t>(kind)];
}
const SimDisk::Losses& SimDisk::losses() const { return impl_->losses; }
int SimDisk::open_files() const { return impl_->open_count; }
std::uint64_t SimDisk::size_bytes() const { return impl_->SizeBytes(); }

}  // namespace edcsync::testing
