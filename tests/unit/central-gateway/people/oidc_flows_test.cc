#include "central-gateway/people/oidc_flows.h"

#include <gmock/gmock.h>

#include <set>

#include "central-gateway/people/id_token.h"
#include "central-gateway/people/signing_tickets.h"
#include "tests/support/manual_clock.h"

namespace edcsync::central {
namespace {

Digest NewKey(Random& random) {
  Digest key;
  random.Fill(key);
  return key;
}

class OidcFlowsTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  SystemRandom random_;
  OidcFlows flows_{clock_, random_};
};

TEST_F(OidcFlowsTest, WhoBeginsWithoutEndPushesOutTheOldestAndTakesNoMoreMemory) {
  const OidcFlows::Begun first = flows_.Begin({}, "");
  clock_.Advance(1);
  OidcFlows::Begun last;
  for (std::size_t i = 0; i < OidcFlows::kCountMax; ++i) last = flows_.Begin({}, "");
  EXPECT_EQ(flows_.count(), OidcFlows::kCountMax);
  EXPECT_FALSE(flows_.Take(first.state, first.cookie));
  EXPECT_TRUE(flows_.Take(last.state, last.cookie));
  clock_.Advance(OidcFlows::kWaitMsMax);
  flows_.Begin({}, "");
  EXPECT_EQ(flows_.count(), 1U);
}

TEST_F(OidcFlowsTest, ASessionThatAsksToSignAgainAndAgainKeepsTheNewestOnly) {
  OidcFlow signing;
  signing.signing.emplace();
  signing.signing->session = NewKey(random_);
  const OidcFlows::Begun first = flows_.Begin(signing, "");
  const OidcFlows::Begun second = flows_.Begin(signing, first.cookie);
  signing.signing->session = NewKey(random_);
  flows_.Begin(signing, "");
  EXPECT_EQ(flows_.count(), 2U);
  EXPECT_FALSE(flows_.Take(first.state, first.cookie));
  EXPECT_TRUE(flows_.Take(second.state, second.cookie));
}

TEST_F(OidcFlowsTest, ACookieThatWasNotGivenHereIsNotTakenOver) {
  const OidcFlows::Begun begun = flows_.Begin({}, "planted");
  EXPECT_NE(begun.cookie, "planted");
  EXPECT_EQ(flows_.Begin({}, begun.cookie).cookie, begun.cookie);
  EXPECT_FALSE(flows_.Take(begun.state, ""));
}

TEST(SigningTicketsTest, TheOldestGoesWhereThereAreTooMany) {
  ManualClock clock;
  SystemRandom random;
  SigningTickets tickets(clock, random);
  const Digest first = NewKey(random);
  const std::string ticket = tickets.Issue(first);
  clock.Advance(1);
  for (std::size_t i = 0; i < SigningTickets::kCountMax; ++i) {
    tickets.Issue(NewKey(random));
  }
  tickets.Confirm(first, SigningTickets::KeyOf(ticket));
  EXPECT_FALSE(tickets.Use(first, ticket).ok());
}

TEST(SigningTicketsTest, WhatWasRefusedIsNotConfirmedLater) {
  ManualClock clock;
  SystemRandom random;
  SigningTickets tickets(clock, random);
  const Digest session = NewKey(random);
  const std::string ticket = tickets.Issue(session);
  tickets.Refuse(session, SigningTickets::KeyOf(ticket), "denied");
  tickets.Confirm(session, SigningTickets::KeyOf(ticket));
  EXPECT_EQ(tickets.Look(session, ticket).why, "denied");
  EXPECT_FALSE(tickets.Use(session, ticket).ok());
}

// Whatever the signed payload is, reading it ends in a token or a refusal.
TEST(IdTokenTest, APayloadThatIsNoClaimsIsRefused) {
  IdTokenDemands demands;
  demands.issuer = "https://a";
  demands.client_id = "b";
  demands.nonce = "c";
  demands.user_claim = "sub";
  for (const std::string& payload :
       {std::string(), std::string("null"), std::string("[]"), std::string("\"x\""),
        std::string("{\"iss\":\"https://a\",\"aud\":{\"b\":1}}"), std::string("\xff\xfe"),
        std::string(R"({"iss":"https://a","aud":"b","exp":1e400,"iat":0})"),
        R"({"iss":)" + std::string(100'000, '['), std::string(100'000, '{')}) {
    EXPECT_FALSE(ReadIdToken(payload, demands).ok()) << payload.substr(0, 40);
  }
  const auto read = ReadIdToken(
      R"({"iss":"https://a","aud":"b","exp":2,"iat":0,"nonce":"c","sub":"s"})", demands);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->name, "s");
}

TEST(IdTokenTest, AnAddressThatTheProviderDidNotVerifyIsNobodysName) {
  IdTokenDemands demands;
  demands.issuer = "https://a";
  demands.client_id = "b";
  demands.nonce = "c";
  demands.user_claim = "email";
  const auto name = [&](const std::string& more) {
    const auto read = ReadIdToken(R"({"iss":"https://a","aud":"b","exp":2,"iat":0,"nonce":"c",)"
                                  R"("sub":"s","email":"n@st-mary.org")" + more + "}",
                                  demands);
    return read.ok() ? read->name : "refused";
  };
  EXPECT_EQ(name(""), "n@st-mary.org");
  EXPECT_EQ(name(R"(,"email_verified":true)"), "n@st-mary.org");
  EXPECT_EQ(name(R"(,"email_verified":false)"), "");
  EXPECT_EQ(name(R"(,"email_verified":"false")"), "");
}

}  // namespace
}  // namespace edcsync::central
