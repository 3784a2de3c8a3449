// Tables `study`, `policy` and `study_setting`: the study definitions imported, what the gateway may
// settle by itself, and what a study has agreed on for the desk. Threads: as its Database.
#pragma once

#include "central-gateway/store/central_store.h"
#include "shared/storage/database.h"

namespace edcsync::central {

class StudyTable {
 public:
  explicit StudyTable(Database& database) : database_(database) {}

  Result<std::vector<StudyRow>> List(bool with_xml);  // In the order of their import.
  Status Put(const StudyRow& study);

  // The form's own policy, else its study's, else kFlag.
  Result<MergePolicy> PolicyFor(const StudyOID& study, const FormOID& form);
  Result<std::vector<CentralReader::PolicyRow>> ListPolicies();
  Status PutPolicy(const CentralReader::PolicyRow& policy);

  Result<std::vector<StudySettings>> ListSettings();
  Status PutSettings(const StudySettings& settings);

 private:
  Database& database_;
};

}  // namespace edcsync::central
