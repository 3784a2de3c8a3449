#include "central-gateway/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/config_templates.h"
#include "tests/support/config_keys.h"

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

constexpr char kOidc[] =
    "[desk]\nport = 8443\n[desk.oidc]\nissuer = \"https://id.st-mary.org/realms/trials\"\n"
    "client_id = \"desk\"\n";

TEST(GatewayConfig, AnIdentityProviderNeedsItsAddressAndAName) {
  const auto config = ParseConfig(kOidc, "/d");
  ASSERT_TRUE(config.ok()) << config.error().message;
  ASSERT_TRUE(config->desk.oidc);
  const OidcOptions& options = config->desk.oidc->options;
  EXPECT_EQ(options.provider.issuer, "https://id.st-mary.org/realms/trials");
  EXPECT_EQ(options.provider.scopes, "openid profile email");
  EXPECT_EQ(options.provider.max_age_s, 0);
  EXPECT_EQ(options.user_claim, "preferred_username");
  EXPECT_EQ(options.label, "id.st-mary.org");
  EXPECT_TRUE(options.local_passwords);
  EXPECT_EQ(config->desk.oidc->client_secret_file, "");
  EXPECT_FALSE(ParseConfig("[desk]\nport = 1\n", "/d")->desk.oidc);
}

TEST(GatewayConfig, FilesOfTheProviderBeginInTheGatewaysFolder) {
  const auto config = ParseConfig(std::string(kOidc) + "client_secret_file = \"oidc.secret\"\n"
                                                       "ca_file = \"/etc/ssl/st-mary.pem\"\n",
                                  "/d");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->desk.oidc->client_secret_file, "/d/oidc.secret");
  EXPECT_EQ(config->desk.oidc->options.provider.ca_file, "/etc/ssl/st-mary.pem");
}

TEST(GatewayConfig, WhatIsWrongWithTheProviderIsNamedWithItsLine) {
  const auto message = [](const std::string& text) {
    const auto config = ParseConfig(text, "/d");
    return config.ok() ? "" : config.error().message;
  };
  const std::string file = "/d/central-gateway.toml line ";
  EXPECT_THAT(message("[desk.oidc]\nclient_id = \"desk\"\n"), HasSubstr(file + "1: issuer"));
  for (const char* issuer : {"http://id.st-mary.org", "https://", "id.st-mary.org", "https://a?b",
                             "https://user@a", "https://a#b", "ftp://a", "https://a b"}) {
    EXPECT_THAT(message("[desk.oidc]\nissuer = \"" + std::string(issuer) + "\"\nclient_id = \"x\""),
                HasSubstr(file + "2: issuer must be"))
        << issuer;
  }
  for (const char* issuer : {"http://127.0.0.1:8080", "http://localhost/x", "http://[::1]:80"}) {
    EXPECT_EQ(message("[desk.oidc]\nissuer = \"" + std::string(issuer) + "\"\nclient_id = \"x\""),
              "");
  }
  const std::pair<const char*, const char*> wrongs[] = {
      {"scopes = \"profile\"", "scopes must be"},
      {"max_age = 601", "max_age must be a whole number from 0 to 600"},
      {"user_claim = \"\"", "user_claim must be"},
      {"local_passwords = 1", "local_passwords must be true or false"},
      {"client_secret = \"told\"", "there is no key client_secret in [desk.oidc]"}};
  for (const auto& [line, expected] : wrongs) {
    EXPECT_THAT(message(std::string(kOidc) + line + "\n"), HasSubstr(file + "6: ")) << line;
    EXPECT_THAT(message(std::string(kOidc) + line + "\n"), HasSubstr(expected));
  }
  EXPECT_THAT(message("[desk]\noidc = 5\n"), HasSubstr("line 2: desk.oidc must be a section"));
  EXPECT_THAT(message("[desk.oidc.more]\na = 1\n"), HasSubstr("line 1: issuer must be"));
  EXPECT_THAT(message("[desk.odic]\nissuer = \"x\"\n"),
              HasSubstr("line 1: there is no section [desk.odic]"));
  EXPECT_THAT(message("[desk]\npublic_address = \"https://desk.example.org/x\"\n"),
              HasSubstr("line 2: public_address must be"));
}

TEST(GatewayConfig, DataMayLieApartFromTheConfiguration) {
  const auto config = ParseConfig("[gateway]\ndata = \"/srv/central\"\n[desk.oidc]\nissuer = "
                                  "\"https://a\"\nclient_id = \"d\"\nca_file = \"a.pem\"\n",
                                  "/etc/trial");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->installation.DatabaseFile(), "/srv/central/central.db");
  EXPECT_EQ(config->installation.Pki("ca.crt"), "/srv/central/pki/ca.crt");
  EXPECT_EQ(config->installation.Config(), "/etc/trial/central-gateway.toml");
  // What a person wrote beside the configuration stays beside it.
  EXPECT_EQ(config->desk.oidc->options.provider.ca_file, "/etc/trial/a.pem");
}

TEST(GatewayConfig, InstalledItsDataLieInTheStateFolder) {
  EXPECT_EQ(ParseConfig("", "/etc/edcsync")->installation.dir, "/var/lib/edcsync/central-gateway");
  EXPECT_EQ(ParseConfig("", "/srv/trial/")->installation.dir, "/srv/trial");
  EXPECT_EQ(ParseConfig("[gateway]\ndata = \"data\"\n", "/srv/trial")->installation.dir,
            "/srv/trial/data");
}

TEST(GatewayConfig, ACertificateWithoutItsKeyIsRefusedWithItsLine) {
  const auto config = ParseConfig("[desk]\ncertificate_file = \"a.pem\"\n", "/d");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr("line 2: certificate_file must be given together"));
}

TEST(GatewayConfig, TheCommentedFileHoldsEveryKeyThatIsTakenAndNoOther) {
  const auto read = [](const std::string& text) {
    const auto config = ParseConfig(text, "/d");
    return config.ok() ? std::string() : config.error().message;
  };
  const TomlTemplate commented(schema::CentralConfigTemplate());
  EXPECT_EQ(read(commented.text()), "");  // Nothing set.
  EXPECT_EQ(read(commented.WithEverything()), "");
  const testing::TemplateKeys documented = testing::KeysOfTemplate(commented.text());
  EXPECT_EQ(documented.keys, testing::KeysOfCode(commented.WithEverything(), read));
  EXPECT_EQ(documented.unexplained, std::set<std::string>{});
}

}  // namespace
}  // namespace edcsync::central
