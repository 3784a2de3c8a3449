#include "shared/model/submission.h"

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "shared/base/limits.h"

namespace edcsync {
namespace {

// The fields that hold text, as they came.
struct TextFields {
  std::string study, site, subject, event, form, metadata_version, base_revision, user, reason;
  std::string event_repeat = "1";
  std::string form_repeat = "1";
};

struct TextField {
  std::string_view name;
  std::string TextFields::*member;
  bool required;
};
constexpr std::array kTextFields = {
    TextField{"studyOID", &TextFields::study, true},
    TextField{"siteOID", &TextFields::site, true},
    TextField{"subjectKey", &TextFields::subject, true},
    TextField{"studyEventOID", &TextFields::event, true},
    TextField{"studyEventRepeatKey", &TextFields::event_repeat, false},
    TextField{"formOID", &TextFields::form, true},
    TextField{"formRepeatKey", &TextFields::form_repeat, false},
    TextField{"metaDataVersionOID", &TextFields::metadata_version, false},
    TextField{"baseRevisionId", &TextFields::base_revision, false},
    TextField{"user", &TextFields::user, false},
    TextField{"reasonForChange", &TextFields::reason, false},
};

// Takes nlohmann's events and refuses at the first that does not belong where it stands, so
// nothing is built that is not kept and nesting ends at the depth of the form.
class SubmissionReader {
 public:
  Status status;
  TextFields text;
  FormItems items;
  bool remove = false;
  std::set<std::string, std::less<>> seen;  // Fields of the submission.

  bool null() {
    if (place_ == Place::kItems) return AddItem(std::nullopt);
    return Misplaced();
  }
  bool boolean(bool value) {
    if (place_ == Place::kSubmission && field_ == "remove" && value) return remove = true;
    return Misplaced();
  }
  bool number_integer(std::int64_t) { return Misplaced(); }
  bool number_unsigned(std::uint64_t) { return Misplaced(); }
  bool number_float(double, const std::string&) { return Misplaced(); }
  bool binary(nlohmann::json::binary_t&) { return Misplaced(); }

  bool string(std::string& value) {
    switch (place_) {
      case Place::kSubmission:
        for (const TextField& field : kTextFields) {
          if (field.name != field_) continue;
          text.*field.member = std::move(value);
          return true;
        }
        return Misplaced();
      case Place::kGroup:
        if (field_ == "items") return Misplaced();
        (field_ == "itemGroupOID" ? group_oid_ : group_repeat_) = std::move(value);
        return true;
      case Place::kItems: return AddItem(std::move(value));
      default: return Misplaced();
    }
  }

  bool start_object(std::size_t) {
    if (place_ == Place::kStart) return Enter(Place::kSubmission);
    if (place_ == Place::kGroup && field_ == "items") return Enter(Place::kItems);
    if (place_ != Place::kGroups) return Misplaced();
    group_seen_.clear();
    group_oid_.clear();
    group_repeat_ = "1";
    values_.clear();
    return Enter(Place::kGroup);
  }
  bool end_object() {
    if (place_ == Place::kItems) return Enter(Place::kGroup);
    if (place_ == Place::kSubmission) return Enter(Place::kEnd);
    place_ = Place::kGroups;
    return AddGroup();
  }
  bool start_array(std::size_t) {
    if (place_ == Place::kSubmission && field_ == "itemGroups") return Enter(Place::kGroups);
    return Misplaced();
  }
  bool end_array() {
    place_ = Place::kSubmission;
    return true;
  }

  bool key(std::string& name) {
    field_ = std::move(name);
    if (place_ == Place::kItems) return true;
    if (!IsKnownField()) return Refuse(ErrorCode::kFieldInvalid, Named() + " is no known field");
    auto& seen_here = place_ == Place::kGroup ? group_seen_ : seen;
    if (seen_here.insert(field_).second) return true;
    return Refuse(ErrorCode::kFieldInvalid, Named() + " occurs twice");
  }

  // The library's own text is not passed on: it quotes what it last read, a value perhaps.
  bool parse_error(std::size_t offset, const std::string&, const nlohmann::json::exception&) {
    return Refuse(ErrorCode::kMalformed,
                  "The submission is not JSON at byte " + std::to_string(offset));
  }

 private:
  enum class Place { kStart, kSubmission, kGroups, kGroup, kItems, kEnd };

  bool Enter(Place place) {
    place_ = place;
    return true;
  }
  bool Refuse(ErrorCode code, std::string message) {
    if (status.ok()) status = Fail(code, std::move(message));
    return false;
  }
  // The field in question, for a message; a name too long to be one is not repeated.
  std::string Named() const {
    if (field_.size() > limits::kOidBytesMax) return "A field with an overlong name";
    return field_;
  }
  bool Misplaced() {
    switch (place_) {
      case Place::kStart: return Refuse(ErrorCode::kMalformed, "A submission is a JSON object");
      case Place::kGroups:
        return Refuse(ErrorCode::kFieldInvalid, "itemGroups must hold objects only");
      case Place::kItems:
        return Refuse(ErrorCode::kFieldInvalid,
                      "The value of " + Named() + " must be text or null");
      default: break;
    }
    if (field_ == "itemGroups") {
      return Refuse(ErrorCode::kFieldInvalid, "itemGroups must be an array");
    }
    if (field_ == "items") return Refuse(ErrorCode::kFieldInvalid, "items must be an object");
    if (field_ == "remove") {
      return Refuse(ErrorCode::kFieldInvalid, "remove must be true or left out");
    }
    return Refuse(ErrorCode::kFieldInvalid, Named() + " must be text");
  }
  bool IsKnownField() const {
    if (place_ == Place::kGroup) {
      return field_ == "itemGroupOID" || field_ == "itemGroupRepeatKey" || field_ == "items";
    }
    if (field_ == "itemGroups" || field_ == "remove") return true;
    for (const TextField& field : kTextFields) {
      if (field.name == field_) return true;
    }
    return false;
  }
  bool AddItem(ItemValue value) {
    if (++item_count_ > limits::kItemCountMax) {
      return Refuse(ErrorCode::kTooLarge, "More than " + std::to_string(limits::kItemCountMax) +
                                              " items in one form");
    }
    if (values_.emplace(ItemOID(field_), std::move(value)).second) return true;
    return Refuse(ErrorCode::kFieldInvalid, "The item " + Named() + " occurs twice in its group");
  }
  bool AddGroup() {
    for (const std::string_view name : {"itemGroupOID", "items"}) {
      if (group_seen_.contains(name)) continue;
      return Refuse(ErrorCode::kFieldMissing, "An item group lacks " + std::string(name));
    }
    if (items.size() == limits::kItemGroupCountMax) {
      return Refuse(ErrorCode::kTooLarge,
                    "More than " + std::to_string(limits::kItemGroupCountMax) +
                        " item groups in one form");
    }
    if (values_.empty()) return true;  // Says nothing of the patient; left out.
    const ItemGroupKey group{ItemGroupOID(group_oid_), RepeatKey(group_repeat_)};
    if (items.emplace(group, std::move(values_)).second) return true;
    field_ = group_oid_;
    return Refuse(ErrorCode::kFieldInvalid, "The item group " + Named() +
                                                " occurs twice with the same repeat key");
  }

  Place place_ = Place::kStart;
  std::string field_;  // The last key read.
  std::set<std::string, std::less<>> group_seen_;
  std::string group_oid_;
  std::string group_repeat_;
  std::map<ItemOID, ItemValue> values_;
  std::size_t item_count_ = 0;
};

Status CheckSubmission(const Submission& submission) {
  EDCSYNC_TRY(CheckRecordKey(submission.key));
  EDCSYNC_TRY(CheckOid("siteOID", submission.site.str(), limits::kOidBytesMax));
  if (!submission.metadata_version.empty()) {
    EDCSYNC_TRY(CheckOid("metaDataVersionOID", submission.metadata_version.str(),
                         limits::kOidBytesMax));
  }
  if (!submission.user.empty()) {
    EDCSYNC_TRY(CheckOid("user", submission.user, limits::kUserBytesMax));
  }
  if (submission.reason_for_change.size() > limits::kReasonBytesMax) {
    return Fail(ErrorCode::kTooLarge, "reasonForChange is longer than " +
                                          std::to_string(limits::kReasonBytesMax) + " bytes");
  }
  if (submission.remove && !submission.items.empty()) {
    return Fail(ErrorCode::kFieldInvalid, "remove goes with no itemGroups");
  }
  return CheckFormItems(submission.items);
}

}  // namespace

Result<Submission> ParseSubmission(std::string_view json) {
  if (json.size() > limits::kSubmissionBytesMax) {
    return Fail(ErrorCode::kTooLarge, "A submission is larger than " +
                                          std::to_string(limits::kSubmissionBytesMax) + " bytes");
  }
  SubmissionReader reader;
  const bool read = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  EDCSYNC_TRY(reader.status);
  if (!read) return Fail(ErrorCode::kMalformed, "The submission is not JSON");
  for (const TextField& field : kTextFields) {
    if (!field.required || reader.seen.contains(field.name)) continue;
    return Fail(ErrorCode::kFieldMissing, std::string(field.name) + " is missing");
  }
  if (!reader.seen.contains("itemGroups") && !reader.remove) {
    return Fail(ErrorCode::kFieldMissing, "itemGroups is missing");
  }
  TextFields& text = reader.text;
  Submission submission;
  submission.key = {StudyOID(std::move(text.study)),    SubjectKey(std::move(text.subject)),
                    StudyEventOID(std::move(text.event)), RepeatKey(std::move(text.event_repeat)),
                    FormOID(std::move(text.form)),      RepeatKey(std::move(text.form_repeat))};
  submission.site = SiteOID(std::move(text.site));
  submission.items = std::move(reader.items);
  submission.remove = reader.remove;
  submission.metadata_version = MetaDataVersionOID(std::move(text.metadata_version));
  submission.user = std::move(text.user);
  submission.reason_for_change = std::move(text.reason);
  if (reader.seen.contains("baseRevisionId")) {
    submission.base_revision = RevisionIdFromHex(text.base_revision);
    if (!submission.base_revision) {
      return Fail(ErrorCode::kFieldInvalid, "baseRevisionId is not 64 hexadecimal digits");
    }
  }
  EDCSYNC_TRY(CheckSubmission(submission));
  return submission;
}

}  // namespace edcsync
