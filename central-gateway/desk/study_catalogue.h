// The studies' definitions and settings as the desk shows them, read from the store once and again
// only when the registry has changed. Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "central-gateway/store/central_store.h"
#include "shared/model/study_definition.h"

namespace edcsync::central {

struct CatalogueStudy {
  StudyOID study;
  std::string name;
  std::vector<StudyDefinition> definitions;  // Oldest import first; at least one.
  std::set<ItemOID> blinded_items;
  std::string reasons;  // JSON, never empty: the study's, else the desk's own.
  ResolutionMode resolution = ResolutionMode::kCentral;
  std::string resolution_rule;

  // Of this metadata version, else the newest.
  const StudyDefinition& Definition(const MetaDataVersionOID& version) const;
  const StudyDefinition& newest() const { return definitions.back(); }
};

using Catalogue = std::map<StudyOID, CatalogueStudy>;

class StudyCatalogue {
 public:
  // As of the reader's snapshot.
  Result<std::shared_ptr<const Catalogue>> Get(CentralReader& reader);

 private:
  std::mutex mutex_;
  std::shared_ptr<const Catalogue> catalogue_;
  std::uint64_t generation_ = 0;
};

// What a decision's reason may be where a study has no list of its own (JSON, as in StudySettings).
std::string_view DefaultReasons();

}  // namespace edcsync::central
