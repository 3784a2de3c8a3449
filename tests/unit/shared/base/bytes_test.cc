#include "shared/base/bytes.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

TEST(Hex, EveryByteComesBack) {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::uint8_t>(i));
  EXPECT_EQ(FromHex(ToHex(all)), all);
  EXPECT_EQ(ToHex(Bytes{0x00, 0x0F, 0xAB}), "000fab");
  EXPECT_EQ(FromHex("aBCd"), (Bytes{0xAB, 0xCD}));
  EXPECT_EQ(FromHex(""), Bytes{});
}

TEST(Hex, OddLengthAndOtherDigitsAreRefused) {
  for (const char* text : {"a", "abc", "0g", "g0", " 0", "0x", "-1"}) {
    EXPECT_EQ(FromHex(text), std::nullopt) << text;
  }
}

TEST(Utf8, WellFormedTextOfEveryLengthIsTaken) {
  for (const char* text : {"", "Kisumu", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
                           "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                           "\xF4\x8F\xBF\xBF", "a\xC3\xA9z"}) {
    EXPECT_TRUE(IsUtf8(text)) << ToHex(AsBytes(text));
  }
  EXPECT_TRUE(IsUtf8(std::string_view("a\0b", 3)));
}

TEST(Utf8, OverlongFormsSurrogatesAndBeyondUnicodeAreRefused) {
  for (const char* text : {"\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",  // Overlong.
                           "\xED\xA0\x80", "\xED\xBF\xBF",                    // Surrogates.
                           "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF", "\xFE"}) {
    EXPECT_FALSE(IsUtf8(text)) << ToHex(AsBytes(text));
  }
}

TEST(Utf8, BrokenOffAndStrayContinuationBytesAreRefused) {
  for (const char* text : {"\x80", "\xBF", "a\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98",
                           "\xC3(", "\xE2\x82z", "\xF0\x9F\x98z", "\xC3\xC3\xA9"}) {
    EXPECT_FALSE(IsUtf8(text)) << ToHex(AsBytes(text));
  }
}

TEST(Utf8, NoByteBeyondTheViewIsRead) {
  const std::string_view euro = "\xE2\x82\xAC";
  EXPECT_FALSE(IsUtf8(euro.substr(0, 2)));
  EXPECT_TRUE(IsUtf8(euro));
}

}  // namespace
}  // namespace edcsync
