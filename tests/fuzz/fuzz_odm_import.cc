// A study build from outside. What is taken holds together: every reference names a definition
// within the OIDs' bound, and the same text gives the same again; what is refused says so in a
// short UTF-8 sentence. That memory stays bounded is held by libFuzzer's -malloc_limit_mb.
#include "shared/base/bytes.h"
#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/model/odm_import.h"

namespace {

using edcsync::StudyDefinition;

constexpr std::size_t kMessageBytesMax = 2048;

template <class Table>
void CheckRefs(const edcsync::RefTable& refs, const Table& targets) {
  for (const edcsync::DefinitionRef& ref : refs) CHECK(targets.Find(ref.oid) != nullptr);
}

template <class Table>
void CheckOids(const Table& table) {
  for (const auto& entry : table) {
    CHECK(!entry.oid.empty() && entry.oid.size() <= edcsync::limits::kOidBytesMax);
    CHECK(table.Find(entry.oid) == &entry);
  }
}

void CheckDefinition(const StudyDefinition& study) {
  CHECK(!study.study_oid.empty() && !study.metadata_version_oid.empty());
  CheckOids(study.study_events);
  CheckOids(study.forms);
  CheckOids(study.item_groups);
  CheckOids(study.items);
  CheckOids(study.code_lists);
  CheckOids(study.measurement_units);
  CheckRefs(study.protocol, study.study_events);
  for (const auto& event : study.study_events) CheckRefs(event.forms, study.forms);
  for (const auto& form : study.forms) CheckRefs(form.item_groups, study.item_groups);
  for (const auto& group : study.item_groups) CheckRefs(group.items, study.items);
  for (const auto& item : study.items) {
    for (const auto& unit : item.measurement_unit_oids) {
      CHECK(study.measurement_units.Find(unit) != nullptr);
    }
    CHECK(item.code_list_oid.empty() || study.code_lists.Find(item.code_list_oid) != nullptr);
    CHECK(edcsync::IsUtf8(item.name));
    for (const auto& [language, text] : item.question) {
      CHECK(edcsync::IsUtf8(language) && edcsync::IsUtf8(text));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string xml(reinterpret_cast<const char*>(data), size);
  const auto studies = edcsync::ImportOdm(xml);
  const auto again = edcsync::ImportOdm(xml);
  CHECK(studies.ok() == again.ok());
  if (!studies.ok()) {
    CHECK(edcsync::IsUtf8(studies.error().message));
    CHECK(studies.error().message.size() <= kMessageBytesMax);
    CHECK(studies.error().message == again.error().message);
    return 0;
  }
  CHECK(!studies->empty() && studies->size() == again->size());
  for (std::size_t i = 0; i < studies->size(); ++i) {
    CheckDefinition((*studies)[i]);
    CHECK((*studies)[i].items.size() == (*again)[i].items.size());
  }
  return 0;
}
