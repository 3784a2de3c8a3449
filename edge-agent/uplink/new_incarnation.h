// A new incarnation of this edge, begun by a person after the gateway refused the old one (the
// database was restored from a backup, cloned, or its outbox is in doubt). Every revision this
// edge ever wrote goes into a new outbox from sequence 1; the gateway recognises what it has by
// revision id, so nothing is doubled and nothing that only this database holds is lost. The feed
// is read again from its start.
#pragma once

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

// One transaction. Fails with kForbidden unless the gateway refused this database
// (kIncarnationMismatch), else as the store does. Not from the store's writer.
Status BeginNewIncarnation(EdgeStore& store);

}  // namespace edcsync::edge
