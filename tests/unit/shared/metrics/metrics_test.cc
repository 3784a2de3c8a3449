#include "shared/metrics/metrics.h"

#include <gmock/gmock.h>

namespace edcsync {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, AHistogramCountsWhatIsAtMostEachBound) {
  Metrics metrics;
  Histogram& seconds = metrics.AddHistogram("edcsync_edge_capture_seconds", "Capture.", {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 3.0}) seconds.Observe(value);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("# TYPE edcsync_edge_capture_seconds histogram"));
  EXPECT_THAT(text, HasSubstr("edcsync_edge_capture_seconds_bucket{le=\"0.1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("edcsync_edge_capture_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("edcsync_edge_capture_seconds_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("edcsync_edge_capture_seconds_count 4\n"));
}

TEST(Metrics, CountersOfOneNameAreToldApartByTheirLabels) {
  Metrics metrics;
  metrics.AddCounter("edcsync_x_total", "X.", {{"outcome", "captured"}}).Add(2);
  metrics.AddCounter("edcsync_x_total", "X.", {{"outcome", "refused"}}).Add();
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("edcsync_x_total{outcome=\"captured\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("edcsync_x_total{outcome=\"refused\"} 1\n"));
}

TEST(Metrics, SamplesAreThoseOfTheMomentAndLeaveNothingBehind) {
  Metrics metrics;
  std::string edge = "kisumu";
  metrics.OnCollect([&](MetricSamples& samples) {
    samples.Gauge("edcsync_gateway_edge_clock_drift_seconds", "Drift.", -1.5, {{"edge", edge}});
    samples.Total("edcsync_gateway_frames_received_total", "Frames.", 7);
  });
  EXPECT_THAT(metrics.Expose(),
              HasSubstr("edcsync_gateway_edge_clock_drift_seconds{edge=\"kisumu\"} -1.5\n"));
  edge = "a\"b\\c\nd";
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, ::testing::Not(HasSubstr("kisumu")));
  EXPECT_THAT(text, HasSubstr("{edge=\"a\\\"b\\\\c\\nd\"}"));
  EXPECT_THAT(text, HasSubstr("# TYPE edcsync_gateway_frames_received_total counter"));
}

}  // namespace
}  // namespace edcsync
