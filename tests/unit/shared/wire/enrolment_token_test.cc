#include "shared/wire/enrolment_token.h"

#include <gtest/gtest.h>

namespace edcsync::wire {
namespace {

EnrolmentToken Example() {
  return {"https://centre.example.org:8444", std::string(64, 'a'), EdgeId("kisumu-1"),
          std::string(48, '7')};
}

TEST(EnrolmentToken, ComesBackAlsoOutOfABrokenLine) {
  const std::string text = FormatToken(Example());
  EXPECT_EQ(text.rfind("edcsync1.", 0), 0U);
  const auto token = ParseToken("  " + text.substr(0, 40) + "\r\n" + text.substr(40) + "\n");
  ASSERT_TRUE(token.ok()) << token.error().message;
  EXPECT_EQ(token->address, Example().address);
  EXPECT_EQ(token->ca_fingerprint, Example().ca_fingerprint);
  EXPECT_EQ(token->edge, Example().edge);
  EXPECT_EQ(token->secret, Example().secret);
}

TEST(EnrolmentToken, EveryLetterLostOrChangedIsNoticedAndNoSecretIsRepeated) {
  const std::string text = FormatToken(Example());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string lost = text;
    lost.erase(i, 1);
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    for (const std::string& wrong : {lost, changed}) {
      const auto token = ParseToken(wrong);
      if (token.ok()) {  // Unused bits of the last letter.
        EXPECT_EQ(token->secret, Example().secret) << i;
        continue;
      }
      EXPECT_EQ(token.error().code, ErrorCode::kMalformed);
      EXPECT_EQ(token.error().message.find("777"), std::string::npos);
    }
  }
  EXPECT_FALSE(ParseToken("").ok());
  EXPECT_FALSE(ParseToken("edcsync1.").ok());
  EXPECT_FALSE(ParseToken(std::string(100'000, 'A')).ok());
}

TEST(EnrolmentToken, AnAddressThatIsNoneIsRefused) {
  for (const char* address : {"http://centre", "https://", "https://a/b", "https://a b",
                              "file:///x", "https://user@centre"}) {
    EnrolmentToken token = Example();
    token.address = address;
    EXPECT_FALSE(ParseToken(FormatToken(token)).ok()) << address;
  }
}

}  // namespace
}  // namespace edcsync::wire
