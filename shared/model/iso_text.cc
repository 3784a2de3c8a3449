#include "shared/model/iso_text.h"

#include <cstddef>
#include <optional>

namespace edcsync {
namespace {

// Reads a text from left to right.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  char Peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool Take(char c) {
    if (Peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Skips digits; returns how many.
  std::size_t SkipDigits() {
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    rest_.remove_prefix(count);
    return count;
  }

  // A number of exactly `width` digits between `least` and `most`.
  std::optional<int> Number(std::size_t width, int least, int most) {
    if (rest_.size() < width) return std::nullopt;
    int number = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return std::nullopt;
      number = number * 10 + (rest_[i] - '0');
    }
    if (number < least || number > most) return std::nullopt;
    rest_.remove_prefix(width);
    return number;
  }

 private:
  std::string_view rest_;
};

bool IsNothing(std::string_view text) { return text.empty() || text == " "; }

// Where the year is unknown, 29 February may have been.
bool IsDayOf(std::optional<int> year, int month, int day) {
  static constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (day > kDays[month - 1]) return false;
  if (month != 2 || day != 29 || !year) return true;
  return (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
}

// Reads YYYY[-MM[-DD]]; returns the number of parts read, 0 if it is no date.
int ReadDate(Cursor& cursor) {
  const auto year = cursor.Number(4, 1, 9999);
  if (!year) return 0;
  if (!cursor.Take('-')) return 1;
  const auto month = cursor.Number(2, 1, 12);
  if (!month) return 0;
  if (!cursor.Take('-')) return 2;
  const auto day = cursor.Number(2, 1, 31);
  if (!day || !IsDayOf(year, *month, *day)) return 0;
  return 3;
}

// Reads hh[:mm[:ss[.n]]]; returns the number of parts read, 0 if it is no time. 24:00:00 is the
// end of the day (XML Schema part 2, 3.2.8).
int ReadTime(Cursor& cursor) {
  const auto hour = cursor.Number(2, 0, 24);
  if (!hour) return 0;
  if (!cursor.Take(':')) return *hour == 24 ? 0 : 1;
  const auto minute = cursor.Number(2, 0, 59);
  if (!minute) return 0;
  if (!cursor.Take(':')) return *hour == 24 ? 0 : 2;
  const auto second = cursor.Number(2, 0, 59);
  if (!second || (*hour == 24 && (*minute != 0 || *second != 0))) return 0;
  if (cursor.Take('.') && cursor.SkipDigits() == 0) return 0;
  return 3;
}

// Reads a zone if there is one; false if it is none that XML Schema knows.
bool ReadZone(Cursor& cursor) {
  if (cursor.Take('Z')) return true;
  if (!cursor.Take('+') && !cursor.Take('-')) return true;
  const auto hour = cursor.Number(2, 0, 14);
  if (!hour || !cursor.Take(':')) return false;
  return cursor.Number(2, 0, *hour == 14 ? 0 : 59).has_value();
}

// Reads a number, or "-" for an unknown one; false if neither is there.
bool ReadOrDash(Cursor& cursor, std::size_t width, int least, int most, std::optional<int>& out) {
  if (cursor.Take('-')) return true;
  out = cursor.Number(width, least, most);
  return out.has_value();
}

bool ReadDashedDate(Cursor& cursor) {
  std::optional<int> year, month, day;
  if (!ReadOrDash(cursor, 4, 1, 9999, year) || !cursor.Take('-')) return false;
  if (!ReadOrDash(cursor, 2, 1, 12, month) || !cursor.Take('-')) return false;
  if (!ReadOrDash(cursor, 2, 1, 31, day)) return false;
  return !month || !day || IsDayOf(year, *month, *day);
}

bool ReadDashedTime(Cursor& cursor) {
  std::optional<int> hour, minute, second;
  if (!ReadOrDash(cursor, 2, 0, 23, hour) || !cursor.Take(':')) return false;
  if (!ReadOrDash(cursor, 2, 0, 59, minute) || !cursor.Take(':')) return false;
  if (!ReadOrDash(cursor, 2, 0, 59, second)) return false;
  if (second && cursor.Take('.') && cursor.SkipDigits() == 0) return false;
  // A lone "-" is an unknown zone; one before digits is the zone's sign.
  Cursor unknown_zone = cursor;
  if (unknown_zone.Take('-') && unknown_zone.done()) {
    cursor = unknown_zone;
    return true;
  }
  return ReadZone(cursor);
}

// Reads "nX" for each letter of `units` in order, each at most once; returns how many were read,
// or nullopt if digits are followed by none of them. Only the last unit of a time ("S") may have
// a fraction.
std::optional<int> ReadUnits(Cursor& cursor, std::string_view units) {
  int count = 0;
  std::size_t next = 0;
  while (cursor.Peek() >= '0' && cursor.Peek() <= '9') {
    cursor.SkipDigits();
    const bool fraction = cursor.Take('.');
    if (fraction && cursor.SkipDigits() == 0) return std::nullopt;
    const std::size_t place = units.find(cursor.Peek(), next);
    if (cursor.done() || place == std::string_view::npos) return std::nullopt;
    if (fraction && cursor.Peek() != 'S') return std::nullopt;
    cursor.Take(cursor.Peek());
    next = place + 1;
    ++count;
  }
  return count;
}

bool IsFullDuration(std::string_view text) {
  Cursor weeks(text);
  if (!weeks.Take('-')) weeks.Take('+');
  if (weeks.Take('P') && weeks.SkipDigits() > 0 && weeks.Take('W') && weeks.done()) return true;

  Cursor cursor(text);
  cursor.Take('-');
  if (!cursor.Take('P')) return false;
  const auto days = ReadUnits(cursor, "YMD");
  if (!days) return false;
  if (!cursor.Take('T')) return *days > 0 && cursor.done();
  const auto times = ReadUnits(cursor, "HMS");
  return times && *times > 0 && cursor.done();
}

bool IsKnownPartialDatetime(std::string_view text) {
  return !IsNothing(text) && IsOdmPartialDatetime(text);
}

}  // namespace

bool IsOdmDate(std::string_view text) {
  Cursor cursor(text);
  return ReadDate(cursor) == 3 && ReadZone(cursor) && cursor.done();
}

bool IsOdmTime(std::string_view text) {
  Cursor cursor(text);
  return ReadTime(cursor) == 3 && ReadZone(cursor) && cursor.done();
}

bool IsOdmDatetime(std::string_view text) {
  Cursor cursor(text);
  return ReadDate(cursor) == 3 && cursor.Take('T') && ReadTime(cursor) == 3 && ReadZone(cursor) &&
         cursor.done();
}

bool IsOdmPartialDate(std::string_view text) {
  if (IsNothing(text) || IsOdmDate(text)) return true;
  Cursor cursor(text);
  return ReadDate(cursor) > 0 && cursor.done();
}

bool IsOdmPartialTime(std::string_view text) {
  if (IsNothing(text)) return true;
  Cursor cursor(text);
  return ReadTime(cursor) > 0 && ReadZone(cursor) && cursor.done();
}

bool IsOdmPartialDatetime(std::string_view text) {
  if (IsNothing(text)) return true;
  Cursor cursor(text);
  const int parts = ReadDate(cursor);
  if (parts == 0) return false;
  if (parts < 3 || !cursor.Take('T')) return cursor.done();
  return ReadTime(cursor) > 0 && ReadZone(cursor) && cursor.done();
}

bool IsOdmIncompleteDate(std::string_view text) {
  if (IsOdmPartialDate(text)) return true;
  Cursor cursor(text);
  return ReadDashedDate(cursor) && cursor.done();
}

bool IsOdmIncompleteTime(std::string_view text) {
  if (IsOdmPartialTime(text)) return true;
  Cursor cursor(text);
  return ReadDashedTime(cursor) && cursor.done();
}

bool IsOdmIncompleteDatetime(std::string_view text) {
  if (IsOdmPartialDatetime(text)) return true;
  Cursor cursor(text);
  return ReadDashedDate(cursor) && cursor.Take('T') && ReadDashedTime(cursor) && cursor.done();
}

bool IsOdmDuration(std::string_view text) { return IsNothing(text) || IsFullDuration(text); }

bool IsOdmInterval(std::string_view text) {
  if (IsNothing(text)) return true;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view from = text.substr(0, slash);
  const std::string_view to = text.substr(slash + 1);
  const bool from_time = IsKnownPartialDatetime(from);
  const bool to_time = IsKnownPartialDatetime(to);
  return (from_time && (to_time || IsFullDuration(to))) || (IsFullDuration(from) && to_time);
}

}  // namespace edcsync
