#include "shared/storage/text_contains.h"

#include <string_view>

namespace edcsync::storage_internal {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view TextOf(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

bool Contains(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
    std::size_t same = 0;
    while (same < word.size() && Lower(text[at + same]) == word[same]) ++same;
    if (same == word.size()) return true;
  }
  return false;
}

void TextContains(sqlite3_context* context, int count, sqlite3_value** values) {
  const std::string_view word = count > 0 ? TextOf(values[0]) : std::string_view();
  for (int i = 1; i < count; ++i) {
    if (sqlite3_value_type(values[i]) == SQLITE_NULL || !Contains(TextOf(values[i]), word)) continue;
    return sqlite3_result_int(context, 1);
  }
  sqlite3_result_int(context, 0);
}

}  // namespace

int AddTextContains(sqlite3* connection) {
  return sqlite3_create_function_v2(connection, "text_contains", -1,
                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, nullptr,
                                    &TextContains, nullptr, nullptr, nullptr);
}

}  // namespace edcsync::storage_internal
