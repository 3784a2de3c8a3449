// The machines of a run, all real: the central gateway, its Mosquitto, and the edge agents of two
// sites, each edge behind a link of its own, some on disks that can be filled. What is killed
// starts again after a while, as a service manager would do it; what ends by itself is a finding,
// unless it says that it cannot run now (exit code 3), and then starts again too.
//
// The broker is the gateway's own child (managed) or stands beside it (outside): drawn anew at each
// of the gateway's starts.
//
// Threads: the main thread's, for the kernel ties children to the thread that started them; but
// where it says "any".
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/random.h"
#include "shared/http/http_client.h"
#include "tests/support/process.h"
#include "tests/support/small_disk.h"
#include "tests/support/submissions.h"
#include "tests/support/tcp_proxy.h"
#include "tests/torture/tally.h"

namespace edcsync::torture {

using testing::Ran;
using testing::SortedJson;
using Time = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

// A long-lived process that should run, whatever befalls it.
class Node {
 public:
  Node(std::string name, std::string log) : name_(std::move(name)), log_(std::move(log)) {}

  const std::string& name() const { return name_; }
  const std::string& log() const { return log_; }
  bool running() { return process_ != nullptr && process_->IsRunning(); }
  bool paused() const { return paused_; }
  // Rises with every start: what was planned for an earlier life does not strike the next.
  int life() const { return life_; }
  pid_t pid() const { return process_->pid(); }

  void Start(const std::vector<std::string>& command);
  void Kill(Milliseconds down);  // kill -9, also while paused; due to start after `down`.
  void Pause();
  void Continue();
  std::optional<int> Terminate(int wait_s, Milliseconds down);
  // The exit code if it ended by itself since the last call; due to start soon after.
  std::optional<int> Ended();
  bool Due() const { return process_ == nullptr && start_at_ <= std::chrono::steady_clock::now(); }
  void Hold() { start_at_ = Time::max(); }  // Not due until killed or let go.
  void LetGo() { start_at_ = Time(); }
  std::uint64_t peak_rss_mib();  // Of this life; 0 if it does not run.

 private:
  std::string name_, log_;
  std::unique_ptr<testing::Process> process_;
  bool paused_ = false;
  int life_ = 0;
  Time start_at_{};
};

struct Edge {
  std::string name, site, dir;
  std::unique_ptr<testing::TcpProxy> link;
  std::unique_ptr<testing::SmallDisk> disk;  // Null: the data lie on the ordinary disk.
  std::unique_ptr<Node> node;
};

struct WorldOptions {
  int edge_count = 4;
  std::uint64_t seed = 1;
  bool small_disks = true;  // Mounting is permitted.
};

class World {
 public:
  World(const WorldOptions& options, Tally& tally);
  ~World();  // Ends every process, by its own id.

  // Makes gateway, study and bundles; false if it cannot, with a finding.
  bool Prepare();
  // Starts what is due, notices what ended, measures memory. Call often.
  void Supervise();
  void KillGateway(Milliseconds down);  // A managed broker goes too, when the kernel tells it.
  std::optional<pid_t> BrokerPid();
  bool broker_managed() const { return broker_managed_; }
  // After the run: nothing runs any more; the folder stays.
  void Keep();
  void EndAll();

  std::vector<Edge>& edges() { return edges_; }
  Node& gateway() { return gateway_; }
  Node& broker() { return broker_; }  // The outside one.
  testing::SmallDisk* gateway_disk() { return gateway_disk_.get(); }

  // --- any thread ---
  const std::string& folder() const { return folder_; }
  std::string GatewayDir() const { return folder_ + "/gateway"; }
  std::size_t edge_count() const { return edges_.size(); }
  const Edge& edge(std::size_t index) const { return edges_[index]; }
  std::vector<std::string> GatewayCommand(std::vector<std::string> arguments) const;
  std::vector<std::string> EdgeCommand(std::size_t index, std::vector<std::string> arguments) const;
  Ran Centre(std::vector<std::string> arguments) const;
  Ran Agent(std::size_t index, std::vector<std::string> arguments) const;
  // With --json; null unless it was done and can be read.
  SortedJson CentreJson(std::vector<std::string> arguments) const;
  // To the agent as it runs now; null if it has not said where.
  std::unique_ptr<HttpClient> Connect(std::size_t index, int timeout_s) const;
  // GET /v1/status; null if it does not answer in time.
  SortedJson EdgeStatus(std::size_t index, int timeout_s) const;

 private:
  bool AddEdge(int number);
  void StartGateway();
  void NoteEnd(Node& node);
  void MeasureMemory();
  void ReapOrphans();

  Tally& tally_;
  SeededRandom random_;
  WorldOptions options_;
  std::string folder_;
  int broker_port_ = 0;
  bool broker_managed_ = true;
  bool keep_ = false;
  std::unique_ptr<testing::SmallDisk> gateway_disk_;
  std::vector<Edge> edges_;
  Node gateway_, broker_;
  Time measured_{};
};

// The last lines of a log.
std::string TailOf(const std::string& file, std::size_t bytes);

}  // namespace edcsync::torture
