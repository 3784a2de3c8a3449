// Do files and folders belong to the service's user, and are secrets nobody else's?
#pragma once

#include <string>

#include "shared/doctor/finding.h"

namespace edcsync::doctor {

// A folder that the service writes into: there, its owner's alone to write, on a file system that
// may be written.
Finding CheckFolder(const std::string& check, const std::string& folder);

// A file that only its owner may use, and whose owner is that of the folder `owner_of` (the
// service's user). `what` names it in a sentence ("The edge's private key"). Is not opened.
Finding CheckSecret(const std::string& check, const std::string& what, const std::string& path,
                    const std::string& owner_of);

}  // namespace edcsync::doctor
