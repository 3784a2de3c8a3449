// The running agent: wires store, capture, link, session, feed and API together and owns their
// threads.
//
//   threads   store writer · sync loop · reconciliation's worker · HTTP pool · Paho's own · renewal's
//   order     started store, API, loop, link, renewal; stopped the other way round
#pragma once

#include <memory>

#include "edge-agent/app/config.h"
#include "shared/base/status.h"

namespace edcsync::edge {

class Agent {
 public:
  // Opens everything and starts capturing. The link may come up any time later.
  static Result<std::unique_ptr<Agent>> Start(const Config& config);
  ~Agent();
  int http_port() const;

 private:
  struct Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};


}  // namespace edcsync::edge
