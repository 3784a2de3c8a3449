// A gateway with its managed broker and edge agents, each in a folder below one temporary folder.
// Folders can be copied while nothing runs, so that one backlog is drained several times.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "shared/base/json.h"
#include "shared/http/http_client.h"
#include "tests/bench/service.h"

namespace edcsync::bench {

namespace fs = std::filesystem;

// A running edge agent. Threads: a client of its own each (NewClient).
class EdgeService {
 public:
  EdgeService(const std::string& bin, const fs::path& dir);
  std::unique_ptr<HttpClient> NewClient() const;
  Json Status();  // GET /v1/status.
  std::uint64_t AcknowledgedThrough();
  void Sync(const std::string& action);  // POST /v1/sync.
  // Submits forms [first, first + count) in batches of 1,000; each must be captured.
  void Capture(const std::string& site, std::uint64_t first, std::uint64_t count);
  pid_t pid() const { return service_.pid(); }

 private:
  fs::path dir_;
  Service service_;
  std::unique_ptr<HttpClient> client_;
};

class World {
 public:
  // Makes gateway and bundles of `edge_count` edges ("edge-1" of site "SITE.1", ...).
  World(std::string bin, int edge_count);
  ~World();
  fs::path GatewayDir() const { return root_ / "gateway"; }
  fs::path EdgeDir(int number) const { return root_ / ("edge-" + std::to_string(number)); }
  static std::string Site(int number) { return "SITE." + std::to_string(number); }

  // Returns when the gateway is at its broker.
  void StartGateway();
  void StopGateway() { gateway_.reset(); }
  pid_t gateway_pid() const { return gateway_->pid(); }
  pid_t broker_pid() const { return ChildOf(gateway_->pid(), "mosquitto"); }
  EdgeService StartEdge(int number) const { return EdgeService(bin_, EdgeDir(number)); }
  // Brings every folder back to what it held at Keep(). Nothing may run.
  void Keep();
  void Restore();

 private:
  std::string bin_;
  fs::path root_;
  std::vector<fs::path> folders_;
  std::unique_ptr<Service> gateway_;
};

// Waits until `done` answers true; abandons after `timeout_s`.
void AwaitTrue(const std::string& what, double timeout_s, double poll_s,
               const std::function<bool()>& done);
double NowS();  // Monotonic.

}  // namespace edcsync::bench
