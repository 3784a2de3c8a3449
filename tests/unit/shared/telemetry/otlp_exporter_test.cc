#include "shared/telemetry/otlp_exporter.h"

#include <gtest/gtest.h>

#include "tests/support/otlp_receiver.h"
#include "tests/support/site_network.h"

namespace edcsync {
namespace {

using testing::Await;
using testing::OtlpReceiver;

OtlpExporter::Options OptionsFor(const std::string& endpoint) {
  OtlpExporter::Options options;
  options.endpoint = endpoint;
  options.resource = {"edge-agent", "kisumu"};
  options.gather_ms = 5;
  options.retry_ms_base = 5;
  options.retry_ms_max = 20;
  return options;
}

Span SpanNamed(const std::string& name) {
  Span span;
  span.name = name;
  span.kind = SpanKind::kProducer;
  span.context.trace.fill(0xab);
  span.context.span.fill(0xcd);
  span.parent.fill(0xef);
  span.start_us = 1'700'000'000'000'001;
  span.end_us = 1'700'000'000'000'002;
  span.attributes.emplace_back("edcsync.form_oid", "F.VS");
  span.attributes.emplace_back("edcsync.sequence", std::int64_t{1} << 60);
  span.links.push_back(span.context);
  span.error = "stale_epoch";
  return span;
}

TEST(OtlpExporter, ASpanArrivesAsTheProtocolHasIt) {
  OtlpReceiver receiver;
  OtlpExporter exporter(OptionsFor(receiver.endpoint()));
  exporter.Start();
  exporter.Take(SpanNamed("push"));
  ASSERT_TRUE(Await("the span came", [&] { return receiver.spans().size() == 1; }));
  const testing::SeenSpan span = receiver.spans()[0];
  EXPECT_EQ(span.service, "edge-agent");
  EXPECT_EQ(span.instance, "kisumu");
  EXPECT_EQ(span.name, "push");
  EXPECT_EQ(span.kind, 4);
  EXPECT_EQ(span.trace, "abababababababababababababababab");
  EXPECT_EQ(span.span, "cdcdcdcdcdcdcdcd");
  EXPECT_EQ(span.parent, "efefefefefefefef");
  EXPECT_EQ(span.start_ns, 1'700'000'000'000'001'000);
  EXPECT_EQ(span.end_ns, 1'700'000'000'000'002'000);
  EXPECT_EQ(span.attributes["edcsync.form_oid"], "F.VS");
  EXPECT_EQ(span.attributes["edcsync.sequence"], std::int64_t{1} << 60);
  EXPECT_TRUE(span.LinksTo(span));
  EXPECT_EQ(span.error, "stale_epoch");
}

TEST(OtlpExporter, ACollectorThatIsAwayForAMomentGetsEverythingOnce) {
  OtlpReceiver receiver;
  receiver.answer = 503;
  OtlpExporter exporter(OptionsFor(receiver.endpoint()));
  exporter.Start();
  for (int i = 0; i < 20; ++i) exporter.Take(SpanNamed(std::to_string(i)));
  ASSERT_TRUE(Await("it was tried", [&] { return receiver.requests() >= 2; }));
  receiver.answer = 200;
  ASSERT_TRUE(Await("all came", [&] { return exporter.figures().sent == 20; }));
  EXPECT_EQ(receiver.spans().size(), 20u);
  EXPECT_EQ(exporter.figures().dropped, 0u);
  EXPECT_GT(exporter.figures().failures, 0u);
}

TEST(OtlpExporter, WithoutACollectorNobodyWaitsAndWhatIsDroppedIsCounted) {
  OtlpExporter::Options options = OptionsFor("http://127.0.0.1:1");
  options.queue_count_max = 10;
  options.attempt_count_max = 2;
  OtlpExporter exporter(options);
  exporter.Start();
  for (int i = 0; i < 1000; ++i) exporter.Take(SpanNamed("x"));
  ASSERT_TRUE(Await("all were given up", [&] { return exporter.figures().dropped == 1000; }));
  EXPECT_EQ(exporter.figures().sent, 0u);
  exporter.Stop();
}

TEST(OtlpExporter, ABatchRefusedForGoodIsNotSentAgain) {
  OtlpReceiver receiver;
  receiver.answer = 413;
  OtlpExporter exporter(OptionsFor(receiver.endpoint()));
  exporter.Start();
  exporter.Take(SpanNamed("x"));
  ASSERT_TRUE(Await("it was dropped", [&] { return exporter.figures().dropped == 1; }));
  EXPECT_EQ(receiver.requests(), 1u);
}

TEST(OtlpExporter, WhatWaitsWhenItStopsStillGoes) {
  OtlpReceiver receiver;
  OtlpExporter::Options options = OptionsFor(receiver.endpoint());
  options.gather_ms = 60'000;
  OtlpExporter exporter(options);
  exporter.Start();
  exporter.Take(SpanNamed("last"));
  exporter.Stop();
  EXPECT_EQ(receiver.spans().size(), 1u);
  exporter.Take(SpanNamed("too late"));
  EXPECT_EQ(exporter.figures().dropped, 1u);
}

}  // namespace
}  // namespace edcsync
