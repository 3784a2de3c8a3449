#include "shared/crypto/digest.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

TEST(Digest, MatchesFips180) {
  EXPECT_EQ(ToHex(Sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, HmacMatchesRfc4231AndTakesAnEmptyKey) {
  EXPECT_EQ(ToHex(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(ToHex(HmacSha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Digest, ChainIsTheDigestOfBothPartsInOrder) {
  const Digest first = Sha256(AsBytes("first"));
  Bytes joined(first.begin(), first.end());
  Append(joined, AsBytes("link"));
  EXPECT_EQ(ChainDigest(first, AsBytes("link")), Sha256(joined));
}

TEST(Digest, ConstantTimeComparisonIsThatOfBytes) {
  EXPECT_TRUE(EqualInConstantTime(AsBytes("token"), AsBytes("token")));
  EXPECT_FALSE(EqualInConstantTime(AsBytes("token"), AsBytes("tokeN")));
  EXPECT_FALSE(EqualInConstantTime(AsBytes("token"), AsBytes("tok")));
  EXPECT_TRUE(EqualInConstantTime({}, {}));
}

}  // namespace
}  // namespace edcsync
