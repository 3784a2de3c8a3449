// The functions SQLite calls: files with their lock ladder (sqlite.org/c3ref/io_methods.html), the
// shared memory of the WAL, and names.
#include <cerrno>
#include <cstring>
#include <new>

#include "shared/base/check.h"
#include "tests/support/sim_disk_impl.h"

namespace edcsync::testing {
namespace {

using Call = SimDisk::Call;
using Impl = SimDisk::Impl;
using Needs = SimDisk::Impl::Needs;

// One open file of one connection. SQLite gives the memory and knows the first member only.
struct Handle {
  sqlite3_file base{};
  Impl* disk = nullptr;
  std::string path;  // Empty: a temporary file without a name.
  std::shared_ptr<SimNode> node;
  bool delete_on_close = false;
  bool sync_folder = false;  // With the first sync: a journal or WAL that this open made.
  int level = SQLITE_LOCK_NONE;
  std::shared_ptr<SimShared> shared;
  unsigned shared_held = 0;  // Slots of the shared memory's locks, as bits.
  unsigned exclusive_held = 0;
};

Handle& Of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
Impl& DiskOf(sqlite3_vfs* vfs) { return *static_cast<Impl*>(vfs->pAppData); }

// --- content ---

int Read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
  Handle& handle = Of(file);
  const int code = handle.disk->Enter(Call::kRead, Needs::kNothing, SQLITE_IOERR_READ);
  if (code != SQLITE_OK) return code;
  const std::span<std::uint8_t> bytes(static_cast<std::uint8_t*>(out),
                                      static_cast<std::size_t>(count));
  const bool whole = handle.node->file.Read(static_cast<std::uint64_t>(offset), bytes);
  return whole ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
  Handle& handle = Of(file);
  const int code = handle.disk->Enter(Call::kWrite, Needs::kSpace, SQLITE_IOERR_WRITE);
  if (code != SQLITE_OK) return code;
  const auto size = static_cast<std::size_t>(count);
  const std::uint64_t end = static_cast<std::uint64_t>(offset) + size;
  const std::uint64_t size_now = handle.node->file.size_bytes();
  if (end > size_now && !handle.disk->HasRoom(end - size_now)) {
    return handle.disk->Refuse(SQLITE_FULL, ENOSPC);
  }
  handle.node->file.Write(static_cast<std::uint64_t>(offset),
                          {static_cast<const std::uint8_t*>(data), size});
  return SQLITE_OK;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  Handle& handle = Of(file);
  const int code = handle.disk->Enter(Call::kTruncate, Needs::kNothing, SQLITE_IOERR_TRUNCATE);
  if (code == SQLITE_OK) handle.node->file.Truncate(static_cast<std::uint64_t>(size));
  return code;
}

// Makes the file's own name durable too, as fsync does on the file systems in use. The first sync
// of a new journal or WAL is followed by one of its folder in SQLite's own VFS, so here too.
int Sync(sqlite3_file* file, int) {
  Handle& handle = Of(file);
  Impl& disk = *handle.disk;
  const int code = disk.Enter(Call::kSync, Needs::kNothing, SQLITE_IOERR_FSYNC);
  if (code != SQLITE_OK) return code;
  handle.node->file.Sync();
  if (handle.path.empty()) return SQLITE_OK;
  if (handle.sync_folder) {
    handle.sync_folder = false;
    disk.SyncFolderOf(handle.path);
  }
  const auto named = disk.names.find(handle.path);
  if (named != disk.names.end() && named->second == handle.node) {
    auto& durable = disk.durable_names[handle.path];
    if (durable != handle.node) durable = handle.node;
  }
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  Handle& handle = Of(file);
  if (handle.disk->dead) return handle.disk->Refuse(SQLITE_IOERR_FSTAT, EIO);
  *size = static_cast<sqlite3_int64>(handle.node->file.size_bytes());
  return SQLITE_OK;
}

// --- the lock ladder ---

int Lock(sqlite3_file* file, int level) {
  Handle& handle = Of(file);
  if (handle.disk->dead) return handle.disk->Refuse(SQLITE_IOERR_LOCK, EIO);
  if (handle.level >= level) return SQLITE_OK;
  SimLocks& locks = handle.node->locks;
  const auto taken = [&](const void* owner) { return owner != nullptr && owner != &handle; };
  if (taken(locks.pending)) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_SHARED) {
    ++locks.shared_count;
    handle.level = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
  }
  CHECK(handle.level >= SQLITE_LOCK_SHARED);  // SQLite climbs from SHARED.
  if (taken(locks.reserved)) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_RESERVED) {
    locks.reserved = &handle;
    handle.level = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
  }
  // From now on no new reader comes in, whether or not those within have left yet.
  locks.pending = &handle;
  handle.level = SQLITE_LOCK_PENDING;
  if (locks.shared_count > 1) return SQLITE_BUSY;
  handle.level = SQLITE_LOCK_EXCLUSIVE;
  return SQLITE_OK;
}

// Also on a dead disk: the process's end lets go of its locks.
int Unlock(sqlite3_file* file, int level) {
  Handle& handle = Of(file);
  if (handle.level <= level) return SQLITE_OK;
  SimLocks& locks = handle.node->locks;
  if (locks.reserved == &handle) locks.reserved = nullptr;
  if (locks.pending == &handle) locks.pending = nullptr;
  if (level == SQLITE_LOCK_NONE) --locks.shared_count;
  handle.level = level;
  return SQLITE_OK;
}

int CheckReservedLock(sqlite3_file* file, int* reserved) {
  Handle& handle = Of(file);
  if (handle.disk->dead) return handle.disk->Refuse(SQLITE_IOERR_CHECKRESERVEDLOCK, EIO);
  const SimLocks& locks = handle.node->locks;
  *reserved = locks.reserved != nullptr || locks.pending != nullptr;
  return SQLITE_OK;
}

// --- the shared memory of the WAL ---

int ShmMap(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  Handle& handle = Of(file);
  CHECK(size == static_cast<int>(SimShared::kRegionBytes));
  *out = nullptr;
  if (handle.shared == nullptr) handle.shared = handle.node->shared.lock();
  const auto index = static_cast<std::size_t>(region);
  const std::size_t there = handle.shared == nullptr ? 0 : handle.shared->regions.size();
  const int code = handle.disk->Enter(
      Call::kShmMap, extend && index >= there ? Needs::kSpace : Needs::kNothing,
      SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMSIZE);
  if (code != SQLITE_OK) return code;
  if (handle.shared == nullptr) {
    handle.shared = std::make_shared<SimShared>();
    handle.node->shared = handle.shared;
  }
  auto& regions = handle.shared->regions;
  while (extend && regions.size() <= index) {
    regions.push_back(std::make_unique<SimShared::Region>());
  }
  if (index < regions.size()) *out = regions[index]->data();
  return SQLITE_OK;
}

int ShmUnlock(Handle& handle, unsigned slots) {
  for (unsigned slot = 0; slot < SQLITE_SHM_NLOCK; ++slot) {
    const unsigned bit = 1u << slot;
    if ((slots & bit) == 0) continue;
    if (handle.shared_held & bit) --handle.shared->shared_counts[slot];
    if (handle.exclusive_held & bit) handle.shared->exclusive[slot] = nullptr;
  }
  handle.shared_held &= ~slots;
  handle.exclusive_held &= ~slots;
  return SQLITE_OK;
}

int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  Handle& handle = Of(file);
  CHECK(handle.shared != nullptr && offset >= 0 && offset + count <= SQLITE_SHM_NLOCK);
  SimShared& shared = *handle.shared;
  const unsigned slots = ((1u << count) - 1) << offset;
  if (flags & SQLITE_SHM_UNLOCK) return ShmUnlock(handle, slots);
  if (handle.disk->dead) return handle.disk->Refuse(SQLITE_IOERR_SHMLOCK, EIO);
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  for (int slot = offset; slot < offset + count; ++slot) {
    const auto at = static_cast<std::size_t>(slot);
    const bool held = (handle.shared_held & (1u << slot)) != 0;
    if (shared.exclusive[at] != nullptr && shared.exclusive[at] != &handle) return SQLITE_BUSY;
    if (exclusive && shared.shared_counts[at] > (held ? 1 : 0)) return SQLITE_BUSY;
  }
  for (int slot = offset; slot < offset + count; ++slot) {
    const auto at = static_cast<std::size_t>(slot);
    const unsigned bit = 1u << slot;
    if (exclusive) {
      shared.exclusive[at] = &handle;
      handle.exclusive_held |= bit;
    } else if ((handle.shared_held & bit) == 0) {
      ++shared.shared_counts[at];
      handle.shared_held |= bit;
    }
  }
  return SQLITE_OK;
}

void ShmBarrier(sqlite3_file*) {}

int ShmUnmap(sqlite3_file* file, int) {
  Handle& handle = Of(file);
  if (handle.shared == nullptr) return SQLITE_OK;
  ShmUnlock(handle, (1u << SQLITE_SHM_NLOCK) - 1);
  handle.shared.reset();  // The last one takes the memory along.
  return SQLITE_OK;
}

// --- the rest of a file ---

int FileControl(sqlite3_file* file, int operation, void* argument) {
  const Handle& handle = Of(file);
  switch (operation) {
    case SQLITE_FCNTL_LOCKSTATE: *static_cast<int*>(argument) = handle.level; return SQLITE_OK;
    case SQLITE_FCNTL_HAS_MOVED: *static_cast<int*>(argument) = 0; return SQLITE_OK;
    case SQLITE_FCNTL_LAST_ERRNO:
      *static_cast<int*>(argument) = handle.disk->last_errno;
      return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME:
      *static_cast<char**>(argument) = sqlite3_mprintf("%s", handle.disk->name.c_str());
      return SQLITE_OK;
    default: return SQLITE_NOTFOUND;
  }
}

int SectorSize(sqlite3_file*) { return static_cast<int>(SimFile::kSectorBytes); }

int DeviceCharacteristics(sqlite3_file* file) {
  return Of(file).disk->spill ? 0 : SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int Close(sqlite3_file* file) {
  Handle& handle = Of(file);
  ShmUnmap(file, 0);
  Unlock(file, SQLITE_LOCK_NONE);
  Impl& disk = *handle.disk;
  if (handle.delete_on_close && !disk.dead) disk.names.erase(handle.path);
  --disk.open_count;
  handle.~Handle();
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {
    2,        Close,   Read,       Write,  Truncate, Sync,
    FileSize, Lock,    Unlock,     CheckReservedLock, FileControl, SectorSize,
    DeviceCharacteristics, ShmMap, ShmLock, ShmBarrier, ShmUnmap, nullptr, nullptr};

// --- names ---

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  Impl& disk = DiskOf(vfs);
  file->pMethods = nullptr;
  const std::string path = name == nullptr ? "" : name;
  const bool there = !path.empty() && disk.names.contains(path);
  const bool makes = !there && (path.empty() || (flags & SQLITE_OPEN_CREATE) != 0);
  const int code = disk.Enter(Call::kOpen, makes ? Needs::kSpace : Needs::kNothing,
                              SQLITE_CANTOPEN, SQLITE_CANTOPEN);
  if (code != SQLITE_OK) return code;
  if (!there && !makes) return disk.Refuse(SQLITE_CANTOPEN, ENOENT);
  if (there && (flags & SQLITE_OPEN_EXCLUSIVE) && (flags & SQLITE_OPEN_CREATE)) {
    return disk.Refuse(SQLITE_CANTOPEN, EEXIST);
  }
  Handle* handle = new (file) Handle;
  handle->base.pMethods = &kMethods;
  handle->disk = &disk;
  handle->path = path;
  handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0 && !path.empty();
  handle->sync_folder = makes && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL |
                                           SQLITE_OPEN_SUPER_JOURNAL)) != 0;
  if (there) {
    handle->node = disk.names.at(path);
  } else {
    handle->node = std::make_shared<SimNode>();
    if (!path.empty()) disk.names[path] = handle->node;
  }
  ++disk.open_count;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Impl& disk = DiskOf(vfs);
  const int code = disk.Enter(Call::kDelete, Needs::kNothing, SQLITE_IOERR_DELETE);
  if (code != SQLITE_OK) return code;
  if (disk.names.erase(name) == 0) return disk.Refuse(SQLITE_IOERR_DELETE_NOENT, ENOENT);
  if (sync_folder) disk.SyncFolderOf(name);
  return SQLITE_OK;
}

int Access(sqlite3_vfs* vfs, const char* name, int flags, int* found) {
  Impl& disk = DiskOf(vfs);
  if (disk.dead) return disk.Refuse(SQLITE_IOERR_ACCESS, EIO);
  const auto at = disk.names.find(name);
  // An empty file counts as none, as in SQLite's own VFS.
  *found = at != disk.names.end() &&
           (flags != SQLITE_ACCESS_EXISTS || at->second->file.size_bytes() != 0);
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
  if (std::strlen(name) >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::strcpy(out, name);
  return SQLITE_OK;
}

int Randomness(sqlite3_vfs* vfs, int count, char* out) {
  DiskOf(vfs).random.Fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(count)});
  return count;
}

int Sleep(sqlite3_vfs*, int us) { return us; }

int CurrentTimeInt64(sqlite3_vfs* vfs, sqlite3_int64* ms) {
  *ms = ++DiskOf(vfs).now_ms;
  return SQLITE_OK;
}

int CurrentTime(sqlite3_vfs* vfs, double* days) {
  sqlite3_int64 ms = 0;
  CurrentTimeInt64(vfs, &ms);
  *days = static_cast<double>(ms) / 86'400'000.0;
  return SQLITE_OK;
}

int GetLastError(sqlite3_vfs* vfs, int, char*) { return DiskOf(vfs).last_errno; }

}  // namespace

void FillVfs(SimDisk::Impl& impl) {
  impl.vfs.iVersion = 2;
  impl.vfs.szOsFile = static_cast<int>(sizeof(Handle));
  impl.vfs.mxPathname = 512;
  impl.vfs.zName = impl.name.c_str();
  impl.vfs.pAppData = &impl;
  impl.vfs.xOpen = Open;
  impl.vfs.xDelete = Delete;
  impl.vfs.xAccess = Access;
  impl.vfs.xFullPathname = FullPathname;
  impl.vfs.xRandomness = Randomness;
  impl.vfs.xSleep = Sleep;
  impl.vfs.xCurrentTime = CurrentTime;
  impl.vfs.xCurrentTimeInt64 = CurrentTimeInt64;
  impl.vfs.xGetLastError = GetLastError;
}

}  // namespace edcsync::testing
