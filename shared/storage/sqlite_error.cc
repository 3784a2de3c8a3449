#include "shared/storage/sqlite_error.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace edcsync::storage_internal {
namespace {

bool IsOutOfSpace(int system_errno) { return system_errno == ENOSPC || system_errno == EDQUOT; }

bool IsRefusal(int system_errno) {
  return system_errno == EACCES || system_errno == EPERM || system_errno == EROFS;
}

}  // namespace

std::string FirstWords(std::string_view sql) {
  constexpr std::size_t kSizeMax = 48;
  std::string words;
  for (char c : sql) {
    if (c == '(' || c == '\'' || c == '"' || c == '=' || c == ';') break;
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (space && (words.empty() || words.back() == ' ')) continue;
    if (words.size() == kSizeMax) break;
    words += space ? ' ' : c;
  }
  while (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

ErrorCode TranslateCode(int extended_code, int system_errno) {
  switch (extended_code & 0xff) {
    case SQLITE_FULL: return ErrorCode::kDiskFull;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return ErrorCode::kBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::kCorrupt;
    case SQLITE_IOERR:
      if (extended_code == SQLITE_IOERR_CORRUPTFS) return ErrorCode::kCorrupt;
      if (extended_code == SQLITE_IOERR_NOMEM) return ErrorCode::kInternal;
      return IsOutOfSpace(system_errno) ? ErrorCode::kDiskFull : ErrorCode::kIo;
    case SQLITE_CANTOPEN:
      if (IsOutOfSpace(system_errno)) return ErrorCode::kDiskFull;
      if (IsRefusal(system_errno)) return ErrorCode::kPermissions;
      return system_errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    case SQLITE_READONLY:
      return extended_code == SQLITE_READONLY_DBMOVED ? ErrorCode::kIo : ErrorCode::kPermissions;
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorCode::kPermissions;
    case SQLITE_TOOBIG: return ErrorCode::kTooLarge;
    case SQLITE_INTERRUPT: return ErrorCode::kStopped;
    default: return ErrorCode::kInternal;
  }
}

Error LastError(sqlite3* sqlite, std::string_view sql, const std::string& path, bool quote) {
  const int code = sqlite3_extended_errcode(sqlite);
  const int kind = code & 0xff;
  const int system_errno =
      kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN ? sqlite3_system_errno(sqlite) : 0;
  // A broken constraint is told by names of tables and columns, or a trigger's fixed text.
  const bool fixed = quote || kind == SQLITE_CONSTRAINT;
  std::string message = FirstWords(sql) + ": ";
  message += fixed ? sqlite3_errmsg(sqlite) : sqlite3_errstr(code);
  if (system_errno != 0) message += ", " + std::generic_category().message(system_errno);
  message += " (SQLite " + std::to_string(code) + ", " + path + ")";
  return Error{TranslateCode(code, system_errno), std::move(message)};
}

Error OpenError(int extended_code, const std::string& path) {
  int system_errno = 0;
  if ((extended_code & 0xff) == SQLITE_CANTOPEN && ::access(path.c_str(), R_OK) != 0) {
    system_errno = errno;
  }
  std::string message = "open: ";
  message += sqlite3_errstr(extended_code);
  if (system_errno != 0) message += ", " + std::generic_category().message(system_errno);
  message += " (SQLite " + std::to_string(extended_code) + ", " + path + ")";
  return Error{TranslateCode(extended_code, system_errno), std::move(message)};
}

Error SystemError(int system_errno, std::string_view what, const std::string& path) {
  ErrorCode code = ErrorCode::kIo;
  if (IsOutOfSpace(system_errno)) code = ErrorCode::kDiskFull;
  if (IsRefusal(system_errno)) code = ErrorCode::kPermissions;
  if (system_errno == ENOENT) code = ErrorCode::kNotFound;
  if (system_errno == EEXIST) code = ErrorCode::kAlreadyExists;
  return Error{code, std::string(what) + ": " + std::generic_category().message(system_errno) +
                         " (" + path + ")"};
}

}  // namespace edcsync::storage_internal
