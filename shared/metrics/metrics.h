// What a program tells of itself in numbers, in Prometheus' text format 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats). Two kinds: histograms and counters live
// here and are fed where something happens; all else is a sample, asked for when somebody looks.
//
//   Histogram& seconds = metrics.AddHistogram("edcsync_edge_capture_seconds", "...", buckets);
//   seconds.Observe(0.004);
//   metrics.OnCollect([&](MetricSamples& samples) { samples.Gauge("...", "...", 3); });
//
// Names follow Prometheus' conventions: the program's prefix, base units (seconds, bytes), _total
// for what only grows. Labels are few and bounded: an edge's id, a reason, a file; NEVER a subject,
// a record or an item. The one place that knows prometheus-cpp.
//
// Threads: any; collectors run one after another on the thread of Expose().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace edcsync {

using MetricLabels = std::map<std::string, std::string>;

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double more = 1) = 0;
};

// Samples of one look. A name's help and kind are those of its first sample.
class MetricSamples {
 public:
  MetricSamples();
  ~MetricSamples();
  void Gauge(const std::string& name, const std::string& help, double value,
             const MetricLabels& labels = {});
  void Total(const std::string& name, const std::string& help, double value,
             const MetricLabels& labels = {});

 private:
  friend class Metrics;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // REQUIRES: `bounds` ascend; a name is added once for each set of labels. Live as long as this.
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds, const MetricLabels& labels = {});
  Counter& AddCounter(const std::string& name, const std::string& help,
                      const MetricLabels& labels = {});

  using Collector = std::function<void(MetricSamples&)>;
  // Before the first Expose().
  void OnCollect(Collector collector);

  // Everything, as text/plain; version=0.0.4.
  std::string Expose();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Bounds for what takes from a fraction of a millisecond to ten seconds (a commit, a call).
std::vector<double> ShortTimes();
// For what may wait for a network: from 10 ms to hours.
std::vector<double> LongTimes();

}  // namespace edcsync
