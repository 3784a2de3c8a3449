// The queue's query string: filters, order and place (schema/api/central-gateway.openapi.yaml,
// listConflicts).
#pragma once

#include "central-gateway/desk/queue_view.h"
#include "shared/http/http_message.h"

namespace edcsync::central {

// kFieldInvalid names the parameter at fault.
Result<QueueRequest> ParseQueueRequest(const HttpRequest& request, const Viewer& viewer,
                                       const DueTimes& due_times, WallTime now);

// 1 to `most`, `fallback` if not given.
Result<std::size_t> ParseLimit(const HttpRequest& request, std::size_t fallback, std::size_t most);

// A cursor is an opaque text for whoever gets it; here a list of texts.
std::string MakeCursor(const std::vector<std::string>& parts);
// nullopt if none was given; kFieldInvalid if it is none of ours with `count` parts.
Result<std::optional<std::vector<std::string>>> ParseCursor(const HttpRequest& request,
                                                            std::size_t count);
// A decimal number below 2^63.
Result<std::uint64_t> ParseNumber(const std::string& name, const std::string& text);

}  // namespace edcsync::central
