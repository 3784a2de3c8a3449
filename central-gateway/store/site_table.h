// Tables `site` and `subject`: small numbers for site OIDs, and the site each subject belongs to.
//
// Both only grow, so what was read stays true; the writer forgets what it cached when one of its
// works was rolled back. Threads: as its Database.
#pragma once

#include <optional>
#include <unordered_map>

#include "shared/model/odm_keys.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class SiteTable {
 public:
  static constexpr std::int64_t kEverySite = 0;  // The number of the empty OID.

  explicit SiteTable(Database& database) : database_(database) {}

  // The number of `site`, or nullopt.
  Result<std::optional<std::int64_t>> Find(const SiteOID& site);
  // The number of `site`; a new one if need be.
  Result<std::int64_t> NumberOf(const SiteOID& site);
  // kCorrupt if there is none: the number was read from this database.
  Result<SiteOID> OidOf(std::int64_t number);

  Result<std::optional<SiteOID>> SiteOfSubject(const StudyOID& study, const SubjectKey& subject);
  // Binds a new subject to `site`. kWrongSite if it belongs to another.
  Status BindSubject(const StudyOID& study, const SubjectKey& subject, const SiteOID& site);

  void Forget();

 private:
  // Past this the cache starts anew: about 10 MB.
  static constexpr std::size_t kSubjectCountMax = 100'000;

  Database& database_;
  std::unordered_map<SiteOID, std::int64_t> numbers_;
  std::unordered_map<std::int64_t, SiteOID> oids_;
  std::unordered_map<std::string, std::int64_t> subjects_;  // "study\nsubject".
};

}  // namespace edcsync::central
