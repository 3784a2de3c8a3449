#include "shared/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>

namespace edcsync {
namespace {

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double more) override { counter_.Increment(more); }

 private:
  prometheus::Counter& counter_;
};

}  // namespace

struct MetricSamples::Impl {
  std::map<std::string, prometheus::MetricFamily> families;

  prometheus::ClientMetric& Add(const std::string& name, const std::string& help,
                                prometheus::MetricType type, const MetricLabels& labels) {
    prometheus::MetricFamily& family = families[name];
    if (family.name.empty()) family = {name, help, type, {}};
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }
};

MetricSamples::MetricSamples() : impl_(std::make_unique<Impl>()) {}
MetricSamples::~MetricSamples() = default;

void MetricSamples::Gauge(const std::string& name, const std::string& help, double value,
                          const MetricLabels& labels) {
  impl_->Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void MetricSamples::Total(const std::string& name, const std::string& help, double value,
                          const MetricLabels& labels) {
  impl_->Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

struct Metrics::Impl {
  std::mutex mutex;
  prometheus::Registry registry;
  std::vector<std::unique_ptr<Histogram>> histograms;
  std::vector<std::unique_ptr<Counter>> counters;
  std::vector<Collector> collectors;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Histogram& Metrics::AddHistogram(const std::string& name, const std::string& help,
                                 const std::vector<double>& bounds, const MetricLabels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  impl_->histograms.push_back(
      std::make_unique<PrometheusHistogram>(family.Add(labels, bounds)));
  return *impl_->histograms.back();
}

Counter& Metrics::AddCounter(const std::string& name, const std::string& help,
                             const MetricLabels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  impl_->counters.push_back(std::make_unique<PrometheusCounter>(family.Add(labels)));
  return *impl_->counters.back();
}

void Metrics::OnCollect(Collector collector) {
  const std::lock_guard lock(impl_->mutex);
  impl_->collectors.push_back(std::move(collector));
}

std::string Metrics::Expose() {
  const std::lock_guard lock(impl_->mutex);
  MetricSamples samples;
  for (const Collector& collector : impl_->collectors) collector(samples);
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (auto& [name, family] : samples.impl_->families) families.push_back(std::move(family));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

std::vector<double> ShortTimes() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::vector<double> LongTimes() {
  return {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200};
}

}  // namespace edcsync
