// What the world does wrong travels as a value: `Status` for an effect, `Result<T>` for a value.
// What we did wrong is a CHECK (shared/base/check.h). Every error has a number from errors.def.
//
//   Result<Row> Find(Key key);
//   EDCSYNC_ASSIGN(Row row, Find(key));   // returns the error to the caller
//   EDCSYNC_TRY(Store(row));
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace edcsync {

enum class ErrorCode : std::uint16_t {
#define EDCSYNC_ERROR(number, name, text, retry, http, advice) name = number,
#include "shared/base/errors.def"
#undef EDCSYNC_ERROR
};

enum class Retry : std::uint8_t { kTransient, kFrame, kEdge, kRelease, kFinal };

// What errors.def says of one code.
struct ErrorInfo {
  ErrorCode code;
  std::string_view name;
  Retry retry;
  int http_status;
  std::string_view advice;
};

// The entry of `code`. REQUIRES: `code` is one of errors.def.
const ErrorInfo& Describe(ErrorCode code);

// The entry with this number, or nullptr: for numbers that come from the wire or from disk.
const ErrorInfo* FindError(std::uint16_t number);

// Every entry, in the order of errors.def.
std::span<const ErrorInfo> AllErrors();

std::string_view ToString(Retry retry);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // One sentence; never an item value or a secret.

  // "outbox_full (201): 1000000 revisions wait. Restore the link so that the outbox drains."
  std::string ToString() const;
};

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  bool ok() const { return this->has_value(); }
};

class [[nodiscard]] Status : public tl::expected<void, Error> {
 public:
  using tl::expected<void, Error>::expected;
  bool ok() const { return this->has_value(); }
};

inline Status Ok() { return Status(); }

}  // namespace edcsync

#define EDCSYNC_CONCAT_INNER(a, b) a##b
#define EDCSYNC_CONCAT(a, b) EDCSYNC_CONCAT_INNER(a, b)

// The names are unique by __COUNTER__: an expression may hold a lambda that uses these itself.
#define EDCSYNC_TRY_IMPL(result, expression)                                             \
  do {                                                                                   \
    auto result = (expression);                                                          \
    if (!result.has_value()) {                                                           \
      return tl::unexpected<::edcsync::Error>(std::move(result.error()));                \
    }                                                                                    \
  } while (false)

#define EDCSYNC_TRY(expression) \
  EDCSYNC_TRY_IMPL(EDCSYNC_CONCAT(edcsync_status_, __COUNTER__), expression)

#define EDCSYNC_ASSIGN_IMPL(result, declaration, expression)            \
  auto result = (expression);                                           \
  if (!result.has_value())                                              \
    return tl::unexpected<::edcsync::Error>(std::move(result.error())); \
  declaration = std::move(*result)

#define EDCSYNC_ASSIGN(declaration, expression) \
  EDCSYNC_ASSIGN_IMPL(EDCSYNC_CONCAT(edcsync_result_, __COUNTER__), declaration, expression)
