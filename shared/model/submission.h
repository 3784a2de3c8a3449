// A submission is one CRF form as the site's front end (or an online editor) hands it over, in
// JSON; also the form of every export. Field names are fixed: scripts rely on them.
//   {"studyOID","siteOID","subjectKey","studyEventOID","studyEventRepeatKey"?,"formOID",
//    "formRepeatKey"?,"itemGroups":[{"itemGroupOID","itemGroupRepeatKey"?,
//    "items":{ItemOID: "value"|null}}],"metaDataVersionOID"?,"baseRevisionId"?,"user"?,
//    "reasonForChange"?,"remove"?:true}                      (a repeat key left out is "1")
// Bytes are kept verbatim; an unknown field, a field twice, a number where text belongs, an item
// or item group twice, text that is not UTF-8: each is refused and named, never guessed. An item
// group without items says nothing and is left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/model/revision.h"

namespace edcsync {

struct Submission {
  RecordKey key;
  SiteOID site;
  FormItems items;
  bool remove = false;
  MetaDataVersionOID metadata_version;
  std::optional<RevisionId> base_revision;
  std::string user;
  std::string reason_for_change;
};

// One JSON object. kMalformed (not JSON: offset), kFieldMissing, kFieldInvalid, kTooLarge.
Result<Submission> ParseSubmission(std::string_view json);

// The texts of the single submissions in a body: one object, an array of objects, or NDJSON
// (blank lines passed over). kMalformed if the body is none of them as a whole; a single bad
// submission is found by ParseSubmission, so that the others pass.
Result<std::vector<std::string>> SplitSubmissions(std::string_view body);

// The submission that would make `revision` (without baseRevisionId): one line without a line
// break. With `history`, also "revisionId","version","parents","origin","edgeId","editedAt"
// (local time with offset), "editedAtCounter","clockDriftMs","current" (bool).
struct HistoryFields {
  RevisionId id;
  bool current = false;
};
std::string FormatSubmission(const Revision& revision,
                             const std::optional<HistoryFields>& history);

}  // namespace edcsync
