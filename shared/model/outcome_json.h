// A capture outcome as the API and the commands print it:
//   {"outcome":"captured","version":2,"revisionId":"...","sequence":17}
//   {"outcome":"refused","reasons":[{"code":105,"name":"reason_required","message":"...",
//    "advice":"..."}]}
#pragma once

#include "shared/model/draft.h"

namespace edcsync {

std::string FormatOutcome(const CaptureOutcome& outcome);

}  // namespace edcsync
