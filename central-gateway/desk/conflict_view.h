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

// The content that the choices make, with the heads they were made upon.
struct ComposedDecision {
  ComposedForm form;
  std::vector<RevisionId> heads;
};
Result<ComposedDecision> ComposeDecision(CentralStore& store, StudyCatalogue& catalogue,
                                         const Viewer& viewer, SnowflakeId id,
                                         const DecisionChoices& choices);

}  // namespace edcsync::central
