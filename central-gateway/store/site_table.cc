#include "central-gateway/store/site_table.h"

namespace edcsync::central {
namespace {

// No ODM key holds a control character.
std::string SubjectName(const StudyOID& study, const SubjectKey& subject) {
  std::string name;
  name.reserve(study.str().size() + 1 + subject.str().size());
  return name.append(study.str()).append(1, '\n').append(subject.str());
}

}  // namespace

Result<std::optional<std::int64_t>> SiteTable::Find(const SiteOID& site) {
  const auto known = numbers_.find(site);
  if (known != numbers_.end()) return std::optional(known->second);
  Statement statement = database_.Prepare("SELECT site_id FROM site WHERE site_oid = ?1");
  statement.Bind(1, site.str());
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<std::int64_t>();
  const std::int64_t number = statement.Int(0);
  numbers_.emplace(site, number);
  oids_.emplace(number, site);
  return std::optional(number);
}

Result<std::int64_t> SiteTable::NumberOf(const SiteOID& site) {
  EDCSYNC_ASSIGN(const std::optional<std::int64_t> known, Find(site));
  if (known) return *known;
  Statement statement = database_.Prepare("INSERT INTO site (site_oid) VALUES (?1)");
  EDCSYNC_TRY(statement.Bind(1, site.str()).Run());
  const std::int64_t number = database_.LastInsertRowId();
  numbers_.emplace(site, number);
  oids_.emplace(number, site);
  return number;
}

Result<SiteOID> SiteTable::OidOf(std::int64_t number) {
  const auto known = oids_.find(number);
  if (known != oids_.end()) return known->second;
  Statement statement = database_.Prepare("SELECT site_oid FROM site WHERE site_id = ?1");
  statement.Bind(1, number);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) {
    return Fail(ErrorCode::kCorrupt, "there is no site " + std::to_string(number));
  }
  SiteOID site(statement.Text(0));
  oids_.emplace(number, site);
  return site;
}

Result<std::optional<SiteOID>> SiteTable::SiteOfSubject(const StudyOID& study,
                                                        const SubjectKey& subject) {
  std::string name = SubjectName(study, subject);
  const auto known = subjects_.find(name);
  std::int64_t number = 0;
  if (known != subjects_.end()) {
    number = known->second;
  } else {
    Statement statement = database_.Prepare(
        "SELECT site_id FROM subject WHERE study_oid = ?1 AND subject_key = ?2");
    statement.Bind(1, study.str()).Bind(2, subject.str());
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return std::optional<SiteOID>();
    number = statement.Int(0);
    if (subjects_.size() >= kSubjectCountMax) subjects_.clear();
    subjects_.emplace(std::move(name), number);
  }
  EDCSYNC_ASSIGN(SiteOID site, OidOf(number));
  return std::optional(std::move(site));
}

Status SiteTable::BindSubject(const StudyOID& study, const SubjectKey& subject,
                              const SiteOID& site) {
  EDCSYNC_ASSIGN(const std::optional<SiteOID> bound, SiteOfSubject(study, subject));
  if (bound) {
    if (*bound == site) return Ok();
    return Fail(ErrorCode::kWrongSite, "the subject belongs to another site");
  }
  EDCSYNC_ASSIGN(const std::int64_t number, NumberOf(site));
  if (number == kEverySite) return Fail(ErrorCode::kFieldInvalid, "a subject has no site");
  Statement statement = database_.Prepare(
      "INSERT INTO subject (study_oid, subject_key, site_id) VALUES (?1, ?2, ?3)");
  EDCSYNC_TRY(statement.Bind(1, study.str()).Bind(2, subject.str()).Bind(3, number).Run());
  subjects_.emplace(SubjectName(study, subject), number);
  return Ok();
}

void SiteTable::Forget() {
  numbers_.clear();
  oids_.clear();
  subjects_.clear();
}

}  // namespace edcsync::central
