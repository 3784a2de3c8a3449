#include "central-gateway/store/study_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {

Result<std::vector<StudyRow>> StudyTable::List(bool with_xml) {
  Statement statement = database_.Prepare(
      "SELECT study_oid, metadata_version, name, imported_at_ms, "
      "CASE WHEN ?1 THEN odm_xml ELSE '' END FROM study ORDER BY imported_at_ms, study_rowid");
  statement.Bind(1, std::int64_t{with_xml});
  std::vector<StudyRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    StudyRow row;
    row.study = StudyOID(statement.Text(0));
    row.metadata_version = MetaDataVersionOID(statement.Text(1));
    row.name = TextAt(statement, 2);
    row.imported_at.ms = statement.Int(3);
    row.odm_xml = TextAt(statement, 4);
    rows.push_back(std::move(row));
  }
}

Status StudyTable::Put(const StudyRow& study) {
  Statement statement = database_.Prepare(
      "INSERT INTO study (study_oid, metadata_version, name, imported_at_ms, odm_xml) "
      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (study_oid, metadata_version) DO UPDATE SET "
      "name = excluded.name, imported_at_ms = excluded.imported_at_ms, "
      "odm_xml = excluded.odm_xml");
  statement.Bind(1, study.study.str())
      .Bind(2, study.metadata_version.str())
      .Bind(3, study.name)
      .Bind(4, study.imported_at.ms)
      .Bind(5, study.odm_xml);
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<MergePolicy> StudyTable::PolicyFor(const StudyOID& study, const FormOID& form) {
  Statement statement = database_.Prepare(
      "SELECT policy FROM policy WHERE study_oid = ?1 AND form_oid IN (?2, '') "
      "ORDER BY form_oid DESC LIMIT 1");
  statement.Bind(1, study.str()).Bind(2, form.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return MergePolicy::kFlag;
  return static_cast<MergePolicy>(statement.Int(0));
}

Result<std::vector<CentralReader::PolicyRow>> StudyTable::ListPolicies() {
  Statement statement = database_.Prepare(
      "SELECT study_oid, form_oid, policy FROM policy ORDER BY study_oid, form_oid");
  std::vector<CentralReader::PolicyRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back({StudyOID(statement.Text(0)), FormOID(statement.Text(1)),
                    static_cast<MergePolicy>(statement.Int(2))});
  }
}

Status StudyTable::PutPolicy(const CentralReader::PolicyRow& policy) {
  Statement statement = database_.Prepare(
      "INSERT INTO policy (study_oid, form_oid, policy) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (study_oid, form_oid) DO UPDATE SET policy = excluded.policy");
  statement.Bind(1, policy.study.str()).Bind(2, policy.form.str()).Bind(3, Number(policy.policy));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<std::vector<StudySettings>> StudyTable::ListSettings() {
  Statement statement = database_.Prepare(
      "SELECT study_oid, blinded_items, reasons, resolution, resolution_rule FROM study_setting "
      "ORDER BY study_oid");
  std::vector<StudySettings> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    StudySettings settings;
    settings.study = StudyOID(statement.Text(0));
    for (std::string& item : SplitLines(statement.Text(1))) {
      settings.blinded_items.emplace_back(std::move(item));
    }
    settings.reasons = TextAt(statement, 2);
    settings.resolution = static_cast<ResolutionMode>(statement.Int(3));
    settings.resolution_rule = TextAt(statement, 4);
    rows.push_back(std::move(settings));
  }
}

Status StudyTable::PutSettings(const StudySettings& settings) {
  std::vector<std::string> items;
  for (const ItemOID& item : settings.blinded_items) items.push_back(item.str());
  const std::string lines = JoinLines(items);
  Statement statement = database_.Prepare(
      "INSERT INTO study_setting (study_oid, blinded_items, reasons, resolution, resolution_rule) "
      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (study_oid) DO UPDATE SET blinded_items = ?2, "
      "reasons = ?3, resolution = ?4, resolution_rule = ?5");
  statement.Bind(1, settings.study.str()).Bind(2, lines).Bind(3, settings.reasons);
  statement.Bind(4, Number(settings.resolution));
  EDCSYNC_TRY(statement.Bind(5, settings.resolution_rule).Run());
  return Ok();
}

}  // namespace edcsync::central
