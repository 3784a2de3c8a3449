// Reads study definitions out of an ODM 1.3 file. The file comes from outside: every bound is
// checked before memory is taken, and a file that does not hold together is refused whole, with
// the line and the reason, so that it is mended where it was made.
//
//   called by   the gateway's and the edge's study import; both keep the XML text and call again
//   mapping     schema/odm-mapping.md
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/model/study_definition.h"

namespace edcsync {

inline constexpr std::size_t kOdmBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kOdmDepthMax = 64;  // ODM itself needs 12.
// A node takes up to 200 bytes while it is read; a study build of 64 MiB holds about 3 million.
inline constexpr std::size_t kOdmNodeCountMax = 5'000'000;
// Versions of one study share its units and may include one another, so that a small file can
// stand for large definitions: (versions + Includes - 1) x the file's size stays below this.
inline constexpr std::size_t kOdmExpandedBytesMax = 512 * 1024 * 1024;

// Returns every MetaDataVersion of every Study of the file, in the file's order, Includes merged;
// at least one. Data, administrative data and vendor extensions are passed over.
// Fails with
//   kMalformed        not XML, not ODM's grammar or letter case, a missing or senseless attribute
//   kStudyDefinition  another ODM version, no MetaDataVersion, an OID defined twice or not at all,
//                     an Include of a version that is not in the file
//   kTooLarge         past a bound above
Result<std::vector<StudyDefinition>> ImportOdm(std::string_view xml);

}  // namespace edcsync
