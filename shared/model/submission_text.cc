// The textual side of submissions: a body is split into single ones, a revision is written as one.
#include <algorithm>

#include "shared/base/limits.h"
#include "shared/model/submission.h"

namespace edcsync {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view SkipBlank(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlank), text.size()));
}

std::string_view TrimEnd(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

// The length of the object or array that opens `text`, by its brackets; 0 if it never closes.
// Whether it is JSON inside is for ParseSubmission to say.
std::size_t BracketedSize(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      if (c == '\n') return 0;  // No string of JSON holds a line break.
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return i + 1;
    }
  }
  return 0;
}

bool IsOneObject(std::string_view text) {
  if (!text.starts_with('{')) return false;
  const std::size_t size = BracketedSize(text);
  return size != 0 && SkipBlank(text.substr(size)).empty();
}

Result<std::vector<std::string>> SplitArray(std::string_view body) {
  const std::size_t whole = body.size();
  std::vector<std::string> parts;
  std::string_view rest = SkipBlank(body.substr(1));
  bool more = !rest.starts_with(']');
  while (more) {
    const std::size_t size = rest.starts_with('{') ? BracketedSize(rest) : 0;
    if (size == 0) {
      return Fail(ErrorCode::kMalformed, "The array does not hold a whole object at byte " +
                                             std::to_string(whole - rest.size()));
    }
    parts.emplace_back(rest.substr(0, size));
    rest = SkipBlank(rest.substr(size));
    more = rest.starts_with(',');
    if (more) rest = SkipBlank(rest.substr(1));
  }
  if (!rest.starts_with(']') || !SkipBlank(rest.substr(1)).empty()) {
    return Fail(ErrorCode::kMalformed,
                "The array does not end at byte " + std::to_string(whole - rest.size()));
  }
  return parts;
}

void AppendText(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Writes members of one object, commas between them.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  void Key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    AppendText(out_, name);
    out_ += ':';
  }
  void Text(std::string_view name, std::string_view value) {
    Key(name);
    AppendText(out_, value);
  }
  void TextIfAny(std::string_view name, std::string_view value) {
    if (!value.empty()) Text(name, value);
  }
  // A number or a word of JSON.
  void Word(std::string_view name, std::string_view word) {
    Key(name);
    out_ += word;
  }
  void End() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void AppendItemGroups(std::string& out, const FormItems& items) {
  out += '[';
  bool first = true;
  for (const auto& [group, values] : items) {
    if (!first) out += ',';
    first = false;
    ObjectWriter writer(out);
    writer.Text("itemGroupOID", group.oid.str());
    writer.Text("itemGroupRepeatKey", group.repeat.str());
    writer.Key("items");
    ObjectWriter members(out);
    for (const auto& [item, value] : values) {
      if (value) {
        members.Text(item.str(), *value);
      } else {
        members.Word(item.str(), "null");
      }
    }
    members.End();
    writer.End();
  }
  out += ']';
}

void AppendHistory(ObjectWriter& writer, const Revision& revision, const HistoryFields& history) {
  writer.Text("revisionId", history.id.ToHex());
  writer.Word("version", std::to_string(revision.version));
  std::string parents;
  for (const RevisionId& parent : revision.parents) {
    parents += parents.empty() ? "\"" : ",\"";
    parents += parent.ToHex() + '"';
  }
  writer.Word("parents", "[" + parents + "]");
  writer.Text("origin", ToString(revision.origin));
  writer.TextIfAny("edgeId", revision.edge.str());
  writer.Text("editedAt",
              FormatLocal(WallTime{revision.edited_at.ms}, revision.utc_offset_minutes));
  writer.Word("editedAtCounter", std::to_string(revision.edited_at.counter));
  if (revision.clock_drift_ms) {
    writer.Word("clockDriftMs", std::to_string(*revision.clock_drift_ms));
  }
  writer.Word("current", history.current ? "true" : "false");
}

}  // namespace

Result<std::vector<std::string>> SplitSubmissions(std::string_view body) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  body = TrimEnd(SkipBlank(body));
  if (body.empty()) return Fail(ErrorCode::kMalformed, "The body holds no submission");
  if (body.front() == '[') return SplitArray(body);
  if (IsOneObject(body)) return std::vector<std::string>{std::string(body)};

  // Lines, one bad line among good ones included; but an object that breaks off is no NDJSON.
  std::vector<std::string> lines;
  bool any_object = false;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = TrimEnd(SkipBlank(body.substr(0, end)));
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.empty()) continue;
    any_object = any_object || IsOneObject(line);
    lines.emplace_back(line);
  }
  if (!any_object) {
    return Fail(ErrorCode::kMalformed,
                "The body is neither a JSON object, nor an array of objects, nor one a line");
  }
  return lines;
}

std::string FormatSubmission(const Revision& revision,
                             const std::optional<HistoryFields>& history) {
  std::string out;
  ObjectWriter writer(out);
  writer.Text("studyOID", revision.key.study.str());
  writer.Text("siteOID", revision.site.str());
  writer.Text("subjectKey", revision.key.subject.str());
  writer.Text("studyEventOID", revision.key.event.str());
  writer.Text("studyEventRepeatKey", revision.key.event_repeat.str());
  writer.Text("formOID", revision.key.form.str());
  writer.Text("formRepeatKey", revision.key.form_repeat.str());
  writer.Key("itemGroups");
  AppendItemGroups(out, revision.items);
  writer.TextIfAny("metaDataVersionOID", revision.metadata_version.str());
  writer.TextIfAny("user", revision.user);
  writer.TextIfAny("reasonForChange", revision.reason_for_change);
  if (revision.removed) writer.Word("remove", "true");
  if (history) AppendHistory(writer, revision, *history);
  writer.End();
  return out;
}

}  // namespace edcsync
