// What a list of revoked certificates (RFC 5280, 5) says of itself. Threads: any.
#pragma once

#include <string_view>

#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync {

// When it ends (nextUpdate): a broker refuses everybody from then on. kCertificate if it is none.
Result<WallTime> RevocationListEnd(std::string_view pem);

}  // namespace edcsync
