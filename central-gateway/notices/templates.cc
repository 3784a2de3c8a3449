#include "central-gateway/notices/templates.h"

#include <filesystem>
#include <system_error>

#include "shared/base/bytes.h"
#include "shared/base/check.h"
#include "shared/base/file.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::string_view kOpening = "{{";
constexpr std::string_view kClosing = "}}";

struct Known {
  std::string_view name;
  std::vector<std::string_view> placeholders;
};

const std::vector<Known>& KnownTemplates() {
  static const std::vector<std::string_view> kOfNotice = {
      "study", "site", "subject", "event", "form", "record", "conflict", "revision", "edge",
      "severity", "reason", "at", "since", "due", "drift", "reconciliation", "link", "gateway"};
  static const std::vector<Known> kAll = [] {
    std::vector<Known> all = {
        {"message",
         {"count", "summary", "notices", "more", "desk", "gateway", "message", "time"}},
        {"digest", {"count", "summary", "gateway", "time"}},
        {"more", {"count", "desk"}},
        {"test", {"channel", "gateway", "desk", "message", "time"}}};
    for (const NoticeKind kind : kAllKinds) all.push_back({ToString(kind), kOfNotice});
    return all;
  }();
  return kAll;
}

const Known* FindKnown(std::string_view name) {
  for (const Known& known : KnownTemplates()) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Status CheckLine(std::string_view line, const Known& known, const std::string& place) {
  std::size_t at = 0;
  while ((at = line.find(kOpening, at)) != std::string_view::npos) {
    const std::size_t end = line.find(kClosing, at);
    if (end == std::string_view::npos) {
      return Fail(ErrorCode::kConfiguration, place + ": {{ is not closed by }} in its line");
    }
    const std::string_view name = line.substr(at + 2, end - at - 2);
    if (std::find(known.placeholders.begin(), known.placeholders.end(), name) ==
        known.placeholders.end()) {
      std::string allowed;
      for (const std::string_view one : known.placeholders) {
        allowed.append(allowed.empty() ? "" : " ").append(kOpening).append(one).append(kClosing);
      }
      return Fail(ErrorCode::kConfiguration, place + ": there is no {{" + OneLine(name, 64) +
                                                 "}} here; allowed are " + allowed);
    }
    at = end + kClosing.size();
  }
  return Ok();
}

Status CheckTemplate(std::string_view text, const Known& known, const std::string& path) {
  if (!IsUtf8(text)) return Fail(ErrorCode::kConfiguration, path + " is not UTF-8");
  int number = 0;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    const std::string place = path + " line " + std::to_string(++number);
    if (number == 1 && line.empty()) {
      return Fail(ErrorCode::kConfiguration, place + " is empty: it is the subject or the text");
    }
    EDCSYNC_TRY(CheckLine(line, known, place));
  }
  if (number == 0) return Fail(ErrorCode::kConfiguration, path + " is empty");
  return Ok();
}

// Appends `line` with its values; false, and nothing, if it has placeholders and all are empty.
bool RenderLine(std::string_view line, const TemplateValues& values, std::string& out) {
  std::string rendered;
  bool asked = false;
  bool filled = false;
  std::size_t at = 0;
  while (true) {
    const std::size_t start = line.find(kOpening, at);
    rendered.append(line.substr(at, start == std::string_view::npos ? start : start - at));
    if (start == std::string_view::npos) break;
    const std::size_t end = line.find(kClosing, start);
    CHECK(end != std::string_view::npos);
    const auto value = values.find(line.substr(start + 2, end - start - 2));
    asked = true;
    if (value != values.end() && !value->second.empty()) {
      filled = true;
      rendered.append(value->second);
    }
    at = end + kClosing.size();
  }
  if (asked && !filled) return false;
  out.append(rendered);
  return true;
}

std::string RenderAll(std::string_view text, const TemplateValues& values) {
  std::string out;
  while (!text.empty()) {
    if (RenderLine(TakeLine(text), values, out)) out += '\n';
  }
  return out;
}

}  // namespace

Templates Templates::BuiltIn(NoticeLanguage language) {
  Templates templates(language);
  for (const Known& known : KnownTemplates()) {
    const std::string_view text = BuiltInTemplate(language, known.name);
    CHECK(CheckTemplate(text, known, std::string(known.name)).ok());
    templates.texts_.emplace(known.name, text);
  }
  return templates;
}

Result<Templates> Templates::Load(NoticeLanguage language, const std::string& folder) {
  Templates templates = BuiltIn(language);
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::filesystem::path path = entry->path();
    if (path.extension() != ".txt") continue;
    const Known* known = FindKnown(path.stem().string());
    if (known == nullptr) {
      std::string allowed;
      for (const Known& one : KnownTemplates()) {
        allowed.append(allowed.empty() ? "" : ", ").append(one.name).append(".txt");
      }
      return Fail(ErrorCode::kConfiguration,
                  path.string() + " is no template; allowed are " + allowed);
    }
    EDCSYNC_ASSIGN(std::string text, ReadFile(path.string(), kFileBytesMax));
    std::erase(text, '\r');  // Of an editor that ends lines with CR LF.
    EDCSYNC_TRY(CheckTemplate(text, *known, path.string()));
    templates.texts_.insert_or_assign(std::string(known->name), std::move(text));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(ErrorCode::kIo, folder + ": " + error.message());
  }
  return templates;
}

std::string Templates::Render(std::string_view name, const TemplateValues& values) const {
  const auto text = texts_.find(name);
  CHECK(text != texts_.end());
  return RenderAll(text->second, values);
}

std::string Templates::RenderSubject(std::string_view name, const TemplateValues& values) const {
  const auto found = texts_.find(name);
  CHECK(found != texts_.end());
  std::string_view text = found->second;
  std::string subject;
  RenderLine(TakeLine(text), values, subject);
  return subject;
}

std::string Templates::RenderText(std::string_view name, const TemplateValues& values) const {
  const auto found = texts_.find(name);
  CHECK(found != texts_.end());
  std::string_view text = found->second;
  TakeLine(text);
  return RenderAll(text, values);
}

}  // namespace edcsync::central
