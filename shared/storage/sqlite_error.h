// SQLite's result codes as our errors: the one place where they are translated. A message names
// the statement's first words and the database file; never a bound value (what SQLite says of a
// failed step may quote one, so only its fixed texts are used there).
#pragma once

#include <string>
#include <string_view>

#include "shared/base/status.h"

struct sqlite3;

namespace edcsync::storage_internal {

// The beginning of `sql` up to its first literal, bracket or 48 bytes.
std::string FirstWords(std::string_view sql);

// `extended_code` as one of errors.def. `system_errno` is the failed system call's, or 0: a write
// that failed for want of space is kDiskFull under whichever code SQLite reports it.
ErrorCode TranslateCode(int extended_code, int system_errno);

// What `sqlite` says of its last call, which failed. `quote` allows SQLite's own text: only for
// SQL without bound values.
Error LastError(sqlite3* sqlite, std::string_view sql, const std::string& path, bool quote);

// An error of opening `path`, where no connection is left to ask.
Error OpenError(int extended_code, const std::string& path);

// An error of a system call.
Error SystemError(int system_errno, std::string_view what, const std::string& path);

}  // namespace edcsync::storage_internal
