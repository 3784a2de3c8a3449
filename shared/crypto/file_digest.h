// SHA-256 of a file of any size, read in pieces.
#pragma once

#include <string>

#include "shared/base/ids.h"
#include "shared/base/status.h"

namespace edcsync {

// Fails with kNotFound, kIo.
Result<Digest> Sha256OfFile(const std::string& path);

}  // namespace edcsync
