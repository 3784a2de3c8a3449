#include "central-gateway/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edcsync::central {
namespace {

using ::testing::HasSubstr;

TEST(GatewayConfig, DefaultsStandWhereNothingIsSaid) {
  const auto config = ParseConfig("", "/var/lib/trial/../edcsync");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->installation.dir, "/var/lib/edcsync");
  EXPECT_EQ(config->gateway.str(), "gateway-1");
  EXPECT_TRUE(config->broker_managed);
  EXPECT_EQ(config->broker_bind_address, "127.0.0.1");
}

// Found by the fuzzer: an address with a line break was taken, and was refused only when the
// broker's configuration was written, without the line that is wrong.
TEST(GatewayConfig, AnAddressWithALineBreakIsRefusedWithItsLine) {
  const auto config =
      ParseConfig("[broker]\nbind_address = \"127.0.0.1\\nallow_anonymous true\"\n", "/d");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(config.error().message, HasSubstr("/d/central-gateway.toml line 2: bind_address"));
}

}  // namespace
}  // namespace edcsync::central
