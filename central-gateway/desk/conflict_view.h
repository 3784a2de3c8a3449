// One conflict with all that is needed to decide it, and what a decision would make of the form
// (schema/api/central-gateway.openapi.yaml: Conflict, Preview). Threads: any.
#pragma once

#include "central-gateway/desk/item_choices.h"
#include "central-gateway/desk/queue_view.h"

namespace edcsync::central {

// kNotFound also for what the viewer may not see.
Result<Json> ConflictDetailJson(CentralStore& store, StudyCatalogue& catalogue,
                                const Viewer& viewer, SnowflakeId id, const DueTimes& due_times,
                                WallTime now);

// {"removes", "items": [{"path","question","before","after"}]}: every item whose state differs
// from the current head's. Fails as Compose() does, or with kNotFound.
Result<Json> PreviewJson(CentralStore& store, StudyCatalogue& catalogue, const Viewer& viewer,
                         SnowflakeId id, const DecisionChoices& choices);

// The content that the choices make. kStale if the conflict's heads are not `seen_heads`
// (ascending); else as PreviewJson.
Result<ComposedForm> ComposeDecision(CentralStore& store, StudyCatalogue& catalogue,
                                     const Viewer& viewer, SnowflakeId id,
                                     const DecisionChoices& choices,
                                     const std::vector<RevisionId>& seen_heads);

// kFieldInvalid for a reason that is none of those of the conflict's study; kNotFound.
Status CheckReasonCode(CentralStore& store, StudyCatalogue& catalogue, SnowflakeId conflict,
                       const std::string& code);

}  // namespace edcsync::central
