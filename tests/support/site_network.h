// A whole trial on one machine: a central gateway with its managed Mosquitto and the edge agents
// of several sites, all real processes over TLS, each site behind a link that the test can cut.
// Everything lies in one temporary folder and goes with the trial.
//
// What goes wrong here fails the test at once and is not thrown; Await() gives up immediately in a
// test that has failed already. The logs of a failed test are printed.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/submissions.h"
#include "tests/support/tcp_proxy.h"

namespace edcsync::testing {

// Waits until `holds`, asking again and again. Fails the test after `wait_s` (times kSlowdown).
bool Await(const std::string& what, const std::function<bool()>& holds, int wait_s = 60);

class Trial;

// One site: its bundle's folder, its agent, its link.
class Site {
 public:
  enum class Origin { kBundle, kInvitation };
  Site(Trial& trial, std::string edge, std::string site, Origin origin = Origin::kBundle);
  // Enrols this folder with `token`, from nothing or again; the link stays the site's.
  void Enrol(const std::string& token);

  void Start();  // Returns once the agent answers.
  void Stop();   // SIGTERM; fails the test unless the agent ends in order.
  void Kill();   // kill -9.
  bool IsRunning() { return agent_ != nullptr && agent_->IsRunning(); }
  Process& process() { return *agent_; }

  void Cut() { link().Cut(); }
  void Restore();  // And tells the agent, so that no backoff is waited for.
  TcpProxy& link() const { return *link_; }

  // edge-agent --dir ... `arguments`.
  Ran Agent(std::vector<std::string> arguments);
  std::vector<std::string> CommandLine(std::vector<std::string> arguments) const;
  SortedJson AgentJson(std::vector<std::string> arguments);  // With --json; null if refused.
  SortedJson Status();
  SortedJson Record(const std::string& line);  // `record show` of a submission's key.
  void SyncNow() { (void)Agent({"sync", "now"}); }

  // Submits; every line must be captured, and is then expected at the centre.
  void Capture(const Lines& lines);
  std::string FileOf(const Lines& lines);  // A file that holds them.

  void AwaitLive();
  void AwaitDelivered();  // Nothing waits in the outbox.
  // Waits until the gateway has refused this database; fails unless for `reason`.
  void AwaitStopped(const std::string& reason);

  // The certificate that the agent holds, by `status`.
  std::string CertificateSerial() { return Status()["certificate"]["serial"]; }

  const std::string& edge() const { return edge_; }
  const std::string& site() const { return site_; }
  const std::string& dir() const { return dir_; }
  std::string DataFile(const std::string& name) const { return dir_ + "/data/" + name; }

 private:
  void PutLinkBetween();

  Trial& trial_;
  std::string edge_, site_, dir_;
  std::unique_ptr<TcpProxy> link_;
  std::unique_ptr<Process> agent_;
};

class Trial {
 public:
  Trial();  // Makes the gateway's folder and imports the study; nothing runs yet.
  ~Trial();

  void StartGateway();  // Returns once it hears its broker.
  void StopGateway();
  void KillGateway();  // Its broker goes too.
  // A further gateway process, with options of `run`. Returns as StartGateway does.
  std::unique_ptr<Process> RunGateway(const std::vector<std::string>& options,
                                      const std::string& log);
  Process& gateway() { return *gateway_; }
  pid_t BrokerProcess();  // The managed Mosquitto's.

  // A registered edge with its bundle; not started.
  Site& AddSite(const std::string& edge, const std::string& site);

  // An edge that enrolled itself; not started. REQUIRES: the gateway runs.
  Site& EnrolSite(const std::string& edge, const std::string& site);
  // The token of `edge invite` with these options.
  std::string Invite(const std::string& edge, const std::vector<std::string>& options);
  // Adds a line to a section of central-gateway.toml. REQUIRES: the gateway does not run.
  void Configure(const std::string& section, const std::string& line);

  // central-gateway --dir ... `arguments`.
  Ran Centre(std::vector<std::string> arguments);
  std::vector<std::string> CommandLine(std::vector<std::string> arguments) const;
  SortedJson CentreJson(std::vector<std::string> arguments);  // With --json; null if refused.
  SortedJson Edge(const std::string& edge);                   // Its row of `edge list`.
  // Edits online at the centre; every line must be captured, and is expected from then on.
  void EditOnline(const Lines& lines);

  // A revision is expected at the centre from now on.
  void Expect(const Lines& lines);
  // Not any more: it waits in quarantine, or its edge may not deliver it.
  void Forget(const Lines& lines);

  // The proof: once every site has delivered and read the feed, the centre holds exactly what was
  // expected, each once, and `made_there` revisions that the centre made itself; each site's edge
  // holds the same revisions as the centre does of that site, and shows the same records; and the
  // checks of both sides find nothing. Sites in `but` are not compared.
  void ExpectEverythingOnce(std::size_t made_there = 0, const std::set<std::string>& but = {});
  // The centre's half alone, at once.
  void ExpectCentreHolds(std::size_t made_there = 0);

  std::string PathOf(const std::string& name) const { return dir_ + "/" + name; }
  std::string GatewayDir() const { return PathOf("gateway"); }
  std::string LogOf(const std::string& name) const { return PathOf("log-" + name); }
  int broker_port() const { return broker_port_; }
  std::string EnrolmentAddress() const {
    return "https://localhost:" + std::to_string(enrolment_port_);
  }
  std::string Unique() { return std::to_string(++files_); }

 private:
  std::set<std::string> RevisionsOf(const std::string& ndjson) const;
  void CompareSite(Site& site);

  std::string dir_;
  int broker_port_ = 0;
  int enrolment_port_ = 0;
  int files_ = 0;
  std::multiset<std::string> expected_;
  std::list<Site> sites_;
  std::unique_ptr<Process> gateway_;
};

}  // namespace edcsync::testing
