#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "shared/base/limits.h"
#include "shared/model/revision.h"

namespace edcsync {
namespace {

RevisionId IdOf(std::uint8_t first) {
  RevisionId id;
  id.digest.fill(first);
  return id;
}

// The revision of the worked example in schema/wire/revision.md.
Revision Example() {
  Revision revision;
  revision.key = {StudyOID("CDISCPILOT01"), SubjectKey("01-702-1082"), StudyEventOID("SE.WEEK_2"),
                  RepeatKey("1"), FormOID("F.VS"), RepeatKey("1")};
  revision.site = SiteOID("SITE.702");
  revision.origin = Origin::kSite;
  revision.version = 2;
  revision.parents = {IdOf(0xAA)};
  revision.metadata_version = MetaDataVersionOID("MDV.1");
  revision.user = "nurse";
  revision.edge = EdgeId("kisumu-1");
  revision.edited_at = {1'790'000'000'123, 300};
  revision.utc_offset_minutes = -180;
  revision.clock_drift_ms = -42;
  revision.reason_for_change = "typo";
  for (std::size_t i = 0; i < 16; ++i) revision.salt[i] = static_cast<std::uint8_t>(i);
  revision.items = {{{ItemGroupOID("IG.VS"), RepeatKey("1")},
                     {{ItemOID("IT.PULSE"), "72"}, {ItemOID("IT.TEMP"), std::nullopt}}}};
  return revision;
}

TEST(RevisionCodec, WhatIsEncodedIsDecodedAsItWas) {
  Revision revision = Example();
  EXPECT_EQ(DecodeRevision(EncodeRevision(revision)).value(), revision);
  revision.items[{ItemGroupOID("IG.VS"), RepeatKey("2")}][ItemOID("IT.NOTE")] =
      std::string("null\0and \xF0\x9F\x92\x8A\r\n", 15);
  revision.clock_drift_ms = std::nullopt;
  revision.user.clear();
  revision.metadata_version = MetaDataVersionOID();
  revision.edited_at = {-1, UINT32_MAX};
  revision.parents = {IdOf(1), IdOf(2), IdOf(3)};
  revision.version = UINT32_MAX;
  EXPECT_EQ(DecodeRevision(EncodeRevision(revision)).value(), revision);
  revision.removed = true;
  revision.items.clear();
  revision.origin = Origin::kResolution;
  revision.edge = EdgeId();
  EXPECT_EQ(DecodeRevision(EncodeRevision(revision)).value(), revision);
}

// Ids are hashes of these bytes: two encodings of one revision would be two revisions.
TEST(RevisionCodec, EveryAlteredByteIsRefusedOrIsAnotherRevisionsOnlyEncoding) {
  const Bytes bytes = EncodeRevision(Example());
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes altered = bytes;
      altered[at] = static_cast<std::uint8_t>(value);
      const auto revision = DecodeRevision(altered);
      if (!revision.ok()) continue;
      ++accepted;
      ASSERT_EQ(EncodeRevision(*revision), altered) << "byte " << at << " as " << value;
    }
  }
  EXPECT_GT(accepted, bytes.size());
}

TEST(RevisionCodec, CutShortOrWithBytesBehindItIsRefused) {
  Bytes bytes = EncodeRevision(Example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(DecodeRevision(BytesView(bytes).first(size)).error().code, ErrorCode::kMalformed)
        << size;
  }
  bytes.push_back(0);
  EXPECT_EQ(DecodeRevision(bytes).error().code, ErrorCode::kMalformed);
}

TEST(RevisionCodec, ALongerFormOfANumberIsRefused) {
  // The first text's length, 12, as two bytes: 0x8C 0x00.
  Bytes bytes = EncodeRevision(Example());
  ASSERT_EQ(bytes[4], 12);
  bytes[4] = 0x8C;
  bytes.insert(bytes.begin() + 5, 0x00);
  EXPECT_EQ(DecodeRevision(bytes).error().code, ErrorCode::kMalformed);
}

TEST(RevisionCodec, ItemsGroupsAndParentsOutOfOrderAreRefused) {
  Revision revision = Example();
  revision.items = {{{ItemGroupOID("A"), RepeatKey("1")}, {{ItemOID("a"), "1"}}},
                    {{ItemGroupOID("B"), RepeatKey("1")}, {{ItemOID("b"), "2"}}}};
  Bytes bytes = EncodeRevision(revision);
  const auto swap = [&](std::uint8_t a, std::uint8_t b) {
    for (std::size_t i = bytes.size() - 20; i < bytes.size(); ++i) {
      bytes[i] = bytes[i] == a ? b : bytes[i] == b ? a : bytes[i];
    }
  };
  swap('A', 'B');
  EXPECT_EQ(DecodeRevision(bytes).error().code, ErrorCode::kMalformed);
  revision.parents = {IdOf(2), IdOf(1)};
  EXPECT_FALSE(DecodeRevision(EncodeRevision(revision)).ok());
  revision.parents = {IdOf(1), IdOf(1)};
  EXPECT_FALSE(DecodeRevision(EncodeRevision(revision)).ok());
}

TEST(RevisionCodec, CountsBeyondTheLimitsAreRefusedBeforeTheirItems) {
  Revision revision = Example();
  revision.items.clear();
  Bytes bytes = EncodeRevision(revision);
  ASSERT_EQ(bytes.back(), 0);
  bytes.pop_back();
  for (const std::uint8_t byte : {0xFF, 0xFF, 0xFF, 0x7F}) bytes.push_back(byte);
  EXPECT_EQ(DecodeRevision(bytes).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(DecodeRevision(Bytes(limits::kRevisionBytesMax + 1)).error().code,
            ErrorCode::kTooLarge);
}

TEST(RevisionCodec, WhatIsNotWellFormedIsRefused) {
  const auto refused = [](auto change) {
    Revision revision = Example();
    change(revision);
    return !CheckRevision(revision).ok() && !DecodeRevision(EncodeRevision(revision)).ok();
  };
  EXPECT_TRUE(refused([](Revision& r) { r.version = 0; }));
  EXPECT_TRUE(refused([](Revision& r) { r.version = 1; }));
  EXPECT_TRUE(refused([](Revision& r) { r.parents.clear(); }));
  EXPECT_TRUE(refused([](Revision& r) { r.removed = true; }));
  EXPECT_TRUE(refused([](Revision& r) { r.edge = EdgeId(); }));
  EXPECT_TRUE(refused([](Revision& r) { r.edge = EdgeId("a/b"); }));
  EXPECT_TRUE(refused([](Revision& r) { r.origin = Origin::kOnline; }));
  EXPECT_TRUE(refused([](Revision& r) { r.reason_for_change = "\xFF"; }));
  EXPECT_TRUE(refused([](Revision& r) { r.user = "a\nb"; }));
  Revision unknown_origin = Example();
  unknown_origin.origin = static_cast<Origin>(6);
  EXPECT_FALSE(DecodeRevision(EncodeRevision(unknown_origin)).ok());
}

// schema/wire/revision.md is what another implementer works from: its example must be true.
TEST(RevisionCodec, TheDocumentsWorkedExampleIsWhatTheEncoderWrites) {
  std::ifstream file(EDCSYNC_SOURCE_DIR "/schema/wire/revision.md");
  std::string line;
  std::string hex;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line == "```hex") {
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      const std::string digits = line.substr(0, line.find('#'));  // After it, words.
      std::ranges::copy_if(digits, std::back_inserter(hex), [](char c) { return c != ' '; });
    }
  }
  EXPECT_EQ(hex, ToHex(EncodeRevision(Example())));
}

}  // namespace
}  // namespace edcsync
