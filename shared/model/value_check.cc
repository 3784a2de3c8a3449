#include "shared/model/value_check.h"

#include <algorithm>
#include <cstddef>

#include "shared/base/bytes.h"
#include "shared/base/check.h"
#include "shared/model/iso_text.h"

namespace edcsync {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AllDigits(std::string_view text) { return std::all_of(text.begin(), text.end(), IsDigit); }

// A decimal number as written, without leading zeros: "-098.0" is {true, "98", "0"}.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
};

// xs:decimal: a sign, digits, a point, digits; at least one digit.
std::optional<Decimal> ParseDecimal(std::string_view text) {
  Decimal number;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    number.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const std::size_t point = text.find('.');
  number.whole = text.substr(0, point);
  if (point != std::string_view::npos) number.fraction = text.substr(point + 1);
  if (number.whole.empty() && number.fraction.empty()) return std::nullopt;
  if (!AllDigits(number.whole) || !AllDigits(number.fraction)) return std::nullopt;
  while (!number.whole.empty() && number.whole.front() == '0') number.whole.remove_prefix(1);
  return number;
}

std::optional<Decimal> ParseInteger(std::string_view text) {
  if (text.find('.') != std::string_view::npos) return std::nullopt;
  return ParseDecimal(text);
}

bool IsSameNumber(Decimal a, Decimal b) {
  for (Decimal* number : {&a, &b}) {
    while (!number->fraction.empty() && number->fraction.back() == '0') {
      number->fraction.remove_suffix(1);
    }
    if (number->whole.empty() && number->fraction.empty()) number->negative = false;
  }
  return a.negative == b.negative && a.whole == b.whole && a.fraction == b.fraction;
}

// The schema's pattern for double: sign, digits, fraction, exponent with its sign; INF and NaN.
bool IsDouble(std::string_view text) {
  if (text == "INF" || text == "-INF" || text == "NaN") return true;
  const std::size_t exponent = text.find_first_of("DdEe");
  if (exponent != std::string_view::npos) {
    const std::string_view power = text.substr(exponent + 1);
    if (power.size() < 2 || (power[0] != '+' && power[0] != '-')) return false;
    if (!AllDigits(power.substr(1))) return false;
    text = text.substr(0, exponent);
  }
  const std::string_view unsigned_text =
      !text.empty() && (text.front() == '-' || text.front() == '+') ? text.substr(1) : text;
  return !unsigned_text.empty() && IsDigit(unsigned_text.front()) && IsDigit(text.back()) &&
         ParseDecimal(text).has_value();
}

bool IsHex(std::string_view text) { return FromHex(text).has_value(); }

bool IsBase64(std::string_view text) {
  std::size_t count = 0;
  std::size_t padding = 0;
  for (char c : text) {
    if (c == ' ') continue;
    const bool letter =
        IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
    if (c == '=') {
      ++padding;
    } else if (!letter || padding > 0) {
      return false;
    }
    ++count;
  }
  return count % 4 == 0 && padding <= 2;
}

bool IsUri(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) <= 0x20) ||
           std::string_view("<>\"{}|\\^`").find(c) != std::string_view::npos;
  });
}

// What the value is not, or nullptr if it is of the type.
const char* NotOfType(DataType type, std::string_view value) {
  switch (type) {
    case DataType::kText:
    case DataType::kString:
      return IsUtf8(value) ? nullptr : "not text in UTF-8";
    case DataType::kInteger:
      return ParseInteger(value) ? nullptr : "not an integer";
    case DataType::kFloat:
      return ParseDecimal(value) ? nullptr : "not a decimal number";
    case DataType::kDouble:
      return IsDouble(value) ? nullptr : "not a floating-point number";
    case DataType::kBoolean:
      return value == "true" || value == "false" || value == "1" || value == "0"
                 ? nullptr
                 : "not true, false, 1 or 0";
    case DataType::kDate:
      return IsOdmDate(value) ? nullptr : "not a date (YYYY-MM-DD)";
    case DataType::kTime:
      return IsOdmTime(value) ? nullptr : "not a time (hh:mm:ss)";
    case DataType::kDatetime:
      return IsOdmDatetime(value) ? nullptr : "not a datetime (YYYY-MM-DDThh:mm:ss)";
    case DataType::kPartialDate:
      return IsOdmPartialDate(value) ? nullptr : "not a partial date (YYYY, YYYY-MM, YYYY-MM-DD)";
    case DataType::kPartialTime:
      return IsOdmPartialTime(value) ? nullptr : "not a partial time (hh, hh:mm, hh:mm:ss)";
    case DataType::kPartialDatetime:
      return IsOdmPartialDatetime(value) ? nullptr : "not a partial datetime (YYYY to seconds)";
    case DataType::kDurationDatetime:
      return IsOdmDuration(value) ? nullptr : "not a duration (PnYnMnDTnHnMnS or PnW)";
    case DataType::kIntervalDatetime:
      return IsOdmInterval(value) ? nullptr : "not an interval (datetimes or a duration by \"/\")";
    case DataType::kIncompleteDate:
      return IsOdmIncompleteDate(value) ? nullptr : "not an incomplete date";
    case DataType::kIncompleteTime:
      return IsOdmIncompleteTime(value) ? nullptr : "not an incomplete time";
    case DataType::kIncompleteDatetime:
      return IsOdmIncompleteDatetime(value) ? nullptr : "not an incomplete datetime";
    case DataType::kHexBinary:
      return IsHex(value) ? nullptr : "not hexadecimal";
    case DataType::kBase64Binary:
      return IsBase64(value) ? nullptr : "not base64";
    case DataType::kHexFloat:
      return value.size() <= 16 && IsHex(value) ? nullptr : "not up to 16 hexadecimal digits";
    case DataType::kBase64Float:
      return value.size() <= 12 && IsBase64(value) ? nullptr : "not up to 12 characters of base64";
    case DataType::kUri:
      return IsUri(value) ? nullptr : "not a URI";
  }
  CHECK(false);
  return nullptr;
}

std::size_t CodePointCount(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// REQUIRES: `value` is of the item's type.
std::optional<std::string> TooLong(const ItemDef& item, std::string_view value) {
  switch (item.data_type) {
    case DataType::kText:
    case DataType::kString:
      if (item.length && CodePointCount(value) > *item.length) {
        return "longer than " + std::to_string(*item.length) + " characters";
      }
      return std::nullopt;
    case DataType::kInteger:
    case DataType::kFloat: {
      const Decimal number = *ParseDecimal(value);
      if (item.length && number.whole.size() + number.fraction.size() > *item.length) {
        return "longer than " + std::to_string(*item.length) + " digits";
      }
      if (item.significant_digits && number.fraction.size() > *item.significant_digits) {
        return "more precise than " + std::to_string(*item.significant_digits) +
               " digits after the point";
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;  // ODM gives Length no meaning for the other types.
  }
}

bool IsInCodeList(const CodeListDef& list, std::string_view value) {
  if (list.external || list.values.Contains(value)) return true;
  if (list.data_type != DataType::kInteger && list.data_type != DataType::kFloat) return false;
  const auto number = ParseDecimal(value);
  return number && std::any_of(list.values.begin(), list.values.end(), [&](const CodedValue& c) {
           const auto coded = ParseDecimal(c.value);
           return coded && IsSameNumber(*coded, *number);
         });
}

}  // namespace

std::optional<std::string> Nonconformance(const StudyDefinition& study, std::string_view item_oid,
                                          std::string_view value) {
  const ItemDef* item = study.items.Find(item_oid);
  if (item == nullptr) return "of an item the study definition does not know";
  if (const char* reason = NotOfType(item->data_type, value)) return reason;
  if (auto reason = TooLong(*item, value)) return reason;
  if (!item->code_list_oid.empty()) {
    const CodeListDef* list = study.code_lists.Find(item->code_list_oid);
    if (list != nullptr && !IsInCodeList(*list, value)) {
      return "not in code list " + item->code_list_oid;
    }
  }
  return std::nullopt;
}

}  // namespace edcsync
