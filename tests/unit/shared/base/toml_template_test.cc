#include "shared/base/toml_template.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

constexpr char kText[] =
    "# About.\n[broker]\n# Its port, as in port = 1.\n#port = 8883\n\n[desk]\n#port = 8443\n"
    "#[desk.oidc]\n#port = 1\n";

TEST(TomlTemplate, AKeyIsSetInItsOwnSection) {
  TomlTemplate config(kText);
  config.Set("desk", "port", 9443);
  EXPECT_EQ(config.text(),
            "# About.\n[broker]\n# Its port, as in port = 1.\n#port = 8883\n\n[desk]\nport = 9443\n"
            "#[desk.oidc]\n#port = 1\n");
}

TEST(TomlTemplate, ATextIsQuotedSoThatItStaysOneValue) {
  TomlTemplate config("[broker]\n#host = \"localhost\"\n");
  config.Set("broker", "host", "a\"b\\c");
  EXPECT_EQ(config.text(), "[broker]\nhost = \"a\\\"b\\\\c\"\n");
}

TEST(TomlTemplate, WithEverythingOnlyExplanationsAreComments) {
  EXPECT_EQ(TomlTemplate(kText).WithEverything(),
            "# About.\n[broker]\n# Its port, as in port = 1.\nport = 8883\n\n[desk]\nport = 8443\n"
            "[desk.oidc]\nport = 1\n");
}

}  // namespace
}  // namespace edcsync
