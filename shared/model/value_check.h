// Whether a value fits its item's type, length and code list. A value that does not is clinical
// data all the same: it is kept verbatim, marked nonconformant and shown, never withheld.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/model/study_definition.h"

namespace edcsync {

// Why `value` does not fit item `item_oid`, as words that follow "the value is": "not an integer",
// "longer than 6 characters", "not in code list CL.DM.SEX"; nullopt if it fits. The value itself
// is never part of the reason, so that a reason may be logged.
//
// Types are those of ODM 1.3.2, clause 2.14; Length is held against
//   text, string        characters (Unicode code points)
//   integer, float      digits, without sign, point and leading zeros: "098.0" has three
// and SignificantDigits of a float against the digits after its point. A code list of integers or
// floats is compared as numbers ("01" is "1"), any other letter by letter.
std::optional<std::string> Nonconformance(const StudyDefinition& study, std::string_view item_oid,
                                          std::string_view value);

}  // namespace edcsync
