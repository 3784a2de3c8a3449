// The queue's query string: filters, order and place (schema/api/central-gateway.openapi.yaml,
// listConflicts).
#pragma once

#include "central-gateway/desk/queue_view.h"
#include "shared/http/http_message.h"

namespace edcsync::central {

// kFieldInvalid names the parameter at fault.
Result<QueueRequest> ParseQueueRequest(const HttpRequest& request, const Viewer& viewer,
                                       const DueTimes& due_times, WallTime now);

}  // namespace edcsync::central
