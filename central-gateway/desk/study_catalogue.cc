#include "central-gateway/desk/study_catalogue.h"

#include "shared/base/check.h"
#include "shared/model/odm_import.h"

namespace edcsync::central {
namespace {

Result<Catalogue> ReadCatalogue(CentralReader& reader) {
  Catalogue catalogue;
  EDCSYNC_ASSIGN(const std::vector<StudyRow> rows, reader.ListStudies(/*with_xml=*/true));
  for (const StudyRow& row : rows) {
    EDCSYNC_ASSIGN(std::vector<StudyDefinition> imported, ImportOdm(row.odm_xml));
    for (StudyDefinition& definition : imported) {
      if (definition.study_oid != row.study.str() ||
          definition.metadata_version_oid != row.metadata_version.str()) {
        continue;
      }
      CatalogueStudy& study = catalogue[row.study];
      study.study = row.study;
      study.name = row.name;
      study.reasons = DefaultReasons();
      study.definitions.push_back(std::move(definition));
    }
  }
  EDCSYNC_ASSIGN(const std::vector<StudySettings> settings, reader.ListStudySettings());
  for (const StudySettings& setting : settings) {
    const auto found = catalogue.find(setting.study);
    if (found == catalogue.end()) continue;
    found->second.blinded_items = {setting.blinded_items.begin(), setting.blinded_items.end()};
    if (!setting.reasons.empty()) found->second.reasons = setting.reasons;
    found->second.resolution = setting.resolution;
    found->second.resolution_rule = setting.resolution_rule;
  }
  return catalogue;
}

}  // namespace

const StudyDefinition& CatalogueStudy::Definition(const MetaDataVersionOID& version) const {
  CHECK(!definitions.empty());
  for (const StudyDefinition& definition : definitions) {
    if (definition.metadata_version_oid == version.str()) return definition;
  }
  return newest();
}

Result<std::shared_ptr<const Catalogue>> StudyCatalogue::Get(CentralReader& reader) {
  EDCSYNC_ASSIGN(const std::uint64_t generation, reader.RegistryGeneration());
  {
    const std::lock_guard lock(mutex_);
    if (catalogue_ != nullptr && generation_ == generation) return catalogue_;
  }
  // Several may read at once after a change; the last one's stays.
  EDCSYNC_ASSIGN(Catalogue read, ReadCatalogue(reader));
  auto catalogue = std::make_shared<const Catalogue>(std::move(read));
  const std::lock_guard lock(mutex_);
  catalogue_ = catalogue;
  generation_ = generation;
  return catalogue;
}

std::string_view DefaultReasons() {
  return R"([
{"code":"source","text":{"en":"Confirmed against the source document","zh":"已与原始文件核对"}},
{"code":"latest","text":{"en":"The later entry corrects the earlier one","zh":"较晚的录入更正了较早的录入"}},
{"code":"site","text":{"en":"Confirmed by the site","zh":"已由研究中心确认"}},
{"code":"transcription","text":{"en":"Transcription error","zh":"转录错误"}},
{"code":"duplicate","text":{"en":"The same entry was made twice","zh":"同一内容重复录入"}},
{"code":"other","text":{"en":"Other","zh":"其他"}}])";
}

}  // namespace edcsync::central
