#include <cstddef>

#include "shared/base/check.h"
#include "shared/base/log.h"
#include "shared/storage/connection.h"

namespace edcsync {
namespace {

// SQLite takes a null pointer for NULL; an empty value is not NULL.
constexpr char kEmpty[] = "";

bool IsBlank(const char* text, const char* end) {
  for (; text < end; ++text) {
    if (*text != ' ' && *text != '\n' && *text != '\t' && *text != '\r' && *text != ';') {
      return false;
    }
  }
  return true;
}

}  // namespace

Statement::Impl::Impl(storage_internal::Connection& owner, std::string_view text, bool keep)
    : connection(owner), sql(text), cached(keep) {
  const char* tail = nullptr;
  const unsigned flags = keep ? SQLITE_PREPARE_PERSISTENT : 0;
  const int code = sqlite3_prepare_v3(connection.handle, sql.c_str(),
                                      static_cast<int>(sql.size() + 1), flags, &handle, &tail);
  if (code == SQLITE_OK) {
    CHECK(handle != nullptr && IsBlank(tail, sql.c_str() + sql.size()));
    read_only = sqlite3_stmt_readonly(handle) != 0;
    return;
  }
  if ((code & 0xff) == SQLITE_ERROR) {
    Log(LogLevel::kError, "storage.statement_does_not_compile",
        {{"statement", storage_internal::FirstWords(sql)},
         {"reason", sqlite3_errmsg(connection.handle)}});
  }
  CHECK((code & 0xff) != SQLITE_ERROR);
  failure = connection.Failed(sql, true);
}

void Statement::Impl::BindFailed(int code) {
  CHECK(code != SQLITE_RANGE && code != SQLITE_MISUSE);
  if (!failure) failure = connection.Failed(sql, false);
}

Result<bool> Statement::Impl::StepFailed() {
  Error error = connection.Failed(sql, false);
  sqlite3_reset(handle);
  stepped = false;
  return tl::unexpected<Error>(std::move(error));
}

Statement::Statement(Statement&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

Statement::~Statement() {
  if (impl_ == nullptr) return;
  --impl_->connection.in_use_count;
  if (!impl_->cached) {
    delete impl_;
    return;
  }
  // The next user starts with no value bound: one forgotten must be NULL, not a former record's.
  if (impl_->stepped) sqlite3_reset(impl_->handle);
  sqlite3_clear_bindings(impl_->handle);
  impl_->stepped = false;
  impl_->failure.reset();
  impl_->in_use = false;
}

Statement& Statement::Bind(int index, std::int64_t value) {
  if (impl_->handle == nullptr) return *this;
  const int code = sqlite3_bind_int64(impl_->handle, index, value);
  if (code != SQLITE_OK) [[unlikely]] impl_->BindFailed(code);
  return *this;
}

// A statement that writes has used its values when Step returns, so SQLite may read them in
// place. One that reads goes on using them for the rows that follow, so SQLite copies them.
Statement& Statement::Bind(int index, std::string_view text) {
  if (impl_->handle == nullptr) return *this;
  const char* data = text.data() != nullptr ? text.data() : kEmpty;
  const int code =
      sqlite3_bind_text64(impl_->handle, index, data, text.size(),
                          impl_->read_only ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) [[unlikely]] impl_->BindFailed(code);
  return *this;
}

Statement& Statement::Bind(int index, BytesView blob) {
  if (impl_->handle == nullptr) return *this;
  const void* data = blob.data() != nullptr ? static_cast<const void*>(blob.data()) : kEmpty;
  const int code = sqlite3_bind_blob64(impl_->handle, index, data, blob.size(),
                                       impl_->read_only ? SQLITE_TRANSIENT : SQLITE_STATIC);
  if (code != SQLITE_OK) [[unlikely]] impl_->BindFailed(code);
  return *this;
}

Statement& Statement::BindNull(int index) {
  if (impl_->handle == nullptr) return *this;
  const int code = sqlite3_bind_null(impl_->handle, index);
  if (code != SQLITE_OK) [[unlikely]] impl_->BindFailed(code);
  return *this;
}

Result<bool> Statement::Step() {
  if (impl_->failure) [[unlikely]] return tl::unexpected<Error>(*impl_->failure);
  if (impl_->connection.TransactionLost()) [[unlikely]] {
    return tl::unexpected<Error>(impl_->connection.LostError());
  }
  impl_->stepped = true;
  const int code = sqlite3_step(impl_->handle);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) [[unlikely]] return impl_->StepFailed();
  // Ready for the next Bind, which SQLite refuses on a statement that has merely ended.
  sqlite3_reset(impl_->handle);
  impl_->stepped = false;
  return false;
}

Result<std::int64_t> Statement::Run() {
  while (true) {
    Result<bool> row = Step();
    if (!row.ok()) [[unlikely]] return tl::unexpected<Error>(std::move(row.error()));
    if (!*row) break;
  }
  // A reading statement leaves SQLite's counter as the last writing one set it.
  return impl_->read_only ? 0 : sqlite3_changes64(impl_->connection.handle);
}

void Statement::Reset() {
  if (impl_->stepped) sqlite3_reset(impl_->handle);
  impl_->stepped = false;
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(impl_->handle, column) == SQLITE_NULL;
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(impl_->handle, column);
}

std::string_view Statement::Text(int column) const {
  // The order matters: the size is that of the form asked for last.
  const unsigned char* text = sqlite3_column_text(impl_->handle, column);
  if (text == nullptr) return {};
  const int size = sqlite3_column_bytes(impl_->handle, column);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

BytesView Statement::Blob(int column) const {
  const void* blob = sqlite3_column_blob(impl_->handle, column);
  if (blob == nullptr) return {};
  const int size = sqlite3_column_bytes(impl_->handle, column);
  return {static_cast<const std::uint8_t*>(blob), static_cast<std::size_t>(size)};
}

}  // namespace edcsync
