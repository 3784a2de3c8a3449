#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "central-gateway/app/config.h"

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kWebhook[] =
    "[[notices.webhook]]\nname = \"ops\"\nurl = \"https://hooks.example.org/\"\n"
    "secret_file = \"ops.secret\"\n";
constexpr char kMail[] =
    "[notices.mail]\nserver = \"smtp://mail.example.org:587\"\nfrom = \"edcsync@example.org\"\n"
    "to = [\"dm@example.org\"]\n";

std::string WhyNot(const std::string& text) {
  const auto config = ParseConfig(text, "/d");
  if (config.ok()) return "it was taken";
  EXPECT_EQ(config.error().code, ErrorCode::kConfiguration);
  return config.error().message;
}

TEST(NoticesConfig, NothingIsToldUnlessAChannelIsConfigured) {
  const auto config = ParseConfig("", "/d");
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->notices.empty());
}

TEST(NoticesConfig, ChannelsAreReadWithTheirDefaultsAndFilesRelativeToTheFolder) {
  const std::string second =
      "[[notices.webhook]]\nname = \"dm\"\nurl = \"http://127.0.0.1:8080/x\"\n"
      "secret_file = \"/etc/dm.secret\"\nkinds = [\"quarantine\", \"edge_silent\"]\n"
      "timeout_seconds = 5\n";
  const auto config = ParseConfig(
      "[notices]\nlanguage = \"zh\"\ndigest_minutes = 0\n"
      "desk_url = \"https://desk.example.org/\"\n" +
          std::string(kWebhook) + second + kMail,
      "/d");
  ASSERT_TRUE(config.ok()) << config.error().message;
  const NoticesSettings& notices = config->notices;
  EXPECT_EQ(notices.language, NoticeLanguage::kChinese);
  EXPECT_EQ(notices.digest_ms, 0);
  EXPECT_EQ(notices.edge_silent_ms, 24LL * 3600 * 1000);
  EXPECT_EQ(notices.desk_url, "https://desk.example.org");
  ASSERT_EQ(notices.webhooks.size(), 2u);
  EXPECT_EQ(notices.webhooks[0].secret_file, "/d/ops.secret");
  EXPECT_EQ(notices.webhooks[0].options.timeout_ms, 15'000);
  EXPECT_EQ(notices.webhooks[0].topics.size(), 6u);
  EXPECT_EQ(notices.webhooks[1].secret_file, "/etc/dm.secret");
  EXPECT_EQ(notices.webhooks[1].options.timeout_ms, 5'000);
  EXPECT_THAT(notices.webhooks[1].topics,
              ElementsAre(NoticeTopic::kQuarantine, NoticeTopic::kEdgeSilent));
  ASSERT_TRUE(notices.mail.has_value());
  EXPECT_THAT(notices.mail->options.to, ElementsAre("dm@example.org"));
  EXPECT_TRUE(notices.mail->options.user.empty());
}

TEST(NoticesConfig, WhatIsWrongIsRefusedWithItsLineAndWhatIsAllowed) {
  const std::string webhook = kWebhook, mail = kMail;
  const struct {
    std::string text, why;
  } cases[] = {
      {"[notices]\nlanguage = \"fr\"\n", "line 2: language must be \"en\" or \"zh\""},
      {"[notices]\ndigest_minutes = 1441\n", "line 2: digest_minutes must be a whole number"},
      {"[notices]\ndesk_url = \"desk\"\n", "line 2: desk_url must be the address"},
      {"[notices]\nwindow = 5\n", "line 2: there is no key window in [notices]"},
      {webhook + "kinds = [\"hard_conflict\", \"all\"]\n",
       "line 5: kinds must be a list of hard_conflict, conflict_overdue, quarantine"},
      {webhook + "kinds = []\n", "line 5: kinds must be left out for every kind"},
      {webhook + "kinds = \"quarantine\"\n", "line 5: kinds must be a list of texts"},
      {webhook + "color = \"red\"\n", "line 5: there is no key color in [notices.webhook[0]]"},
      {webhook + webhook, "line 6: name must be another than that of a webhook before it"},
      {"[[notices.webhook]]\nname = \"mail\"\n", "line 2: name must be 1 to 64"},
      {"[[notices.webhook]]\nname = \"x\"\nurl = \"http://hooks.example.org/\"\n",
       "line 3: url must be https://HOST..., or http://HOST... on a loopback address"},
      {"[[notices.webhook]]\nname = \"x\"\nurl = \"https://u:p@hooks.example.org/\"\n",
       "line 3: url must be"},
      {"[[notices.webhook]]\nname = \"x\"\nurl = \"https://hooks.example.org/\"\n",
       "line 1: secret_file must be a file"},
      {"[notices.webhook]\nname = \"x\"\n", "must be sections of a list: [[notices.webhook]]"},
      {"[[notices.mail]]\nserver = \"x\"\n", "must be a section: [notices.mail]"},
      {"[notices.mail]\nserver = \"mail.example.org\"\n", "line 2: server must be smtp://HOST"},
      {"[notices.mail]\nserver = \"smtp://m.example.org\"\nfrom = \"EDC <a@b>\"\n",
       "line 3: from must be an address"},
      {"[notices.mail]\nserver = \"smtp://m.example.org\"\nfrom = \"a@b\"\nto = []\n",
       "line 4: to must be a list of 1 to 50 addresses"},
      {"[notices.mail]\nserver = \"smtp://m.example.org\"\nfrom = \"a@b\"\n"
       "to = [\"a@b\", \"x\\r\\nDATA\"]\n",
       "line 4: to must be a list of texts in quotes without control characters"},
      {mail + "user = \"u\"\n", "password_file must be given together"},
      {mail + "password = \"x\"\n", "there is no key password in [notices.mail]"},
      {mail + "[notices.sms]\nto = \"1\"\n", "there is no section [notices.sms]"},
  };
  for (const auto& one : cases) {
    const std::string why = WhyNot(one.text);
    EXPECT_THAT(why, HasSubstr(one.why)) << one.text;
    EXPECT_THAT(why, HasSubstr("/d/central-gateway.toml line "));
  }
}

}  // namespace
}  // namespace edcsync::central
