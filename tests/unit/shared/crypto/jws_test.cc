#include "shared/crypto/jws.h"

#include <gmock/gmock.h>

#include "shared/base/json.h"
#include "tests/support/signing_keys.h"

namespace edcsync {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kClaims[] = R"({"sub":"248289761001"})";

class SignedTokens : public ::testing::Test {
 protected:
  static JsonWebKeys Parse(const Json& keys) {
    Result<JsonWebKeys> parsed = JsonWebKeys::Parse(keys.dump());
    EXPECT_TRUE(parsed.ok()) << parsed.error().ToString();
    return *std::move(parsed);
  }
  static ErrorCode CodeOf(const Result<std::string>& result) {
    return result.ok() ? ErrorCode{} : result.error().code;
  }

  testing::SigningKeys theirs_{1};
  JsonWebKeys keys_ = Parse(theirs_.Public());
};

TEST_F(SignedTokens, AreTakenByEachAlgorithmOfTheList) {
  EXPECT_EQ(keys_.count(), 2U);
  for (const char* algorithm : {"RS256", "PS256", "ES256"}) {
    const auto payload = keys_.Verify(theirs_.SignedBy(algorithm, kClaims));
    ASSERT_TRUE(payload.ok()) << algorithm << payload.error().ToString();
    EXPECT_EQ(*payload, kClaims) << algorithm;
  }
  const auto nameless = keys_.Verify(theirs_.Sign({{"alg", "ES256"}}, kClaims));
  EXPECT_TRUE(nameless.ok()) << "a token without key id is held against every key that suits";
}

TEST_F(SignedTokens, WithoutASignatureOrWithOneByThePublicKeyAsSecretAreRefused) {
  EXPECT_FALSE(keys_.Verify(theirs_.SignedBy("none", kClaims)).ok());
  EXPECT_EQ(CodeOf(keys_.Verify(theirs_.SignedBy("HS256", kClaims))), ErrorCode::kForbidden);
  EXPECT_FALSE(keys_.Verify(theirs_.Sign({{"alg", "nOnE"}}, kClaims)).ok());
  EXPECT_EQ(CodeOf(keys_.Verify(theirs_.Sign({{"alg", "RS512"}}, kClaims))), ErrorCode::kForbidden);
}

TEST_F(SignedTokens, ChangedInAnyPartAreRefused) {
  for (const char* algorithm : {"RS256", "PS256", "ES256"}) {
    const std::string token = theirs_.SignedBy(algorithm, kClaims);
    // The last character has bits that mean nothing.
    for (std::size_t at = 0; at + 1 < token.size(); at += 7) {
      std::string changed = token;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      const auto payload = keys_.Verify(changed);
      EXPECT_FALSE(payload.ok()) << algorithm << " at " << at;
    }
    EXPECT_FALSE(keys_.Verify(token.substr(0, token.rfind('.') + 1)).ok());
    EXPECT_FALSE(keys_.Verify(token.substr(0, token.rfind('.'))).ok());
  }
}

TEST_F(SignedTokens, OfAnotherKeyAreRefusedAndAnUnknownKeyIsToldApart) {
  const testing::SigningKeys others(1);  // The same ids.
  EXPECT_EQ(CodeOf(keys_.Verify(others.SignedBy("RS256", kClaims))), ErrorCode::kUnauthorized);
  EXPECT_EQ(CodeOf(keys_.Verify(theirs_.SignedBy("RS256", kClaims, "rsa-7"))),
            ErrorCode::kNotFound);
  // A token may not choose what kind of key its key is.
  EXPECT_EQ(CodeOf(keys_.Verify(theirs_.SignedBy("RS256", kClaims, "ec-1"))), ErrorCode::kNotFound);
}

TEST_F(SignedTokens, ThatDemandAnExtensionAreRefused) {
  const Json header = {{"alg", "RS256"}, {"kid", "rsa-1"}, {"b64", false}, {"crit", {"b64"}}};
  EXPECT_EQ(CodeOf(keys_.Verify(theirs_.Sign(header, kClaims))), ErrorCode::kForbidden);
}

TEST_F(SignedTokens, ThatAreLargeOrNoTokensAreRefusedWithoutTheirContent) {
  const std::string secret = "Kisumu-7-secret";
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), secret, secret + "." + secret + ".x",
        std::string("a.b.c.d"), "ey J." + secret + ".x", std::string("\0.a.b", 5)}) {
    const auto payload = keys_.Verify(token);
    ASSERT_FALSE(payload.ok()) << token;
    EXPECT_THAT(payload.error().message, Not(HasSubstr(secret)));
  }
  const std::string large = theirs_.SignedBy("RS256", std::string(20'000, 'a'));
  EXPECT_EQ(CodeOf(keys_.Verify(large)), ErrorCode::kTooLarge);
}

TEST(KeySet, PassesOverKeysThatVerifyNothingHere) {
  Json set = testing::SigningKeys(1).Public();
  set["keys"][0]["use"] = "enc";
  set["keys"][1]["alg"] = "ES384";
  Json small = testing::SigningKeys(2, 1024).Public();
  set["keys"].push_back(small["keys"][0]);
  set["keys"].push_back({{"kty", "oct"}, {"k", "c2VjcmV0"}});
  set["keys"].push_back({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "abc"}});
  set["keys"].push_back({{"kty", "RSA"}, {"n", "???"}, {"e", "AQAB"}});
  set["keys"].push_back({{"kty", "EC"}, {"crv", "P-256"}, {"x", "AQAB"}, {"y", "AQAB"}});
  set["keys"].push_back(7);
  const auto keys = JsonWebKeys::Parse(set.dump());
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->count(), 1U) << "the one for ES384 stays, and suits nothing";
  EXPECT_FALSE(keys->Verify(testing::SigningKeys(2).SignedBy("ES256", kClaims)).ok());
}

TEST(KeySet, ThatIsLargeDeepOrNoneIsRefused) {
  const Json key = testing::SigningKeys(1).Public()["keys"][0];
  Json many = {{"keys", Json::array()}};
  for (std::size_t i = 0; i <= JsonWebKeys::kKeyCountMax; ++i) many["keys"].push_back(key);
  EXPECT_EQ(JsonWebKeys::Parse(many.dump()).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(JsonWebKeys::Parse(std::string(300'000, ' ')).error().code, ErrorCode::kTooLarge);
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"keys": {}})"),
        R"({"keys": )" + std::string(200'000, '[')}) {
    EXPECT_EQ(JsonWebKeys::Parse(text).error().code, ErrorCode::kMalformed) << text.substr(0, 40);
  }
}

TEST(Base64UrlText, IsAsInTheStandard) {  // RFC 4648, 10, without padding.
  EXPECT_EQ(ToBase64Url(AsBytes("")), "");
  EXPECT_EQ(ToBase64Url(AsBytes("f")), "Zg");
  EXPECT_EQ(ToBase64Url(AsBytes("fo")), "Zm8");
  EXPECT_EQ(ToBase64Url(AsBytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(ToBase64Url(AsBytes("\xFB\xFF")), "-_8");
}

}  // namespace
}  // namespace edcsync
