#include "shared/wire/topics.h"

#include <gtest/gtest.h>

namespace edcsync::wire {
namespace {

TEST(Topics, AreThoseOfTheProtocol) {
  const EdgeId edge("kisumu-1");
  EXPECT_EQ(HelloTopic(edge), "edcsync/v1/hello/kisumu-1");
  EXPECT_EQ(UpTopic(GatewayId("gw-a"), edge), "edcsync/v1/up/gw-a/kisumu-1");
  EXPECT_EQ(DownTopic(edge), "edcsync/v1/down/kisumu-1");
  EXPECT_EQ(PresenceTopic(edge), "edcsync/v1/presence/kisumu-1");
  EXPECT_EQ(UpFilter(GatewayId("gw-a")), "edcsync/v1/up/gw-a/+");
  EXPECT_EQ(SharedHelloFilter(), "$share/gateways/edcsync/v1/hello/+");
  EXPECT_EQ(PresenceFilter(), "edcsync/v1/presence/+");
}

TEST(Topics, TheEdgeIsReadOnlyFromTopicsAnEdgeMayWrite) {
  const EdgeId edge("kisumu-1");
  EXPECT_EQ(EdgeOfTopic(HelloTopic(edge)), edge);
  EXPECT_EQ(EdgeOfTopic(UpTopic(GatewayId("gw-a"), edge)), edge);
  EXPECT_EQ(EdgeOfTopic(PresenceTopic(edge)), edge);
  for (const char* other :
       {"", "edcsync/v1/down/kisumu-1", "edcsync/v1/hello/", "edcsync/v1/hello/a/b",
        "edcsync/v1/hello/+", "edcsync/v1/up/kisumu-1", "edcsync/v1/up//kisumu-1",
        "edcsync/v1/up/gw/a/b", "edcsync/v1/up/#/kisumu-1", "edcsync/v2/hello/kisumu-1",
        "xedcsync/v1/hello/kisumu-1", "edcsync/v1/hello/.hidden"}) {
    EXPECT_EQ(EdgeOfTopic(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace edcsync::wire
