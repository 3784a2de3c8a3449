// An SQL function for searches that walk many rows: LIKE on several columns costs several times as
// much. Private to this folder.
#pragma once

#include <sqlite3.h>

namespace edcsync::storage_internal {

// text_contains(word, text, ...): 1 if one of the texts holds `word`, a letter of A-Z being the same
// as that of a-z; NULL holds nothing. `word` comes in lower case. Returns SQLite's code.
int AddTextContains(sqlite3* connection);

}  // namespace edcsync::storage_internal
