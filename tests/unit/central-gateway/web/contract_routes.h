// The calls of the desk's contract (schema/api/central-gateway.openapi.yaml) and who may make them.
#pragma once

#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace edcsync::central {

// As in the contract's description.
enum class Callers {
  kAll,      // Without a session.
  kSession,  // Whoever is logged in, also before the first password is changed.
  kMembers,  // Whoever is logged in.
  kManagersAndAdministrators,
  kReaders,  // Monitors and data managers.
  kManagers,
  kOverseers,  // Whoever has any right.
  kAdministrators,
};

// Where a browser arrives by another site's redirect: the one call that is meant to come so.
inline constexpr char kSentBackPath[] = "/api/v1/session/oidc/callback";

struct ContractRoute {
  std::string method, path;
  Callers callers;
};

inline const std::vector<ContractRoute>& ContractRoutes() {
  static const std::vector<ContractRoute> kRoutes = {
      {"POST", "/api/v1/session", Callers::kAll},
      {"GET", "/api/v1/session", Callers::kSession},
      {"DELETE", "/api/v1/session", Callers::kSession},
      {"POST", "/api/v1/session/password", Callers::kSession},
      {"GET", "/api/v1/session/methods", Callers::kAll},
      {"GET", "/api/v1/session/oidc/start", Callers::kAll},
      {"GET", kSentBackPath, Callers::kAll},
      {"POST", "/api/v1/session/oidc/reauth", Callers::kMembers},
      {"POST", "/api/v1/session/oidc/ticket", Callers::kMembers},
      {"GET", "/api/v1/changes", Callers::kMembers},
      {"GET", "/api/v1/studies", Callers::kMembers},
      {"GET", "/api/v1/overview", Callers::kOverseers},
      {"GET", "/api/v1/conflicts", Callers::kReaders},
      {"GET", "/api/v1/conflicts/counts", Callers::kReaders},
      {"GET", "/api/v1/conflicts/export", Callers::kReaders},
      {"POST", "/api/v1/conflicts/assign", Callers::kManagers},
      {"POST", "/api/v1/conflicts/decide", Callers::kManagers},
      {"GET", "/api/v1/conflicts/{conflictId}", Callers::kReaders},
      {"POST", "/api/v1/conflicts/{conflictId}/claim", Callers::kManagers},
      {"DELETE", "/api/v1/conflicts/{conflictId}/claim", Callers::kManagers},
      {"POST", "/api/v1/conflicts/{conflictId}/preview", Callers::kReaders},
      {"POST", "/api/v1/conflicts/{conflictId}/resolve", Callers::kManagers},
      {"POST", "/api/v1/conflicts/{conflictId}/propose", Callers::kManagers},
      {"DELETE", "/api/v1/conflicts/{conflictId}/proposal", Callers::kManagers},
      {"POST", "/api/v1/conflicts/{conflictId}/reopen", Callers::kManagers},
      {"GET", "/api/v1/records", Callers::kReaders},
      {"GET", "/api/v1/records/{recordKey}", Callers::kReaders},
      {"GET", "/api/v1/quarantine", Callers::kReaders},
      {"GET", "/api/v1/quarantine/{revisionId}", Callers::kReaders},
      {"POST", "/api/v1/quarantine/release", Callers::kManagers},
      {"POST", "/api/v1/quarantine/reject", Callers::kManagers},
      {"GET", "/api/v1/audit", Callers::kOverseers},
      {"GET", "/api/v1/audit/export", Callers::kOverseers},
      {"POST", "/api/v1/audit/verify", Callers::kOverseers},
      {"GET", "/api/v1/audit/checkpoint", Callers::kOverseers},
      {"GET", "/api/v1/users", Callers::kManagersAndAdministrators},
      {"POST", "/api/v1/users", Callers::kAdministrators},
      {"PATCH", "/api/v1/users/{userName}", Callers::kAdministrators},
      {"POST", "/api/v1/users/{userName}/reset-password", Callers::kAdministrators},
      {"POST", "/api/v1/users/{userName}/link", Callers::kAdministrators},
      {"DELETE", "/api/v1/users/{userName}/link", Callers::kAdministrators},
      {"GET", "/api/v1/views", Callers::kMembers},
      {"PUT", "/api/v1/views", Callers::kMembers},
  };
  return kRoutes;
}

// "POST /api/v1/session" for every operation of the contract: a path is indented by two blanks, a
// method below it by four.
inline std::multiset<std::string> OperationsOfContract() {
  std::ifstream file(EDCSYNC_SOURCE_DIR "/schema/api/central-gateway.openapi.yaml");
  std::multiset<std::string> operations;
  std::string line, path;
  while (std::getline(file, line)) {
    if (line.rfind("  /", 0) == 0) path = line.substr(2, line.find(':') - 2);
    if (line == "components:") break;
    for (const char* method : {"get", "post", "put", "patch", "delete", "head", "options"}) {
      if (line != "    " + std::string(method) + ":") continue;
      std::string name = method;
      for (char& c : name) c = static_cast<char>(c - 32);
      operations.insert(name + " " + path);
    }
  }
  return operations;
}

}  // namespace edcsync::central
