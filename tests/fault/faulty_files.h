// SQLite's own VFS with a fault at one of its calls: for what the product keeps in real files
// whatever VFS it was given, as a backup. While one lives it is the process's default VFS.
//
// Threads: the test's own only.
#pragma once

#include <sqlite3.h>

#include <cstdint>

#include "shared/base/check.h"

namespace edcsync::testing {

class FaultyFiles {
 public:
  FaultyFiles() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = "faulty-files";
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(Handle)) + real_->szOsFile;
    vfs_.xOpen = Open;
    // The others of the real VFS ask for its own pAppData, which they do not use but to delete,
    // and look for files: those go through.
    vfs_.xDelete = [](sqlite3_vfs* vfs, const char* name, int sync) {
      return Of(vfs).real_->xDelete(Of(vfs).real_, name, sync);
    };
    vfs_.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* out) {
      return Of(vfs).real_->xAccess(Of(vfs).real_, name, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int size, char* out) {
      return Of(vfs).real_->xFullPathname(Of(vfs).real_, name, size, out);
    };
    CHECK(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  }
  ~FaultyFiles() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  FaultyFiles(const FaultyFiles&) = delete;
  FaultyFiles& operator=(const FaultyFiles&) = delete;

  // The `n`-th call from now fails with SQLITE_IOERR, or SQLITE_FULL if it is a write and `full`;
  // `for_good`: and all after it.
  void FailCall(std::uint64_t n, bool full, bool for_good) {
    left_ = n;
    full_ = full;
    for_good_ = for_good;
    struck_ = false;
  }
  void Mend() { left_ = 0; }
  bool struck() const { return struck_; }

 private:
  struct Handle {
    sqlite3_file base;
    FaultyFiles* files;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static FaultyFiles& Of(sqlite3_vfs* vfs) { return *static_cast<FaultyFiles*>(vfs->pAppData); }
  static Handle& Of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

  bool Strikes(bool writes) {
    if (left_ == 0 || (full_ && !writes)) return false;
    if (left_ > 1) return --left_, false;
    struck_ = true;
    if (!for_good_) left_ = 0;
    return true;
  }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    FaultyFiles& files = Of(vfs);
    Handle& handle = Of(file);
    handle.base.pMethods = nullptr;
    handle.files = &files;
    if (files.Strikes(false)) return SQLITE_CANTOPEN;
    handle.real()->pMethods = nullptr;
    const int code = files.real_->xOpen(files.real_, name, handle.real(), flags, out);
    if (code == SQLITE_OK) handle.base.pMethods = Methods();
    return code;
  }

  // Version 1: files without shared memory, as a backup's copy needs none.
  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods all{};
      all.iVersion = 1;
      all.xClose = [](sqlite3_file* file) { return Of(file).real()->pMethods->xClose(Of(file).real()); };
      all.xRead = [](sqlite3_file* file, void* out, int size, sqlite3_int64 at) {
        if (Of(file).files->Strikes(false)) return SQLITE_IOERR_READ;
        return Of(file).real()->pMethods->xRead(Of(file).real(), out, size, at);
      };
      all.xWrite = [](sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
        FaultyFiles& files = *Of(file).files;
        if (files.Strikes(true)) return files.full_ ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        return Of(file).real()->pMethods->xWrite(Of(file).real(), data, size, at);
      };
      all.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
        if (Of(file).files->Strikes(false)) return SQLITE_IOERR_TRUNCATE;
        return Of(file).real()->pMethods->xTruncate(Of(file).real(), size);
      };
      all.xSync = [](sqlite3_file* file, int flags) {
        if (Of(file).files->Strikes(false)) return SQLITE_IOERR_FSYNC;
        return Of(file).real()->pMethods->xSync(Of(file).real(), flags);
      };
      all.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
        return Of(file).real()->pMethods->xFileSize(Of(file).real(), size);
      };
      all.xLock = [](sqlite3_file* file, int level) {
        return Of(file).real()->pMethods->xLock(Of(file).real(), level);
      };
      all.xUnlock = [](sqlite3_file* file, int level) {
        return Of(file).real()->pMethods->xUnlock(Of(file).real(), level);
      };
      all.xCheckReservedLock = [](sqlite3_file* file, int* out) {
        return Of(file).real()->pMethods->xCheckReservedLock(Of(file).real(), out);
      };
      all.xFileControl = [](sqlite3_file* file, int what, void* argument) {
        return Of(file).real()->pMethods->xFileControl(Of(file).real(), what, argument);
      };
      all.xSectorSize = [](sqlite3_file* file) {
        return Of(file).real()->pMethods->xSectorSize(Of(file).real());
      };
      all.xDeviceCharacteristics = [](sqlite3_file* file) {
        return Of(file).real()->pMethods->xDeviceCharacteristics(Of(file).real());
      };
      return all;
    }();
    return &methods;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::uint64_t left_ = 0;  // 0: none is armed.
  bool full_ = false;
  bool for_good_ = false;
  bool struck_ = false;
};

}  // namespace edcsync::testing
