// What the merge must know besides the record: study definitions and locks, read once and again
// only when RegistryGeneration shows a change by whichever process.
//
//   used by   central-gateway/merge/merger.h
//
// Threads: one at a time (the store's writer).
#pragma once

#include <memory>
#include <vector>

#include "central-gateway/store/central_store.h"
#include "shared/model/study_definition.h"

namespace edcsync::central {

class RegistryCache {
 public:
  // Reads anew if anything changed. Call once a work.
  Status Refresh(CentralReader& reader);
  // Forgets, so that the next Refresh reads: for works that change the registry themselves.
  void Forget() { known_ = false; }

  bool Locks(const RecordKey& key, const SiteOID& site) const;

  // What the study's definition says of a revision. A study without an imported definition
  // checks nothing: capture began before the build was imported, and no value may wait for it.
  struct Verdict {
    std::string unknown;         // The form, group or item the definition does not know; empty.
    std::string nonconformance;  // "IT.X: not an integer; ...", never a value; empty.
  };
  Verdict Judge(const Revision& revision) const;

 private:
  struct Study {
    StudyOID study;
    MetaDataVersionOID version;
    std::unique_ptr<StudyDefinition> definition;
  };
  const StudyDefinition* DefinitionFor(const Revision& revision) const;

  bool known_ = false;
  std::uint64_t generation_ = 0;
  std::vector<Study> studies_;  // Oldest import first.
  std::vector<LockRow> locks_;
};

}  // namespace edcsync::central
