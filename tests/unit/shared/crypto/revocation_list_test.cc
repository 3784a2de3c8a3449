#include "shared/crypto/revocation_list.h"

#include <gtest/gtest.h>

#include "shared/base/random.h"

namespace edcsync {
namespace {

const WallTime kIssuedAt{1'700'000'000'000};

class RevocationListTest : public ::testing::Test {
 protected:
  SystemRandom random_;
  CertificateAuthority authority_ =
      *CertificateAuthority::Create("Centre", kIssuedAt, 365, random_);
};

TEST_F(RevocationListTest, TellsSerialsReasonsDatesAndWhoseItIs) {
  const std::vector<RevokedCertificate> revoked{{"00ab"}, {"1234567890abcdef", true}};
  const std::string pem = authority_.IssueCrl(revoked, kIssuedAt, 30).value();
  const RevocationList list = RevocationList::FromPem(pem).value();
  EXPECT_EQ(list.revoked,
            (std::vector<RevokedCertificate>{{"ab", false}, {"1234567890abcdef", true}}));
  EXPECT_TRUE(list.Names("ab"));
  EXPECT_FALSE(list.Names("ac"));
  EXPECT_EQ(list.issued_at, kIssuedAt);
  EXPECT_EQ(list.next_update.ms, kIssuedAt.ms + 30LL * 86'400'000);
  EXPECT_TRUE(list.IsSignedBy(authority_.certificate()));
  const auto foreign = CertificateAuthority::Create("Other", kIssuedAt, 10, random_).value();
  EXPECT_FALSE(list.IsSignedBy(foreign.certificate()));
}

TEST_F(RevocationListTest, WhatIsNoListIsRefused) {
  EXPECT_EQ(RevocationList::FromPem("no list").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(RevocationList::FromPem(authority_.certificate().ToPem()).error().code,
            ErrorCode::kMalformed);
}

}  // namespace
}  // namespace edcsync
