#include "tests/bench/measures.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/bench/ceiling.h"
#include "tests/bench/forms.h"

namespace edcsync::bench {
namespace {

constexpr double kPollS = 0.01;
constexpr double kDrainTimeoutS = 1800;

double Rounded(double value) { return std::round(value * 1000) / 1000; }

// "p50Ms" and the like of latencies in seconds.
Json Percentiles(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    const auto last = static_cast<double>(seconds.size() - 1);
    return Rounded(seconds[static_cast<std::size_t>(share * last)] * 1000);
  };
  return {{"p50Ms", at(0.50)}, {"p99Ms", at(0.99)}, {"maxMs", at(1)}};
}

std::uint64_t SubmitOne(HttpClient& client, const std::string& form) {
  const Result<HttpResponse> response = client.Post("/v1/submissions", form, "application/json");
  if (!response.ok()) Abandon(response.error().ToString());
  const Json answer = Json::parse(response->body, nullptr, false);
  if (response->status != 200 || !answer.is_object()) Abandon(response->body);
  const Json& outcome = answer["outcomes"].at(0);
  if (outcome["outcome"] != "captured") Abandon("not captured: " + outcome.dump());
  return outcome["sequence"].get<std::uint64_t>();
}

Json CaptureWith(EdgeService& edge, const std::string& site, int client_count,
                 std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> forms;
  for (std::uint64_t i = 0; i < count; ++i) forms.push_back(Form(site, first + i));
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  std::vector<double> latencies;
  const Usage before = UsageOf(edge.pid());
  const double begun = NowS();
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < client_count; ++i) {
      clients.emplace_back([&] {
        const std::unique_ptr<HttpClient> client = edge.NewClient();
        std::vector<double> own;
        for (std::uint64_t at = next++; at < count; at = next++) {
          const double sent = NowS();
          SubmitOne(*client, forms[at]);
          own.push_back(NowS() - sent);
        }
        const std::lock_guard lock(mutex);
        latencies.insert(latencies.end(), own.begin(), own.end());
      });
    }
  }
  const double seconds = NowS() - begun;
  const Usage after = UsageOf(edge.pid());
  Json json = {{"clients", client_count},
               {"records", count},
               {"recordsPerS", Rounded(static_cast<double>(count) / seconds)}};
  json.update(Percentiles(std::move(latencies)));
  json["edgeCpuS"] = Rounded(after.cpu_s - before.cpu_s);
  json["edgePeakRssMib"] = Rounded(after.peak_rss_mib);
  return json;
}

Json UsageBetween(const Usage& before, const Usage& after) {
  return {{"cpuS", Rounded(after.cpu_s - before.cpu_s)},
          {"peakRssMib", Rounded(after.peak_rss_mib)}};
}

Json SumOf(const std::vector<Usage>& before, const std::vector<Usage>& after) {
  double cpu_s = 0;
  double peak = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    cpu_s += after[i].cpu_s - before[i].cpu_s;
    peak = std::max(peak, after[i].peak_rss_mib);
  }
  return {{"cpuS", Rounded(cpu_s)}, {"peakRssMib", Rounded(peak)}};
}

std::vector<Usage> UsageOfAll(const std::vector<EdgeService>& edges) {
  std::vector<Usage> usages;
  for (const EdgeService& edge : edges) usages.push_back(UsageOf(edge.pid()));
  return usages;
}

// One drain of `edges`, which are paused and have `each` records waiting.
Json DrainOnce(World& world, std::vector<EdgeService>& edges, std::uint64_t each) {
  world.StartGateway();
  const pid_t gateway = world.gateway_pid();
  const pid_t broker = world.broker_pid();
  for (const EdgeService& edge : edges) ResetPeak(edge.pid());
  ResetPeak(gateway);
  const std::vector<Usage> edges_before = UsageOfAll(edges);
  const Usage gateway_before = UsageOf(gateway);
  const Usage broker_before = UsageOf(broker);
  const double begun = NowS();
  for (EdgeService& edge : edges) edge.Sync("resume");
  std::size_t done = 0;  // Edges before this one are drained.
  AwaitTrue("the drain", kDrainTimeoutS, kPollS, [&] {
    while (done < edges.size() && edges[done].AcknowledgedThrough() == each) ++done;
    return done == edges.size();
  });
  const double seconds = NowS() - begun;
  const Usage gateway_after = UsageOf(gateway);
  const Usage broker_after = UsageOf(broker);
  const std::vector<Usage> edges_after = UsageOfAll(edges);
  double bytes_sent = 0;
  double revisions_sent = 0;
  for (EdgeService& edge : edges) {
    const Json sync = edge.Status()["sync"];
    bytes_sent += sync["bytesSent"].get<double>();
    revisions_sent += sync["revisionsSent"].get<double>();
  }
  const double records = static_cast<double>(each * edges.size());
  Json json = {{"records", records},
               {"seconds", Rounded(seconds)},
               {"recordsPerS", Rounded(records / seconds)},
               {"revisionsSent", revisions_sent},
               {"frameBytesPerRecord", Rounded(bytes_sent / records)}};
  // All the broker reads from its sockets: frames and receipts under MQTT and TLS, each once.
  json["tlsBytesPerRecord"] =
      broker_after.bytes_read && broker_before.bytes_read
          ? Json(Rounded(static_cast<double>(*broker_after.bytes_read -
                                             *broker_before.bytes_read) / records))
          : Json(nullptr);
  json["edges"] = SumOf(edges_before, edges_after);
  json["gateway"] = UsageBetween(gateway_before, gateway_after);
  json["broker"] = UsageBetween(broker_before, broker_after);
  return json;
}

std::vector<EdgeService> StartEdges(const World& world, int count) {
  std::vector<EdgeService> edges;
  edges.reserve(static_cast<std::size_t>(count));
  for (int i = 1; i <= count; ++i) edges.push_back(world.StartEdge(i));
  return edges;
}

// The best run of several over the same backlog; every run's rate beside it.
Json DrainRepeatedly(World& world, int edge_count, std::uint64_t each, int repeat) {
  {
    std::vector<EdgeService> edges = StartEdges(world, edge_count);
    for (int i = 0; i < edge_count; ++i) {
      EdgeService& edge = edges[static_cast<std::size_t>(i)];
      edge.Sync("pause");
      edge.Capture(World::Site(i + 1), 0, each);
    }
  }
  world.Keep();
  Json best;
  Json rates = Json::array();
  for (int i = 0; i < repeat; ++i) {
    world.Restore();
    std::vector<EdgeService> edges = StartEdges(world, edge_count);
    const Json run = DrainOnce(world, edges, each);
    std::fprintf(stderr, "  drain %d of %d: %.0f records/s\n", i + 1, repeat,
                 run["recordsPerS"].get<double>());
    rates.push_back(run["recordsPerS"]);
    if (best.is_null() || run["recordsPerS"] > best["recordsPerS"]) best = run;
    edges.clear();
    world.StopGateway();
  }
  best["everyRunRecordsPerS"] = rates;
  return best;
}

}  // namespace

Json MeasureCapture(const Scale& scale) {
  World world(scale.bin, 1);
  EdgeService edge = world.StartEdge(1);
  Json json = Json::array();
  const std::string site = World::Site(1);
  edge.Capture(site, 0, 1000);  // Warm.
  const std::uint64_t alone = std::max<std::uint64_t>(scale.capture_records / 4, 100);
  json.push_back(CaptureWith(edge, site, 1, 1000, alone));
  json.push_back(CaptureWith(edge, site, 64, 1000 + alone, scale.capture_records));
  return json;
}

Json MeasureDrain(const Scale& scale) {
  World world(scale.bin, 1);
  Json json = DrainRepeatedly(world, 1, scale.drain_records, scale.repeat);
  const std::string source = (world.GatewayDir() / "central.db").string();
  Ceiling best;
  for (int i = 0; i < scale.repeat; ++i) {
    const Ceiling run =
        MeasureCeiling(source, (world.GatewayDir() / ("ceiling-" + std::to_string(i))).string());
    if (run.records_per_s > best.records_per_s) best = run;
  }
  json["ceiling"] = {{"records", best.records},
                     {"recordsPerS", Rounded(best.records_per_s)},
                     {"sealedBytesMean", Rounded(best.sealed_bytes_mean)}};
  json["shareOfCeiling"] = Rounded(json["recordsPerS"].get<double>() / best.records_per_s);
  return json;
}

Json MeasureDrainOfMany(const Scale& scale) {
  World world(scale.bin, scale.many_edges);
  return DrainRepeatedly(world, scale.many_edges, scale.many_records, scale.repeat);
}

Json MeasureLive(const Scale& scale) {
  World world(scale.bin, 1);
  world.StartGateway();
  EdgeService edge = world.StartEdge(1);
  AwaitTrue("the session", 60, kPollS, [&] { return edge.Status()["sync"]["state"] == "live"; });
  const std::unique_ptr<HttpClient> client = edge.NewClient();
  const std::uint64_t warm = scale.live_records / 10;
  std::vector<double> to_receipt;
  std::vector<double> to_capture;
  std::vector<double> polls;
  for (std::uint64_t i = 0; i < scale.live_records + warm; ++i) {
    const std::string form = Form(World::Site(1), i);
    const double begun = NowS();
    const std::uint64_t sequence = SubmitOne(*client, form);
    const double captured = NowS();
    double seen = captured;
    for (bool waiting = true; waiting;) {
      const double asked = NowS();
      waiting = edge.AcknowledgedThrough() < sequence;
      seen = NowS();
      if (i >= warm) polls.push_back(seen - asked);
    }
    if (i < warm) continue;
    to_capture.push_back(captured - begun);
    to_receipt.push_back(seen - begun);
  }
  Json json = {{"records", scale.live_records}};
  json["submissionToReceipt"] = Percentiles(std::move(to_receipt));
  json["submissionToCaptured"] = Percentiles(std::move(to_capture));
  // The receipt is seen by asking for the status without a pause: half a poll late on average.
  json["onePollOfStatus"] = Percentiles(std::move(polls));
  return json;
}

Json MeasureMillion(const Scale& scale) {
  World world(scale.bin, 1);
  Json json = {{"waiting", scale.million_records}};
  {
    EdgeService edge = world.StartEdge(1);
    edge.Sync("pause");
    const double begun = NowS();
    edge.Capture(World::Site(1), 0, scale.million_records);
    json["captureSeconds"] = Rounded(NowS() - begun);
    // The peak is of requests of 1,000 records each; a front end's are smaller.
    json["peakRssMibWhileCaptured"] = Rounded(UsageOf(edge.pid()).peak_rss_mib);
  }
  const double begun = NowS();
  EdgeService edge = world.StartEdge(1);
  json["restartSeconds"] = Rounded(NowS() - begun);
  json["statusWaiting"] = edge.Status()["waiting"];
  edge.Capture(World::Site(1), scale.million_records, 10);
  world.StartGateway();
  edge.Sync("resume");
  const std::uint64_t part = scale.million_records / 10;
  AwaitTrue("the drain of a part", kDrainTimeoutS, kPollS,
            [&] { return edge.AcknowledgedThrough() >= part; });
  const Usage usage = UsageOf(edge.pid());
  json["rssMib"] = Rounded(usage.rss_mib);
  json["peakRssMib"] = Rounded(usage.peak_rss_mib);
  return json;
}

}  // namespace edcsync::bench
