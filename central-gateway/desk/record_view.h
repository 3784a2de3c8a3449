// Records as the desk's API shows them: searched by key and by item value, and one with its whole
// history. Threads: any.
#pragma once

#include "central-gateway/desk/form_view.h"

namespace edcsync::central {

struct RecordSearch {
  CentralReader::RecordFilter filter;
  std::string item;                // ItemOID; empty: any.
  std::string value;               // Part of a current value, whatever its case; empty: any.
  std::optional<RecordKey> after;  // nullopt: from the start.
  std::size_t count_max = 100;
};

// Records opened for one page of a search by value: values are sealed, so each is decrypted.
inline constexpr std::size_t kOpenedRecordsMax = 2000;

// {"records": [...]}; `next` is set to the key to go on after, nullopt at the end. A page of a
// search by value may be short and yet have a next. kFieldMissing for a value without a study.
Result<Json> SearchRecordsJson(CentralStore& store, StudyCatalogue& catalogue,
                               const Viewer& viewer, const RecordSearch& search,
                               std::optional<RecordKey>& next);

// kNotFound also for what the viewer may not see.
Result<Json> RecordDetailJson(CentralStore& store, StudyCatalogue& catalogue,
                              const Viewer& viewer, const RecordKey& key);

}  // namespace edcsync::central
