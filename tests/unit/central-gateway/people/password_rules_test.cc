#include "central-gateway/people/password_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "central-gateway/people/common_passwords.h"

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

void ExpectBroken(std::string_view password, const char* rule, std::string_view user = "nakato") {
  const Status status = CheckPassword(user, password);
  ASSERT_FALSE(status.ok()) << password;
  EXPECT_EQ(status.error().code, ErrorCode::kFieldInvalid) << password;
  EXPECT_THAT(status.error().message, HasSubstr(rule)) << password;
}

void ExpectTaken(std::string_view password, std::string_view user = "nakato") {
  const Status status = CheckPassword(user, password);
  EXPECT_TRUE(status.ok()) << password << ": " << (status.ok() ? "" : status.error().message);
}

TEST(PasswordRules, TwelveCharactersAreEnoughAndElevenAreNot) {
  ExpectTaken("vokhulatidem");
  ExpectBroken("vokhulatide", "fewer than 12 characters");
}

TEST(PasswordRules, CharactersAreCodePointsAndNotBytes) {
  ExpectBroken("\u9ad8\u539f\u7684\u98ce\u5439\u8fc7\u9ea6\u7530", "fewer than 12");  // 24 bytes.
  ExpectTaken("\u9ad8\u539f\u7684\u98ce\u5439\u8fc7\u9ea6\u7530\u4e0a\u7a7a\u7684\u4e91");
}

TEST(PasswordRules, AThousandAndTwentyFourBytesAreTakenAndOneMoreIsNot) {
  std::string longest;
  for (int i = 0; longest.size() < kPasswordBytesMax; ++i) longest += std::to_string(i * i) + "x";
  longest.resize(kPasswordBytesMax);
  ExpectTaken(longest);
  ExpectBroken(longest + "y", "more than 1024 bytes");
}

TEST(PasswordRules, WhatIsNoTextIsRefused) {
  ExpectBroken("vokhulatidem\xff", "not UTF-8");
  ExpectBroken("vokhula\ntidem", "control character");
  ExpectBroken(std::string_view("vokhula\0tidem", 13), "control character");
  ExpectBroken("vokhula\x7ftidem", "control character");
  ExpectBroken("vokhula\u0085tidem", "control character");
  ExpectTaken("vokhul\u00e0tidem\u00a0");
}

TEST(PasswordRules, TheUsersNameMayNotStandInItInAnyCase) {
  ExpectBroken("xx-NaKaTo-vokhula", "user's name");
  ExpectTaken("xx-nakata-vokhula");
  ExpectTaken("xx-ab-vokhulatid", "ab");  // So short a name stands in many by chance.
}

TEST(PasswordRules, EveryListedPasswordIsRefusedInAnyCase) {
  EXPECT_GE(CommonPasswords().size(), 300u);
  for (const std::string_view password : CommonPasswords()) {
    EXPECT_GE(password.size(), kPasswordLengthMin) << password;
    EXPECT_FALSE(CheckPassword("nakato", password).ok()) << password;
    std::string upper(password);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_FALSE(CheckPassword("nakato", upper).ok()) << upper;
  }
}

TEST(PasswordRules, OneThingOverAndOverIsRefusedUnlessItWouldDoAlone) {
  ExpectBroken("xxxxxxxxxxxx", "repetition");
  ExpectBroken("jqjqjqjqjqjq", "repetition");
  ExpectBroken("vokhulvokhul", "repetition");
  ExpectBroken("vokhulvokhulvo", "repetition");
  ExpectBroken("vokhulatidevokhulatide", "repetition");
  ExpectTaken("vokhulatidemvokhulatidem");
}

TEST(PasswordRules, RunsOfNeighboursAreRefused) {
  for (const char* run : {"345678901234", "lmnopqrstuvw", "zyxwvutsrqpo", "rtyuiop123456",
                          "LKJHGFDSAhgfd", "aaabbbccceee", "4rfv5tgb6yhn", "abcd98765432"}) {
    ExpectBroken(run, "run of neighbouring keys");
  }
  ExpectTaken("abcd-vokhul-4321");
}

TEST(PasswordRules, ACommonWordInItsUsualDressIsRefused) {
  for (const char* dressed :
       {"Password!2026#", "P@ssw0rd--2026", "!!Welcome!!2029", "Kenya$$$$2031", "admin-root-4711",
        "My.Hospital.99", "Monday_20260302", "L0ve&Sunsh1ne4"}) {
    ExpectBroken(dressed, "tried first");
  }
  // More than three of them, or one that is not common, are for a person to judge.
  ExpectTaken("coffee monday banana thunder");
  ExpectTaken("password-vokhulat");
}

TEST(FirstPassword, ItIsFiveWordsThatCanBeReadAloudAndNeverTheSame) {
  SystemRandom random;
  std::set<std::string> seen;
  std::set<char> letters;
  for (int i = 0; i < 500; ++i) {
    const std::string password = MakeFirstPassword(random);
    EXPECT_THAT(password,
                MatchesRegex("([b-z][aiou][b-z][aiou][b-z]-){4}[b-z][aiou][b-z][aiou][b-z]"));
    seen.insert(password);
    letters.insert(password.begin(), password.end());
    ExpectTaken(password);
  }
  EXPECT_EQ(seen.size(), 500u);
  EXPECT_EQ(letters.size(), 16u + 4u + 1u);  // Every consonant, every vowel: 16 bits a word.
}

}  // namespace
}  // namespace edcsync::central
