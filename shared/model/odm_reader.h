// Reads one MetaDataVersion out of the importer's tree. Internal to odm_import.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/model/odm_node.h"
#include "shared/model/study_definition.h"

namespace edcsync {

class OdmVersionReader {
 public:
  explicit OdmVersionReader(const XmlPlace& place) : place_(place) {}

  // Returns what `version`, a MetaDataVersion of `study`, holds itself: its Include is the
  // caller's to merge, before CheckReferences().
  Result<StudyDefinition> Read(const OdmNode& study, const OdmNode& version);

  // Fails with kStudyDefinition if a reference met in Read() is not defined in `definition`.
  Status CheckReferences(const StudyDefinition& definition) const;

 private:
  // Looked up once the whole version is read.
  struct PendingReference {
    std::string_view target;  // The element that must define it.
    std::string oid;
    std::size_t offset;
  };

  Status ReadRefs(const OdmNode& node, std::string_view element, std::string_view attribute,
                  std::string_view target, RefTable& out);
  Status ReadDefinition(const OdmNode& node, StudyDefinition& out);
  Status ReadItem(const OdmNode& node, StudyDefinition& out);
  Status ReadCodeList(const OdmNode& node, StudyDefinition& out) const;
  Status ReadUnit(const OdmNode& node, StudyDefinition& out) const;

  const XmlPlace& place_;
  std::vector<PendingReference> references_;
};

// An OID attribute of `node`: 1 to limits::kOidBytesMax bytes, or kMalformed.
Result<std::string> ReadOid(const XmlPlace& place, const OdmNode& node, std::string_view attribute);

}  // namespace edcsync
