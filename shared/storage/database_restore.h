// Puts a backup in the place of a database, and makes and keeps rows of dated backups. The same at
// both ends; what each side does with the copy before it counts is the caller's.
//
//   used by   edge-agent/site/restore.h, central-gateway/admin/restore.h, the `backup` commands
//
// Threads: one at a time for one database.
#pragma once

#include <functional>
#include <string>

#include "shared/base/disk_guard.h"
#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync {

// While a restore is under way, and after one that was cut off, the copy lies here.
std::string RestoringCopyOf(const std::string& database);

// Copies `backup`, and a log that lies beside it, to beside `database`, has `prepare` check and alter
// the copy (which writes the log into it), and gives it the database's name; the former database (and its log) is kept as the name returned, empty if there
// was none. Root leaves files to the folder's owner. Fails with kAlreadyRunning while another
// process has `database`.lock, kNotFound, kDiskFull, kIo, and what `prepare` fails with; a failure
// before the last step changes nothing. Cut off at its last step it leaves no database but the
// copy: done again, it goes through.
Result<std::string> RestoreDatabase(const std::string& database, const std::string& backup,
                                    WallTime now,
                                    const std::function<Status(const std::string&)>& prepare);

// What SQLite leaves beside a backup that was opened to look into it, if it was not there before.
class OpenedBackup {
 public:
  explicit OpenedBackup(std::string path);
  ~OpenedBackup();
  OpenedBackup(const OpenedBackup&) = delete;
  OpenedBackup& operator=(const OpenedBackup&) = delete;

 private:
  std::string path_;
  std::string left_there_;  // The suffixes that others had made.
};

// "FOLDER/PREFIX-20261122T001530Z.db": sorts as time goes.
std::string DatedBackup(const std::string& folder, const std::string& prefix, WallTime at);
// kDiskFull if a copy of `database` has no room in `folder`; on the database's own disk it must
// leave the warn mark free, for a backup may not stop what it is there to save. kIo.
Status CheckRoomForBackup(const std::string& folder, const std::string& database,
                          const DiskMarks& marks);
// What names a file so is verified, and counts: after `made` was, removes what DatedBackup named in
// `folder` but the newest `count` (`made` stays, whatever the clock said), and what backups that
// were cut off have left. Nothing else is touched. REQUIRES: count > 0.
Status KeepNewestBackups(const std::string& folder, const std::string& prefix, std::size_t count,
                         const std::string& made);
// A copy that could not be verified is no backup: gives it a name of its own, one for all of its
// row. Always fails: with `why`, and what became of the copy.
Status SetAsideUnverified(const std::string& folder, const std::string& prefix,
                          const std::string& made, const Error& why);

}  // namespace edcsync
