// What the running programs tell those who watch them: health, metrics, traces, logs. And that none
// of it tells what a site entered.
#include <gtest/gtest.h>
#include <signal.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "shared/http/http_client.h"
#include "tests/support/otlp_receiver.h"
#include "tests/support/raw_edge.h"
#include "tests/support/site_network.h"
#include "tests/unit/central-gateway/web/desk_client.h"

namespace edcsync::testing {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Replace(const std::string& file, const std::string& what, const std::string& with) {
  std::string text = ReadAll(file);
  const std::size_t at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what << " is not in " << file;
  text.replace(at, what.size(), with);
  std::ofstream(file, std::ios::trunc) << text;
}

HttpResponse Get(int port, const std::string& path) {
  HttpClientOptions options;
  options.base_url = "http://127.0.0.1:" + std::to_string(port);
  const Result<HttpResponse> response = HttpClient(options).Get(path);
  return response.ok() ? *response : HttpResponse{0, "", {}, ""};
}

// The value of a sample, by its name and labels as exposed; nullopt if there is none.
std::optional<double> Sample(const std::string& metrics, const std::string& name) {
  const std::size_t at = metrics.find("\n" + name + " ");
  if (at == std::string::npos) return std::nullopt;
  return std::stod(metrics.substr(at + name.size() + 2));
}

// A gateway and one site, watched, with the desk over plain HTTP and the log at its most talkative.
class Watched : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string gateway = trial_.GatewayDir() + "/central-gateway.toml";
    const std::string edge = site_.dir() + "/edge-agent.toml";
    Replace(gateway, "port = 9464", "port = 0");
    Replace(edge, "port = 9465", "port = 0");
    Replace(gateway, "port = 8443", "port = 0\nhttps = false\npage_folder = \"" + Page() + "\"");
    for (const std::string& file : {gateway, edge}) {
      Replace(file, "#level = \"info\"", "level = \"debug\"");
      std::ofstream(file, std::ios::app)
          << "\n[telemetry]\notlp_endpoint = \"" << receiver_.endpoint() << "\"\n";
    }
  }
  std::string Page() const {
    const std::string folder = trial_.PathOf("page");
    fs::create_directories(folder);
    std::ofstream(folder + "/index.html") << "<!doctype html>";
    return folder;
  }
  void Start() {
    trial_.StartGateway();
    site_.Start();
    site_.AwaitLive();
  }
  int CentrePort() const { return PortIn(trial_.GatewayDir() + "/health.port"); }
  int SitePort() const { return PortIn(site_.DataFile("health.port")); }
  static int PortIn(const std::string& file) {
    Await(file + " is written", [&] { return !ReadAll(file).empty(); });
    return std::atoi(ReadAll(file).c_str());
  }
  std::string CentreMetrics() const { return "\n" + Get(CentrePort(), "/metrics").body; }
  std::string SiteMetrics() const { return "\n" + Get(SitePort(), "/metrics").body; }

  // A data manager of the desk, logged in.
  central::DeskClient DataManager(const std::string& password) {
    const SortedJson added =
        trial_.CentreJson({"user", "add", "okello", "--full-name", "Ruth Okello", "--role",
                           "data_manager", "--user", "root"});
    first_password_ = added.value("firstPassword", added.value("password", ""));
    EXPECT_FALSE(first_password_.empty()) << added;
    central::DeskClient client(PortIn(trial_.GatewayDir() + "/desk.port"));
    const auto log_in = [&](const std::string& with) {
      central::Answer answer;
      Await("the desk logs in", [&] {  // One attempt in a while from one address.
        answer = client.Post("/api/v1/session", {{"user", "okello"}, {"password", with}});
        return answer.status == 200;
      });
      client.Keep(answer);
    };
    log_in(first_password_);
    const central::Answer changed = client.Post(
        "/api/v1/session/password", {{"current", first_password_}, {"new", password}});
    EXPECT_LT(changed.status, 300) << changed.body;
    client = central::DeskClient(PortIn(trial_.GatewayDir() + "/desk.port"));
    log_in(password);
    return client;
  }

  Trial trial_;
  OtlpReceiver receiver_;
  Site& site_ = trial_.AddSite("tororo", "SITE.703");
  const Lines records_ = RecordsOf("SITE.703");
  std::string first_password_;
};

TEST_F(Watched, BothProgramsSayThatTheyLiveAndWhetherTheyCanWork) {
  Start();
  for (const int port : {CentrePort(), SitePort()}) {
    EXPECT_EQ(Get(port, "/healthz").status, 200);
    const HttpResponse ready = Get(port, "/readyz");
    EXPECT_EQ(ready.status, 200) << ready.body;
  }
  // Without its broker the centre lives, but cannot work; the site works on.
  site_.Cut();
  ASSERT_EQ(::kill(trial_.BrokerProcess(), SIGSTOP), 0);
  const pid_t stopped = trial_.BrokerProcess();
  ASSERT_TRUE(Await("the centre is not ready", [&] {
    return Get(CentrePort(), "/readyz").status == 503;
  }, 120));
  const SortedJson told = SortedJson::parse(Get(CentrePort(), "/readyz").body);
  for (const SortedJson& check : told["checks"]) {
    if (check["name"] == "disk_room") continue;  // This machine's matter.
    EXPECT_EQ(check["ok"].get<bool>(), check["name"] != "broker") << check;
  }
  EXPECT_EQ(Get(CentrePort(), "/healthz").status, 200);
  EXPECT_EQ(Sample(CentreMetrics(), "edcsync_gateway_broker_connected"), 0);
  ::kill(stopped, SIGCONT);
  ASSERT_TRUE(Await("the site tells of its link", [&] {
    return Get(SitePort(), "/readyz").body.find("offline") != std::string::npos;
  }));
  EXPECT_EQ(Get(SitePort(), "/readyz").status, 200);
  site_.Capture(Slice(records_, 0, 5));
  const std::string metrics = SiteMetrics();
  EXPECT_EQ(Sample(metrics, "edcsync_edge_sync_state{state=\"live\"}"), 0);
  site_.Restore();
  ASSERT_TRUE(Await("the centre is ready again", [&] {
    return Get(CentrePort(), "/readyz").status == 200;
  }));
  site_.AwaitDelivered();
}

TEST_F(Watched, MetricsTellWhatHappenedAndEveryOneThatAlertsAndDashboardNameIsThere) {
  Start();
  site_.Capture(Slice(records_, 0, 40));
  site_.AwaitDelivered();
  site_.Cut();
  const std::string item = ItemName(records_[0], 0);
  site_.Capture({Edited(records_[0], item, "1931-01-01", "nurse")});
  trial_.EditOnline({Edited(records_[0], item, "1931-12-31", "monitor")});
  ASSERT_TRUE(Await("the outbox shows", [&] {
    return Sample(SiteMetrics(), "edcsync_edge_outbox_waiting") == 1;
  }));
  site_.Restore();
  site_.AwaitDelivered();
  ASSERT_TRUE(Await("the conflict shows", [&] {
    return Sample(CentreMetrics(),
                  "edcsync_gateway_conflicts{severity=\"hard\",state=\"open\"}") == 1;
  }));
  ASSERT_TRUE(Await("the site shows it", [&] {
    return Sample(SiteMetrics(), "edcsync_edge_conflicts_open") == 1;
  }));
  const auto began = static_cast<double>(std::time(nullptr));
  EXPECT_EQ(Sample(CentreMetrics(), "edcsync_gateway_reconciliation_differences{edge=\"tororo\"}"),
            std::nullopt);
  const Ran reconciled =
      trial_.Centre({"reconcile", "--site", "SITE.703", "--reason", "to be seen"});
  ASSERT_EQ(reconciled.exit_code, 0) << reconciled.out << reconciled.err;
  ASSERT_TRUE(Await("the site shows the comparison", [&] {
    return Sample(SiteMetrics(), "edcsync_edge_reconciliation_last_timestamp_seconds").has_value();
  }));
  ASSERT_TRUE(Await("the centre shows the comparison", [&] {
    return Sample(CentreMetrics(), "edcsync_gateway_reconciliation_differences{edge=\"tororo\"}")
        .has_value();
  }));
  const std::string site = SiteMetrics(), centre = CentreMetrics();
  EXPECT_EQ(Sample(site, "edcsync_edge_submissions_total{outcome=\"captured\"}"), 41);
  EXPECT_EQ(Sample(site, "edcsync_edge_outbox_waiting"), 0);
  EXPECT_EQ(Sample(site, "edcsync_edge_outbox_oldest_waiting_seconds"), 0);
  EXPECT_GT(Sample(site, "edcsync_edge_push_to_receipt_seconds_count"), 0);
  EXPECT_GT(Sample(site, "edcsync_edge_commit_seconds_count"), 0);
  EXPECT_EQ(Sample(centre, "edcsync_gateway_revisions_total{outcome=\"applied\"}"), 40);
  const double in_conflict =
      Sample(centre, "edcsync_gateway_revisions_total{outcome=\"conflict_won\"}").value_or(0) +
      Sample(centre, "edcsync_gateway_revisions_total{outcome=\"conflict_lost\"}").value_or(0);
  EXPECT_EQ(in_conflict, 1);
  EXPECT_EQ(Sample(centre, "edcsync_gateway_sessions"), 1);
  EXPECT_EQ(Sample(centre, "edcsync_gateway_edges{standing=\"active\"}"), 1);
  EXPECT_GT(Sample(centre, "edcsync_gateway_merge_seconds_count"), 0);
  for (const char* name : {"ca", "gateway", "broker", "enrolment", "crl"}) {
    const std::string ends = "edcsync_gateway_certificate_expiry_timestamp_seconds{certificate=\"";
    EXPECT_GT(Sample(centre, ends + name + "\"}"), static_cast<double>(std::time(nullptr)) + 86400);
  }
  // Guards: none is at work.
  for (const auto& [metrics, prefix] :
       {std::pair(site, "edcsync_edge"), std::pair(centre, "edcsync_gateway")}) {
    const std::string disk = std::string(prefix) + "_disk_";
    EXPECT_GT(Sample(metrics, disk + "warn_bytes"), Sample(metrics, disk + "refuse_bytes"));
    EXPECT_GT(Sample(metrics, disk + "refuse_bytes"), 0);
    EXPECT_EQ(Sample(metrics, disk + "state{state=\"refusing\"}"), 0);
  }
  EXPECT_GE(Sample(centre, "edcsync_gateway_commit_lag_seconds"), 0);
  EXPECT_GE(Sample(centre, "edcsync_gateway_credit_frames"), 1);
  for (const char* why : {"commit_behind", "disk", "rate"}) {
    const std::string put_off = "edcsync_gateway_frames_put_off_total{why=\"";
    EXPECT_EQ(Sample(centre, put_off + why + "\"}"), 0) << why;
  }
  EXPECT_EQ(Sample(site, "edcsync_edge_requests_put_off_total{server=\"api\",why=\"rate\"}"), 0);
  // What was compared, and when.
  const double compared = Sample(centre, "edcsync_gateway_reconciliation_last_timestamp_seconds{"
                                         "edge=\"tororo\"}").value_or(0);
  EXPECT_GE(compared, began);
  EXPECT_GE(Sample(site, "edcsync_edge_reconciliation_last_timestamp_seconds"), began);
  EXPECT_EQ(Sample(centre, "edcsync_gateway_reconciliation_differences{edge=\"tororo\"}"), 0);
  EXPECT_EQ(Sample(centre, "edcsync_gateway_reconciliations_overdue"), 0);
  // Bounded labels: no subject, no record.
  EXPECT_EQ((site + centre).find("01-703"), std::string::npos);

  const std::string site_file = trial_.PathOf("metrics-site");
  const std::string centre_file = trial_.PathOf("metrics-centre");
  std::ofstream(site_file) << site;
  std::ofstream(centre_file) << centre;
  const std::string script = EDCSYNC_SOURCE_DIR "/tests/monitoring/monitoring.py";
  const Ran names = edcsync::testing::Run(
      {"/usr/bin/python3", "-B", script, "exposed", site_file, centre_file});
  EXPECT_EQ(names.exit_code, 0) << names.out << names.err;
}

// Planted where people write: an item, a reason for change, a password; and the secrets there are.
TEST_F(Watched, OneTraceFollowsARecordAndNeitherLogNorTraceNorMetricTellsWhatWasEntered) {
  const std::string value = "1899-planted-5d41402abc4b", reason = "planted-reason-7b0f2c9e";
  const std::string password = "planted-lantern-over-93c1-Winam";
  const auto planted = [&](const std::string& line, const std::string& tail) {
    SortedJson json = SortedJson::parse(Edited(line, ItemName(line, 0), value + tail, "nurse"));
    json["reasonForChange"] = reason;
    return json.dump();
  };
  Start();
  central::DeskClient manager = DataManager(password);
  site_.Capture(Slice(records_, 0, 10));
  site_.AwaitDelivered();
  const std::string trace = site_.Record(records_[0])["traceId"];
  EXPECT_EQ(trial_.CentreJson({"record", "show", KeyOf(records_[0])})["traceId"], trace);
  // A conflict, a quarantine, a submission that is refused, one that names its caller's span.
  site_.Cut();
  site_.Capture({planted(records_[0], "-site")});
  site_.Capture({planted(records_[5], "-late")});
  trial_.EditOnline({planted(records_[0], "-online")});
  EXPECT_EQ(trial_.Centre({"lock", "set", "form", kStudy, KeyOf(records_[5]), "--reason", reason})
                .exit_code,
            0);
  SortedJson bad = SortedJson::parse(planted(records_[1], "-bad"));
  bad.erase("reasonForChange");
  bad["siteOID"] = "SITE.999";
  EXPECT_NE(site_.Agent({"submit", site_.FileOf({bad.dump()})}).exit_code, 0);
  HttpClientOptions api;
  api.base_url = "http://127.0.0.1:" + ReadAll(site_.DataFile("http.port"));
  api.base_url.pop_back();
  const std::string token = ReadAll(site_.DataFile("http.token"));
  api.bearer_token = token.substr(0, token.size() - 1);
  const std::string caller = "4bf92f3577b34da6a3ce929d0e0e4736";
  const auto submitted =
      HttpClient(api).Post("/v1/submissions", planted(records_[2], "-api"), "application/json",
                           {{"traceparent", "00-" + caller + "-00f067aa0ba902b7-01"}});
  ASSERT_TRUE(submitted.ok());
  EXPECT_EQ(submitted->status, 200) << submitted->body;
  trial_.Expect({planted(records_[2], "-api")});
  trial_.Forget({planted(records_[5], "-late")});
  site_.Restore();
  site_.AwaitDelivered();
  const SortedJson conflicts = trial_.CentreJson({"conflict", "list"});
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(trial_.CentreJson({"quarantine", "list"}).size(), 1u);

  // The data manager decides at the desk; the site gets the decision.
  const std::string id = conflicts[0]["conflictId"];
  const std::string path = "/api/v1/conflicts/" + id;
  const central::Answer claimed = manager.Post(path + "/claim", Json::object());
  ASSERT_EQ(claimed.status, 200) << claimed.body;
  Json heads = Json::array();
  for (const SortedJson& head : conflicts[0]["heads"]) heads.push_back(head.get<std::string>());
  const central::Answer resolved = manager.Post(
      path + "/resolve", {{"take", heads[0]},
                          {"seenHeads", heads},
                          {"fencingToken", claimed.json()["fencingToken"]},
                          {"reason", {{"text", reason}}},
                          {"signature", {{"password", password}, {"meaning", "decided"}}}});
  ASSERT_EQ(resolved.status, 200) << resolved.body;
  ASSERT_TRUE(Await("the site has the decision", [&] {
    return site_.Record(records_[0])["current"]["revisionId"].get<std::string>() ==
           resolved.json()["revisionId"].get<std::string>();
  }));

  // Every span of the record is in its trace, whichever program drew it.
  const auto of_record = [&](const std::string& name) {
    std::vector<SeenSpan> found;
    for (const SeenSpan& span : receiver_.spans()) {
      if (span.trace == trace && span.name == name) found.push_back(span);
    }
    return found;
  };
  ASSERT_TRUE(Await("all spans came", [&] {
    return of_record("capture").size() == 2 && of_record("merge").size() == 2 &&
           of_record("receipt").size() == 2 && of_record("claim").size() == 1 &&
           of_record("decide").size() == 1 && of_record("sign").size() == 1 &&
           of_record("feed.apply").size() == 2;
  })) << receiver_.raw().size();
  EXPECT_EQ(receiver_.malformed(), 0u);
  std::set<std::string> captures;
  for (const SeenSpan& span : of_record("capture")) {
    captures.insert(span.span);
    EXPECT_EQ(span.service, "edge-agent");
    EXPECT_EQ(span.instance, "tororo");
    EXPECT_EQ(span.attributes["edcsync.subject_key"],
              SortedJson::parse(records_[0])["subjectKey"]);
  }
  EXPECT_EQ(captures.size(), 2u);
  const std::vector<SeenSpan> all = receiver_.spans();
  for (const char* name : {"merge", "receipt"}) {
    for (const SeenSpan& span : of_record(name)) {
      EXPECT_TRUE(captures.contains(span.parent)) << name << " hangs below no capture";
      EXPECT_EQ(span.service, std::string_view(name) == "merge" ? "central-gateway" : "edge-agent");
      ASSERT_EQ(span.links.size(), 1u);
    }
  }
  const SeenSpan decided = of_record("decide")[0];
  EXPECT_EQ(of_record("sign")[0].parent, decided.span);
  EXPECT_EQ(decided.links.size(), 2u);
  std::size_t below_decision = 0;
  for (const SeenSpan& span : of_record("feed.apply")) {
    below_decision += span.parent == decided.span ? 1 : 0;
  }
  EXPECT_EQ(below_decision, 1u);
  // The frames: the gateway's intake goes on from the edge's push, and both link the record.
  std::size_t intakes = 0;
  for (const SeenSpan& intake : all) {
    if (intake.name != "intake") continue;
    const auto push = std::find_if(all.begin(), all.end(), [&](const SeenSpan& span) {
      return span.name == "push" && span.span == intake.parent;
    });
    ASSERT_NE(push, all.end()) << "an intake without its push";
    EXPECT_EQ(push->trace, intake.trace);
    EXPECT_EQ(push->service, "edge-agent");
    EXPECT_EQ(intake.service, "central-gateway");
    EXPECT_EQ(push->links, intake.links);
    for (const char* part : {"merge", "commit"}) {
      EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const SeenSpan& span) {
        return span.name == part && span.parent == intake.span && span.trace == intake.trace;
      })) << part;
    }
    ++intakes;
  }
  EXPECT_GE(intakes, 2u);
  // Who submitted is linked, not obeyed.
  std::size_t linked = 0;
  for (const SeenSpan& span : all) {
    EXPECT_NE(span.trace, caller);
    for (const auto& [to, ignored] : span.links) linked += to == caller ? 1 : 0;
  }
  EXPECT_EQ(linked, 1u) << "by the capture, and nothing else";

  const std::string metrics = CentreMetrics() + SiteMetrics();
  site_.Stop();
  trial_.StopGateway();
  const std::string gateway_log = ReadAll(trial_.LogOf("gateway"));
  const std::string site_log = ReadAll(trial_.LogOf("tororo"));
  // Logs name the record by its trace.
  EXPECT_NE(gateway_log.find("\"event\":\"record.in_conflict\",\"trace_id\":\"" + trace),
            std::string::npos);
  EXPECT_NE(gateway_log.find("\"event\":\"record.quarantined\""), std::string::npos);
  EXPECT_NE(gateway_log.find("\"event\":\"conflict.decide\",\"trace_id\":\"" + trace),
            std::string::npos);
  EXPECT_NE(site_log.find("\"event\":\"record.captured\",\"trace_id\":\"" + trace),
            std::string::npos);
  EXPECT_NE(site_log.find("\"event\":\"record.receipted\",\"trace_id\":\"" + trace),
            std::string::npos);
  for (const std::string& log : {gateway_log, site_log}) {
    for (const SortedJson& line : ParseLines(log)) {
      for (const char* field : {"time", "level", "service_name", "event"}) {
        EXPECT_TRUE(line.contains(field)) << line;
      }
    }
  }
  std::string broker;
  for (const auto& entry : fs::recursive_directory_iterator(trial_.GatewayDir() + "/broker")) {
    if (entry.is_regular_file()) broker += ReadAll(entry.path());
  }
  EXPECT_GT(broker.size(), 1000u);
  for (const std::string& secret :
       {value, reason, password, first_password_, api.bearer_token, manager.csrf,
        manager.cookie.substr(manager.cookie.find('=') + 1)}) {
    ASSERT_GT(secret.size(), 8u);
    for (const std::string& told :
         {gateway_log, site_log, metrics, receiver_.raw(), broker}) {
      EXPECT_EQ(told.find(secret), std::string::npos) << secret;
    }
  }
}

// What is done without the desk: commands of the centre, the investigator's word at the site. And the
// frames between, each with the traceparent of the span that it goes on from.
TEST_F(Watched, WhatPeopleDecideByCommandStandsInTheRecordsTraceAndFramesHangTogether) {
  Start();
  site_.Capture(Slice(records_, 0, 3));
  site_.AwaitDelivered();
  site_.Cut();
  for (const std::size_t i : {0u, 1u}) {
    const std::string item = ItemName(records_[i], 0);
    site_.Capture({Edited(records_[i], item, "1931-01-01", "nurse")});
    trial_.EditOnline({Edited(records_[i], item, "1931-12-31", "monitor")});
  }
  site_.Restore();
  site_.AwaitDelivered();
  ASSERT_EQ(trial_.CentreJson({"conflict", "list"}).size(), 2u);
  const auto decide = [&](const char* how, const std::string& line) {
    const SortedJson record = trial_.CentreJson({"record", "show", KeyOf(line)});
    const SortedJson decided = trial_.CentreJson(
        {"conflict", how, record["conflict"]["conflictId"].get<std::string>(), "--take",
         record["current"]["revisionId"].get<std::string>(), "--user", "dm", "--reason",
         "Source seen"});
    return decided.value("revisionId", std::string());
  };
  const auto command = [&](const std::vector<std::string>& arguments) {
    const Ran ran = trial_.Centre(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  };
  EXPECT_FALSE(decide("resolve", records_[0]).empty());
  EXPECT_FALSE(decide("propose", records_[1]).empty());
  const auto waiting = [&] { return site_.AgentJson({"endorse", "list"})["proposals"]; };
  ASSERT_TRUE(Await("the site has the proposal", [&] { return waiting().size() == 1; }));
  const std::string proposal = waiting()[0]["proposalId"];
  const Ran endorsed = site_.Agent({"endorse", "accept", proposal, "--user", "investigator"});
  EXPECT_EQ(endorsed.exit_code, 0) << endorsed.err;
  command({"lock", "set", "form", kStudy, KeyOf(records_[2]), "--reason", "Monitored"});
  command({"lock", "clear", "form", kStudy, KeyOf(records_[2]), "--reason", "Not yet"});

  const auto in_trace_of = [&](const std::string& line, const std::string& name) {
    const std::string trace = site_.Record(line)["traceId"];
    std::vector<SeenSpan> found;
    for (const SeenSpan& span : receiver_.spans()) {
      if (span.trace == trace && span.name == name) found.push_back(span);
    }
    return found;
  };
  ASSERT_TRUE(Await("all spans came", [&] {
    return in_trace_of(records_[0], "decide").size() == 1 &&
           in_trace_of(records_[0], "feed.apply").size() == 2 &&
           in_trace_of(records_[1], "endorsement.receipt").size() == 1 &&
           in_trace_of(records_[1], "endorsement").size() == 1 &&
           in_trace_of(records_[1], "feed.apply").size() == 2 &&
           in_trace_of(records_[2], "unlock").size() == 1;
  }));
  EXPECT_EQ(receiver_.malformed(), 0u);
  const SeenSpan decided = in_trace_of(records_[0], "decide")[0];
  EXPECT_EQ(decided.service, "central-gateway");
  EXPECT_EQ(decided.links.size(), 2u) << "the heads";
  const auto below = [&](const std::string& line, const std::string& name, const SeenSpan& parent) {
    std::size_t count = 0;
    for (const SeenSpan& span : in_trace_of(line, name)) count += span.parent == parent.span ? 1 : 0;
    return count;
  };
  EXPECT_EQ(below(records_[0], "feed.apply", decided), 1u);
  EXPECT_EQ(in_trace_of(records_[0], "edit").size(), 1u);
  EXPECT_EQ(below(records_[0], "feed.apply", in_trace_of(records_[0], "edit").at(0)), 1u);
  // Proposed at the centre, endorsed at the site, told, taken, receipted: one after another.
  ASSERT_EQ(in_trace_of(records_[1], "propose").size(), 1u);
  const SeenSpan proposed = in_trace_of(records_[1], "propose")[0];
  EXPECT_EQ(below(records_[1], "endorse", proposed), 1u);
  const SeenSpan told = in_trace_of(records_[1], "endorsement")[0];
  EXPECT_EQ(told.service, "edge-agent");
  ASSERT_EQ(below(records_[1], "endorsement.intake", told), 1u);
  const SeenSpan taken = in_trace_of(records_[1], "endorsement.intake")[0];
  EXPECT_EQ(taken.service, "central-gateway");
  EXPECT_EQ(below(records_[1], "endorsement.receipt", taken), 1u);
  EXPECT_EQ(below(records_[1], "feed.apply", proposed), 1u) << "what was endorsed came back";
  EXPECT_EQ(in_trace_of(records_[2], "lock").size(), 1u);

  // Questions and their answers, by the traceparents beside them.
  std::vector<SeenSpan> all;
  const auto parent_of = [&](const SeenSpan& span) -> const SeenSpan* {
    const auto found = std::find_if(all.begin(), all.end(), [&](const SeenSpan& each) {
      return each.span == span.parent && each.trace == span.trace;
    });
    return found == all.end() ? nullptr : &*found;
  };
  ASSERT_TRUE(Await("each answer's span has its parent, which the other program sends", [&] {
    all = receiver_.spans();
    return std::all_of(all.begin(), all.end(), [&](const SeenSpan& span) {
      return (span.name != "feed" && span.name != "feed.page" && span.name != "settle") ||
             parent_of(span) != nullptr;
    });
  }));
  std::size_t pages = 0, settled = 0, linked = 0;
  for (const SeenSpan& span : all) {
    if (span.name == "feed") {
      ASSERT_NE(parent_of(span), nullptr);
      const SeenSpan page = *parent_of(span);
      EXPECT_EQ(page.name, "feed.page");
      EXPECT_EQ(page.service, "central-gateway");
      EXPECT_EQ(page.links, span.links);
      ASSERT_NE(parent_of(page), nullptr);
      EXPECT_EQ(parent_of(page)->name, "pull");
      EXPECT_EQ(parent_of(page)->service, "edge-agent");
      linked += span.links.size();
      ++pages;
    }
    if (span.name == "settle") {
      ASSERT_NE(parent_of(span), nullptr);
      EXPECT_EQ(parent_of(span)->name, "intake");
      EXPECT_EQ(span.service, "edge-agent");
      ++settled;
    }
  }
  EXPECT_GE(pages, 2u);
  EXPECT_GE(settled, 2u);
  EXPECT_GE(linked, 5u) << "two edits, two resolutions and the proposal at least";
}

// Frames that the gateway refuses: bytes that are no frame, a session that is not, a gap. It tells of
// each by the trace that came with it, and of what stands in them nothing.
TEST_F(Watched, ARefusedFrameIsToldByItsTraceAndNothingThatStandsInIt) {
  Site& other = trial_.AddSite("kisumu", "SITE.702");
  Start();
  const std::string value = "1899-planted-9c2d71e0ab55";
  const std::string line = RecordsOf("SITE.702")[0];
  const auto encoded = [&](std::uint8_t salt) {
    return RawEdge::Encoded(Edited(line, ItemName(line, 0), value, "nurse"), "kisumu", salt);
  };
  RawEdge raw(other);
  raw.OpenSession();
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string gap_trace = "4bf92f3577b34da6a3ce929d0e0e4737";
  const auto parent_in = [](const std::string& id) { return "00-" + id + "-00f067aa0ba902b7-01"; };
  raw.PublishToGateway(Bytes(value.begin(), value.end()), parent_in(trace));
  EXPECT_EQ(raw.NextRefuse().reason, static_cast<std::uint16_t>(ErrorCode::kMalformed));
  // What stands in the place of a traceparent is no traceparent for that.
  raw.PublishToGateway(Bytes(value.begin(), value.end()), value);
  EXPECT_EQ(raw.NextRefuse().reason, static_cast<std::uint16_t>(ErrorCode::kMalformed));
  raw.PublishToGateway(raw.Sealed(wire::Push{raw.epoch(), Sequence(9), {encoded(1)}}),
                       parent_in(gap_trace));
  EXPECT_EQ(raw.NextRefuse().reason, static_cast<std::uint16_t>(ErrorCode::kSequenceGap));
  // One that cannot be decoded waits in quarantine; a session that is not ends this one.
  raw.Send(wire::Push{raw.epoch(), Sequence(1), {Bytes(value.begin(), value.end()), encoded(2)}});
  EXPECT_EQ(raw.NextReceipt().acknowledged_through, Sequence(2));
  raw.Send(wire::Push{Epoch(raw.epoch().value() + 7), Sequence(3), {encoded(3)}});
  EXPECT_EQ(raw.NextRefuse().reason, static_cast<std::uint16_t>(ErrorCode::kStaleEpoch));

  const auto refused_in = [&](const std::string& id) {
    std::vector<std::string> errors;
    for (const SeenSpan& span : receiver_.spans()) {
      if (span.trace == id && span.name == "intake") errors.push_back(span.error);
    }
    return errors;
  };
  ASSERT_TRUE(Await("the refusals are traced", [&] {
    return refused_in(trace).size() == 1 && refused_in(gap_trace).size() == 1;
  }));
  EXPECT_EQ(refused_in(trace)[0], "malformed");
  EXPECT_EQ(refused_in(gap_trace)[0], "sequence_gap");
  const std::string metrics = CentreMetrics() + SiteMetrics();
  EXPECT_GE(Sample(metrics, "edcsync_gateway_frames_turned_away_total{how=\"refused\"}"), 4);
  site_.Stop();
  trial_.StopGateway();
  const std::string log = ReadAll(trial_.LogOf("gateway"));
  std::size_t told = 0, without = 0;
  for (const SortedJson& each : ParseLines(log)) {
    if (each["event"] == "frame.refused") ++(each["trace_id"] == trace ? told : without);
    if (each["event"] == "edge.refused" && each["reason"] == 302) {
      EXPECT_EQ(each["trace_id"], gap_trace);
    }
  }
  EXPECT_EQ(told, 1u);
  EXPECT_EQ(without, 1u) << "that with a planted traceparent";
  EXPECT_NE(log.find("\"event\":\"edge.refused\""), std::string::npos);
  std::string broker;
  for (const auto& entry : fs::recursive_directory_iterator(trial_.GatewayDir() + "/broker")) {
    if (entry.is_regular_file()) broker += ReadAll(entry.path());
  }
  const std::string site_log = ReadAll(trial_.LogOf("tororo"));
  for (const std::string& said : {log, site_log, metrics, receiver_.raw(), broker}) {
    EXPECT_EQ(said.find(value), std::string::npos);
  }
}

}  // namespace
}  // namespace edcsync::testing
