#include "shared/telemetry/tracer.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

class KeptSpans final : public SpanSink {
 public:
  void Take(Span span) override { spans.push_back(std::move(span)); }
  std::vector<Span> spans;
};

RecordKey KeyOf(int number) {
  return {StudyOID("S"),  SubjectKey(std::to_string(number)), StudyEventOID("E"),
          RepeatKey("1"), FormOID("F"),                       RepeatKey("1")};
}

TEST(Tracer, BothProgramsChooseTheSameRecordsAndAboutAsManyAsTold) {
  SystemClock clock;
  SystemRandom random;
  KeptSpans sink;
  const Tracer edge(0.25, clock, random, sink), gateway(0.25, clock, random, sink);
  int chosen = 0;
  for (int i = 0; i < 4000; ++i) {
    const TraceId trace = TraceIdOf(KeyOf(i));
    ASSERT_EQ(edge.Samples(trace), gateway.Samples(trace));
    chosen += edge.Samples(trace) ? 1 : 0;
  }
  EXPECT_NEAR(chosen, 1000, 150);
  const Tracer all(1, clock, random, sink);
  EXPECT_TRUE(all.Samples(TraceId{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff}));
}

TEST(Tracer, OnlySampledSpansAreHandedOnWithTheirEndAndBoundedLinks) {
  SystemClock clock;
  SystemRandom random;
  KeptSpans sink;
  Tracer tracer(1, clock, random, sink);
  Span span;
  span.context = tracer.NewTrace();
  span.start_us = tracer.NowUs();
  span.links.resize(Span::kLinksMax + 10);
  tracer.End(span);
  ASSERT_EQ(sink.spans.size(), 1u);
  EXPECT_GE(sink.spans[0].end_us, sink.spans[0].start_us);
  EXPECT_EQ(sink.spans[0].links.size(), Span::kLinksMax);
  Tracer none(0, clock, random, sink);
  none.End(span);
  EXPECT_EQ(sink.spans.size(), 1u);
}

TEST(Tracer, TheSpanOfARevisionIsTheSameAtBothEnds) {
  SystemClock clock;
  SystemRandom random;
  KeptSpans sink;
  const Tracer edge(1, clock, random, sink), gateway(1, clock, random, sink);
  RevisionId id;
  id.digest.fill(7);
  EXPECT_EQ(edge.RevisionSpan(KeyOf(1), id), gateway.RevisionSpan(KeyOf(1), id));
  EXPECT_EQ(edge.RevisionSpan(KeyOf(1), id).trace, TraceIdOf(KeyOf(1)));
}

}  // namespace
}  // namespace edcsync
