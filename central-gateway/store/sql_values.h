// How the central store's values stand in SQLite columns. Private to this folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/model/revision.h"
#include "shared/storage/database.h"

namespace edcsync::central {

// SQLite has signed integers only; none of our numbers reaches 2^63.
inline std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }
inline std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }

template <class Enum>
std::int64_t Number(Enum value) {
  return static_cast<std::int64_t>(value);
}

inline void BindOptional(Statement& statement, int index, const std::optional<RevisionId>& id) {
  if (id) {
    statement.Bind(index, id->view());
  } else {
    statement.BindNull(index);
  }
}

inline void BindOptional(Statement& statement, int index, const std::optional<WallTime>& time) {
  if (time) {
    statement.Bind(index, time->ms);
  } else {
    statement.BindNull(index);
  }
}

inline void BindOptional(Statement& statement, int index,
                         const std::optional<std::int64_t>& value) {
  if (value) {
    statement.Bind(index, *value);
  } else {
    statement.BindNull(index);
  }
}

inline std::optional<RevisionId> OptionalId(const Statement& statement, int column) {
  if (statement.IsNull(column)) return std::nullopt;
  return RevisionIdFromBytes(statement.Blob(column));
}

inline std::optional<WallTime> OptionalTime(const Statement& statement, int column) {
  if (statement.IsNull(column)) return std::nullopt;
  return WallTime{statement.Int(column)};
}

// The table's own CHECK holds the length.
template <class Array>
Array FixedBytes(const Statement& statement, int column) {
  Array bytes{};
  const BytesView blob = statement.Blob(column);
  if (blob.size() == bytes.size()) std::copy(blob.begin(), blob.end(), bytes.begin());
  return bytes;
}

template <class Id>
Id RandomIdAt(const Statement& statement, int column) {
  Id id;
  id.bytes = FixedBytes<decltype(id.bytes)>(statement, column);
  return id;
}

inline std::string TextAt(const Statement& statement, int column) {
  return std::string(statement.Text(column));
}

// Paths and OIDs hold no control character, so a line each tells them apart.
inline std::string JoinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append(1, '\n');
  return text;
}

inline std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// LIMIT takes a signed number.
inline std::int64_t Limit(std::size_t count_max) {
  constexpr std::size_t kMost = 1'000'000'000;
  return static_cast<std::int64_t>(count_max < kMost ? count_max : kMost);
}

}  // namespace edcsync::central
