#include "shared/model/odm_keys.h"

#include <array>
#include <optional>

#include "shared/base/bytes.h"
#include "shared/base/limits.h"

namespace edcsync {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void AppendEncoded(std::string& out, std::string_view part) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : part) {
    if (IsUnreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

void AppendWithRepeat(std::string& out, std::string_view oid, std::string_view repeat) {
  out += '/';
  AppendEncoded(out, oid);
  if (repeat == "1") return;
  out += ':';
  AppendEncoded(out, repeat);
}

Result<std::string> Decode(std::string_view field, std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%') {
      text += part[i];
      continue;
    }
    const std::optional<Bytes> byte = FromHex(part.substr(i + 1, 2));
    if (!byte || byte->size() != 1) {
      return Fail(ErrorCode::kMalformed,
                  "The record key's " + std::string(field) + " has a broken percent escape");
    }
    text += static_cast<char>((*byte)[0]);
    i += 2;
  }
  return text;
}

struct WithRepeat {
  std::string oid;
  std::string repeat = "1";
};

Result<WithRepeat> DecodeWithRepeat(std::string_view field, std::string_view part) {
  WithRepeat result;
  const std::size_t colon = part.find(':');
  if (colon != std::string_view::npos) {
    EDCSYNC_ASSIGN(result.repeat, Decode(field, part.substr(colon + 1)));
    part = part.substr(0, colon);
  }
  EDCSYNC_ASSIGN(result.oid, Decode(field, part));
  return result;
}

}  // namespace

std::string ToString(const RecordKey& key) {
  std::string text;
  AppendEncoded(text, key.study.str());
  text += '/';
  AppendEncoded(text, key.subject.str());
  AppendWithRepeat(text, key.event.str(), key.event_repeat.str());
  AppendWithRepeat(text, key.form.str(), key.form_repeat.str());
  return text;
}

Result<RecordKey> ParseRecordKey(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t slash = text.find('/');
    if ((slash == std::string_view::npos) != (i + 1 == parts.size())) {
      return Fail(ErrorCode::kMalformed,
                  "A record key has four parts: STUDY/SUBJECT/EVENT[:REPEAT]/FORM[:REPEAT]");
    }
    parts[i] = text.substr(0, slash);
    text = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  }
  EDCSYNC_ASSIGN(std::string study, Decode("study", parts[0]));
  EDCSYNC_ASSIGN(std::string subject, Decode("subject", parts[1]));
  EDCSYNC_ASSIGN(WithRepeat event, DecodeWithRepeat("event", parts[2]));
  EDCSYNC_ASSIGN(WithRepeat form, DecodeWithRepeat("form", parts[3]));
  RecordKey key{StudyOID(study),         SubjectKey(subject), StudyEventOID(event.oid),
                RepeatKey(event.repeat), FormOID(form.oid),   RepeatKey(form.repeat)};
  EDCSYNC_TRY(CheckRecordKey(key));
  return key;
}

Status CheckOid(std::string_view field, std::string_view text, std::size_t bytes_max) {
  const auto fail = [&](const std::string& why) {
    return Fail(ErrorCode::kFieldInvalid, std::string(field) + " " + why);
  };
  if (text.empty()) return fail("is empty");
  if (text.size() > bytes_max) return fail("is longer than " + std::to_string(bytes_max) + " bytes");
  if (!IsUtf8(text)) return fail("is not UTF-8");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return fail("has a control character");
  }
  return Ok();
}

Status CheckRecordKey(const RecordKey& key) {
  EDCSYNC_TRY(CheckOid("studyOID", key.study.str(), limits::kOidBytesMax));
  EDCSYNC_TRY(CheckOid("subjectKey", key.subject.str(), limits::kSubjectKeyBytesMax));
  EDCSYNC_TRY(CheckOid("studyEventOID", key.event.str(), limits::kOidBytesMax));
  EDCSYNC_TRY(CheckOid("studyEventRepeatKey", key.event_repeat.str(), limits::kRepeatKeyBytesMax));
  EDCSYNC_TRY(CheckOid("formOID", key.form.str(), limits::kOidBytesMax));
  return CheckOid("formRepeatKey", key.form_repeat.str(), limits::kRepeatKeyBytesMax);
}

}  // namespace edcsync

std::size_t std::hash<edcsync::RecordKey>::operator()(
    const edcsync::RecordKey& key) const noexcept {
  std::size_t mixed = 0;
  for (const std::string* part : {&key.study.str(), &key.subject.str(), &key.event.str(),
                                  &key.event_repeat.str(), &key.form.str(),
                                  &key.form_repeat.str()}) {
    mixed = mixed * 1'000'003 + std::hash<std::string>{}(*part);
  }
  return mixed;
}
