#include "central-gateway/merge/registry_cache.h"

#include "shared/base/log.h"
#include "shared/model/odm_import.h"
#include "shared/model/value_check.h"

namespace edcsync::central {

Status RegistryCache::Refresh(CentralReader& reader) {
  EDCSYNC_ASSIGN(const std::uint64_t generation, reader.RegistryGeneration());
  if (known_ && generation == generation_) return Ok();
  EDCSYNC_ASSIGN(locks_, reader.ListLocks());
  EDCSYNC_ASSIGN(const std::vector<StudyRow> rows, reader.ListStudies(/*with_xml=*/true));
  studies_.clear();
  for (const StudyRow& row : rows) {
    auto imported = ImportOdm(row.odm_xml);
    if (!imported.ok()) return tl::unexpected<Error>(imported.error());
    for (StudyDefinition& definition : *imported) {
      if (definition.study_oid != row.study.str() ||
          definition.metadata_version_oid != row.metadata_version.str()) {
        continue;
      }
      studies_.push_back({row.study, row.metadata_version,
                          std::make_unique<StudyDefinition>(std::move(definition))});
    }
  }
  generation_ = generation;
  known_ = true;
  return Ok();
}

bool RegistryCache::Locks(const RecordKey& key, const SiteOID& site) const {
  for (const LockRow& lock : locks_) {
    if (lock.study != key.study) continue;
    switch (lock.scope) {
      case LockScope::kStudy: return true;
      case LockScope::kSite:
        if (lock.object == site.str()) return true;
        break;
      case LockScope::kSubject:
        if (lock.object == key.subject.str()) return true;
        break;
      case LockScope::kForm:
        if (lock.object == ToString(key)) return true;
        break;
    }
  }
  return false;
}

const StudyDefinition* RegistryCache::DefinitionFor(const Revision& revision) const {
  const StudyDefinition* latest = nullptr;
  for (const Study& study : studies_) {
    if (study.study != revision.key.study) continue;
    latest = study.definition.get();
    if (study.version == revision.metadata_version) return latest;
  }
  return latest;
}

RegistryCache::Verdict RegistryCache::Judge(const Revision& revision) const {
  Verdict verdict;
  const StudyDefinition* definition = DefinitionFor(revision);
  if (definition == nullptr) return verdict;
  const std::string& form = revision.key.form.str();
  if (!definition->KnowsForm(form)) {
    verdict.unknown = "The study's definition has no form " + form;
    return verdict;
  }
  for (const auto& [group, values] : revision.items) {
    if (!definition->KnowsItemGroup(form, group.oid.str())) {
      verdict.unknown = "Form " + form + " has no item group " + group.oid.str();
      return verdict;
    }
    const ItemGroupDef* known = definition->item_groups.Find(group.oid.str());
    for (const auto& [item, value] : values) {
      if (known == nullptr || !known->items.Contains(item.str())) {
        verdict.unknown = "Item group " + group.oid.str() + " has no item " + item.str();
        return verdict;
      }
      if (!value) continue;
      const auto why = Nonconformance(*definition, item.str(), *value);
      if (!why) continue;
      if (!verdict.nonconformance.empty()) verdict.nonconformance += "; ";
      verdict.nonconformance += ToString(ItemPath{group, item}) + ": " + *why;
    }
  }
  return verdict;
}

}  // namespace edcsync::central
