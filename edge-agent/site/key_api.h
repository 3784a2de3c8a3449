// The local API's part about the key-encryption key: what is in use, rotating it while the agent
// runs, and the token's PIN, tried once more because a person says so. `edge-agent key` asks here,
// for only the running agent may write its database.
#pragma once

#include "edge-agent/store/edge_store.h"
#include "shared/http/http_server.h"
#include "shared/keys/key_rotation.h"

namespace edcsync::edge {

KeyedStore KeyedStoreOf(EdgeStore& store, const std::string& actor);

// GET /v1/keys, POST /v1/keys/try-pin, POST /v1/keys/rotate. REQUIRES: before server.Start(); all
// outlive the server.
void AddKeyRoutes(HttpServer& server, EdgeStore& store, KeySources& keys);

}  // namespace edcsync::edge
