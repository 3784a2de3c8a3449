#include "shared/model/xml_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "shared/base/bytes.h"

namespace edcsync {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// XML 1.0, production [2].
bool IsXmlCharacter(std::uint32_t code) {
  return code == 0x9 || code == 0xA || code == 0xD || (code >= 0x20 && code <= 0xD7FF) ||
         (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= 0x10FFFF);
}

// The `name` of "&name;": one of the five of XML, or a character XML allows.
bool IsXmlReference(std::string_view name) {
  for (std::string_view known : {"lt", "gt", "amp", "quot", "apos"}) {
    if (name == known) return true;
  }
  if (name.size() < 2 || name[0] != '#') return false;
  const bool hex = name[1] == 'x';
  const std::string_view digits = name.substr(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  return error == std::errc() && end == digits.data() + digits.size() && IsXmlCharacter(code);
}

class Scanner {
 public:
  Scanner(std::string_view xml, const XmlBounds& bounds) : xml_(xml), bounds_(bounds) {}

  Status Scan() {
    if (xml_.substr(0, 3) == kByteOrderMark) place_ = 3;
    while (place_ < xml_.size()) {
      if (xml_[place_] == '<') {
        EDCSYNC_TRY(Markup());
      } else {
        if (depth_ == 0 && !IsSpace(xml_[place_])) return Malformed("text outside of the root");
        EDCSYNC_TRY(Character());
      }
    }
    return Ok();
  }

 private:
  tl::unexpected<Error> Malformed(std::string_view reason) const {
    return Fail(ErrorCode::kMalformed,
                "Line " + std::to_string(LineOf(xml_, place_)) + ": " + std::string(reason) + ".");
  }

  bool StartsWith(std::string_view text) const { return xml_.substr(place_, text.size()) == text; }

  Status SkipPast(std::string_view end, std::string_view what) {
    const std::size_t found = xml_.find(end, place_);
    if (found == std::string_view::npos)
      return Malformed("this " + std::string(what) + " has no end");
    place_ = found + end.size();
    return Ok();
  }

  Status Character() {
    if (xml_[place_] == '&') {
      // The longest, "&#x10FFFF;", allowing for leading zeros.
      const std::size_t end = xml_.substr(place_, 16).find(';');
      if (end == std::string_view::npos || !IsXmlReference(xml_.substr(place_ + 1, end - 1))) {
        return Malformed("\"&\" begins no reference that XML defines (write &amp; for the sign)");
      }
      place_ += end;
    }
    ++place_;
    return Ok();
  }

  Status Markup() {
    if (StartsWith("<!--")) return SkipPast("-->", "comment");
    if (StartsWith("<![CDATA[")) return SkipPast("]]>", "CDATA section");
    if (StartsWith("<?")) return SkipPast("?>", "processing instruction");
    if (StartsWith("<!")) {
      return Malformed(
          "a document type declaration is not accepted; ODM 1.3 has none, and a file of ODM 1.1 or "
          "earlier must be converted to ODM 1.3");
    }
    return Tag();
  }

  Status Tag() {
    const bool closing = StartsWith("</");
    EDCSYNC_TRY(Count());
    ++place_;
    char quote = '\0';
    for (; place_ < xml_.size();) {
      const char c = xml_[place_];
      if (quote == '\0' && c == '>') break;
      if (c == '<') return Malformed("\"<\" within a tag");
      if (quote == '\0' && c == '=') EDCSYNC_TRY(Count());
      if (quote == '\0' && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = '\0';
      }
      EDCSYNC_TRY(Character());
    }
    if (place_ == xml_.size()) return Malformed("the file ends within a tag");
    const bool empty = xml_[place_ - 1] == '/';
    ++place_;
    return Nest(closing, empty);
  }

  Status Nest(bool closing, bool empty) {
    if (closing) {
      if (depth_ == 0) return Malformed("a closing tag without an opening one");
      --depth_;
      return Ok();
    }
    if (depth_ == 0 && std::exchange(has_root_, true)) return Malformed("a second root element");
    if (depth_ + 1 > bounds_.depth_max) {
      return Malformed("elements nest deeper than " + std::to_string(bounds_.depth_max));
    }
    if (!empty) ++depth_;
    return Ok();
  }

  Status Count() {
    if (++node_count_ <= bounds_.node_count_max) return Ok();
    return Fail(ErrorCode::kTooLarge, "The file has more than " +
                                          std::to_string(bounds_.node_count_max) +
                                          " elements and attributes.");
  }

  const std::string_view xml_;
  const XmlBounds& bounds_;
  std::size_t place_ = 0;
  std::size_t depth_ = 0;
  std::size_t node_count_ = 0;
  bool has_root_ = false;
};

// The encoding the XML declaration names, or "" if it names none.
std::string_view DeclaredEncoding(std::string_view xml) {
  if (xml.substr(0, 3) == kByteOrderMark) xml.remove_prefix(3);
  if (xml.substr(0, 5) != "<?xml") return {};
  std::string_view declaration = xml.substr(0, xml.find("?>"));
  std::size_t place = declaration.find("encoding");
  if (place == std::string_view::npos) return {};
  declaration.remove_prefix(place);
  place = declaration.find_first_of("\"'");
  if (place == std::string_view::npos) return {};
  const char quote = declaration[place];
  declaration.remove_prefix(place + 1);
  return declaration.substr(0, declaration.find(quote));
}

bool IsUtf8Name(std::string_view encoding) {
  std::string name(encoding);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name.empty() || name == "UTF-8" || name == "UTF8";
}

}  // namespace

Status CheckXmlText(std::string_view xml, const XmlBounds& bounds) {
  if (xml.size() > bounds.size_bytes_max) {
    return Fail(ErrorCode::kTooLarge, "The file has " + std::to_string(xml.size()) +
                                          " bytes; at most " +
                                          std::to_string(bounds.size_bytes_max) + " are accepted.");
  }
  const auto control = std::find_if(xml.begin(), xml.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && !IsSpace(c);
  });
  if (control != xml.end()) {
    const auto offset = static_cast<std::size_t>(control - xml.begin());
    return Fail(ErrorCode::kMalformed, "Line " + std::to_string(LineOf(xml, offset)) +
                                           ": a control character that XML forbids (is the file "
                                           "UTF-8, and not UTF-16?).");
  }
  // A text of ASCII alone reads the same in the encodings met in practice.
  const bool ascii = std::all_of(xml.begin(), xml.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!ascii && (!IsUtf8Name(DeclaredEncoding(xml)) || !IsUtf8(xml))) {
    return Fail(ErrorCode::kMalformed, "Line 1: the file is not UTF-8; save it as UTF-8.");
  }
  return Scanner(xml, bounds).Scan();
}

std::size_t LineOf(std::string_view xml, std::size_t offset) {
  const std::string_view before = xml.substr(0, offset);
  return static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
}

}  // namespace edcsync
