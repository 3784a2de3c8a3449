// Whether a text is a date, time, duration or interval in one of ODM 1.3.2's forms (clause 2.14;
// the patterns of ODM1-3-2-foundation.xsd). Days are held against the calendar wherever the month
// is known, which the schema's patterns leave out.
#pragma once

#include <string_view>

namespace edcsync {

bool IsOdmDate(std::string_view text);      // YYYY-MM-DD, zone allowed (xs:date).
bool IsOdmTime(std::string_view text);      // hh:mm:ss[.n], zone allowed.
bool IsOdmDatetime(std::string_view text);  // Date, "T", time.

// From the left as far as it is known: "2013", "2013-07", "2013-07-19T08:15". Empty, or one
// space, is a date of which nothing is known.
bool IsOdmPartialDate(std::string_view text);
bool IsOdmPartialTime(std::string_view text);
bool IsOdmPartialDatetime(std::string_view text);

// A partial one, or one in which "-" stands for each unknown part: "2013---19".
bool IsOdmIncompleteDate(std::string_view text);
bool IsOdmIncompleteTime(std::string_view text);
bool IsOdmIncompleteDatetime(std::string_view text);

bool IsOdmDuration(std::string_view text);  // "P1Y2M", "-PT1.5S", "P3W", or empty.
bool IsOdmInterval(std::string_view text);  // "a/b" of datetimes, or of one and a duration.

}  // namespace edcsync
