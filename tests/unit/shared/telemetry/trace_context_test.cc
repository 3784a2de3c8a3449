#include "shared/telemetry/trace_context.h"

#include <gtest/gtest.h>

#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

constexpr char kExample[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParent, TheExampleOfTheStandardIsReadAndWrittenAlike) {
  const auto context = ParseTraceParent(kExample);
  ASSERT_TRUE(context);
  EXPECT_EQ(ToHex(context->trace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(ToHex(context->span), "00f067aa0ba902b7");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(FormatTraceParent(*context), kExample);
}

TEST(TraceParent, WhatAStrangerMayWriteIsTakenOnlyIfItIsExactlyOne) {
  const std::string good = kExample;
  for (const std::string& wrong :
       {std::string(), good + "0", good.substr(1), good + "-more", std::string(55, '0'),
        std::string(100'000, 'a'), "ff" + good.substr(2), "01" + good.substr(2),
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g"),
        std::string("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e473\0-00f067aa0ba902b7-01", 55)}) {
    EXPECT_FALSE(ParseTraceParent(wrong)) << wrong.substr(0, 80);
  }
}

TEST(TraceContexts, ALogLineNamesTheTraceOfATraceParentAndNothingElseThatCame) {
  EXPECT_EQ(TraceIdTextIn("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(TraceIdTextIn(""), "");
  EXPECT_EQ(TraceIdTextIn("1899-entered-by-a-nurse"), "");
}

TEST(TraceId, ARecordHasOneWhoeverComputesIt) {
  const RecordKey key{StudyOID("S"), SubjectKey("1"),  StudyEventOID("E"),
                      RepeatKey("1"), FormOID("F"), RepeatKey("1")};
  const std::string text = "edcsync-trace-v1:" + ToString(key);
  EXPECT_EQ(TraceIdText(key), ToHex(Sha256(AsBytes(text))).substr(0, 32));
  RecordKey other = key;
  other.form_repeat = RepeatKey("2");
  EXPECT_NE(TraceIdText(key), TraceIdText(other));
}

}  // namespace
}  // namespace edcsync
