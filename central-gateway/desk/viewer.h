// Who looks at the desk, and what of the trial they may see and decide.
#pragma once

#include <algorithm>

#include "central-gateway/store/desk_store.h"

namespace edcsync::central {

struct Viewer {
  std::string user;
  std::string language = "en";   // Of labels and code list texts, if the study has it.
  std::vector<Scope> reads;      // What they may see;
  std::vector<Scope> decides;    // where they may decide;
  std::vector<Scope> unblinded;  // where they see blinded items too.
};

inline bool Covers(const std::vector<Scope>& scopes, const StudyOID& study, const SiteOID& site) {
  return std::any_of(scopes.begin(), scopes.end(), [&](const Scope& scope) {
    return (scope.study.empty() || scope.study == study) &&
           (scope.site.empty() || scope.site == site);
  });
}

// Of a command: whoever reads the store's folder.
inline Viewer Everything(std::string user) {
  const std::vector<Scope> all(1);
  return {std::move(user), "en", all, all, all};
}

}  // namespace edcsync::central
