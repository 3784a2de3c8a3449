// The keys of CDISC ODM 1.3.2 (section 3.1.4) and the RecordKey that names one CRF form instance.
// A RecordKey is written STUDY/SUBJECT/EVENT[:REPEAT]/FORM[:REPEAT], each part percent-encoded
// (RFC 3986 unreserved characters stay); a repeat key of "1" is left out.
#pragma once

#include <string>
#include <string_view>
#include <tuple>

#include "shared/base/status.h"
#include "shared/base/strong.h"

namespace edcsync {

using StudyOID = StrongText<struct StudyOIDTag>;
using SiteOID = StrongText<struct SiteOIDTag>;  // ODM LocationOID of type "Site".
using SubjectKey = StrongText<struct SubjectKeyTag>;  // A pseudonym, never a name.
using StudyEventOID = StrongText<struct StudyEventOIDTag>;
using FormOID = StrongText<struct FormOIDTag>;
using ItemGroupOID = StrongText<struct ItemGroupOIDTag>;
using ItemOID = StrongText<struct ItemOIDTag>;
using MetaDataVersionOID = StrongText<struct MetaDataVersionOIDTag>;
using RepeatKey = StrongText<struct RepeatKeyTag>;

struct RecordKey {
  StudyOID study;
  SubjectKey subject;
  StudyEventOID event;
  RepeatKey event_repeat;
  FormOID form;
  RepeatKey form_repeat;

  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
  friend bool operator==(const RecordKey&, const RecordKey&) = default;
};

// "CDISCPILOT01/01-702-1082/SE.WEEK_2/F.VS"
std::string ToString(const RecordKey& key);

// The inverse. Fails with kMalformed and names the part at fault.
Result<RecordKey> ParseRecordKey(std::string_view text);

// kFieldInvalid if a part is empty, longer than limits.h allows, or not UTF-8 without control
// characters.
Status CheckRecordKey(const RecordKey& key);

// kFieldInvalid naming `field` unless `text` is 1..`bytes_max` bytes of UTF-8 without control
// characters.
Status CheckOid(std::string_view field, std::string_view text, std::size_t bytes_max);

}  // namespace edcsync

template <>
struct std::hash<edcsync::RecordKey> {
  std::size_t operator()(const edcsync::RecordKey& key) const noexcept;
};
