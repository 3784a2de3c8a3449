#include "central-gateway/notices/mail_message.h"

#include <gmock/gmock.h>

#include "central-gateway/notices/channel.h"
#include "central-gateway/notices/mail_channel.h"
#include "central-gateway/notices/webhook_channel.h"

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

MessageMaker Maker(NoticeLanguage language = NoticeLanguage::kEnglish) {
  return MessageMaker({"gateway-1", "https://desk.example.org:8443"},
                      Templates::BuiltIn(language));
}

NoticeRow Conflict(const std::string& subject, const std::string& site) {
  NoticeRow notice;
  notice.id = "hard_conflict-117";
  notice.study = StudyOID("CDISCPILOT01");
  notice.site = SiteOID(site);
  notice.record = ToString(RecordKey{notice.study, SubjectKey(subject), StudyEventOID("SE.1"),
                                     RepeatKey("1"), FormOID("F.VS"), RepeatKey("1")});
  notice.conflict = SnowflakeId(117);
  notice.severity = Severity::kHard;
  notice.at = {1'780'000'000'000};
  notice.due_at = WallTime{1'780'259'200'000};
  return notice;
}

Message Alone(const NoticeRow& notice, NoticeLanguage language = NoticeLanguage::kEnglish) {
  NoticeMessageRow row;
  row.id = SnowflakeId(42);
  row.formed_at = {1'780'000'000'000};
  return Maker(language).Make(row, {notice}, {{notice.kind, 1}});
}

std::vector<std::string> HeaderLines(const std::string& mail) {
  std::vector<std::string> lines;
  std::string_view rest(mail);
  while (true) {
    const std::size_t end = rest.find("\r\n");
    if (end == 0 || end == std::string_view::npos) return lines;
    const std::string line(rest.substr(0, end));
    if (line.front() == ' ') {
      lines.back() += line;
    } else {
      lines.push_back(line);
    }
    rest.remove_prefix(end + 2);
  }
}

std::vector<std::string> HeaderNames(const std::string& mail) {
  std::vector<std::string> names;
  for (const std::string& line : HeaderLines(mail)) names.push_back(line.substr(0, line.find(':')));
  return names;
}

const std::vector<std::string> kHeaders = {
    "Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted", "Edcsync-Notice-Id",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding"};

TEST(Message, OfOneNoticeNamesItInItsSubjectAndLinksToTheDesk) {
  const Message message = Alone(Conflict("702-1082", "Kisumu"));
  EXPECT_EQ(message.id, "42");
  EXPECT_EQ(message.subject,
            "[edcsync] Hard conflict: CDISCPILOT01, site Kisumu, subject 702-1082");
  EXPECT_THAT(message.text, HasSubstr("record CDISCPILOT01/702-1082/SE.1/F.VS\n"));
  EXPECT_THAT(message.text, HasSubstr("opened 2026-05-28 20:26 UTC, to be decided by "
                                      "2026-05-31 20:26 UTC\n"));
  EXPECT_THAT(message.text, HasSubstr("https://desk.example.org:8443/conflicts/117\n"));
  EXPECT_THAT(message.text, Not(HasSubstr("more")));
  const auto json = nlohmann::json::parse(message.json);
  EXPECT_EQ(json["count"], 1);
  EXPECT_EQ(json["counts"], nlohmann::json({{"hard_conflict", 1}}));
  EXPECT_EQ(json["notices"][0]["recordKey"], "CDISCPILOT01/702-1082/SE.1/F.VS");
  EXPECT_EQ(json["notices"][0]["dueAt"], "2026-05-31T20:26:40.000Z");
  EXPECT_EQ(json["notices"][0]["edgeId"], nullptr);
  EXPECT_EQ(json["subject"], message.subject);
}

TEST(Message, InChineseSaysTheSame) {
  const Message message = Alone(Conflict("702-1082", "基苏木"), NoticeLanguage::kChinese);
  EXPECT_EQ(message.subject, "[edcsync] 硬冲突：CDISCPILOT01，中心 基苏木，受试者 702-1082");
  EXPECT_THAT(message.text, HasSubstr("处理期限 2026-05-31 20:26 UTC\n"));
}

TEST(Message, OfSeveralNoticesCountsThemByKindAndListsTheFirst) {
  NoticeMessageRow row;
  row.id = SnowflakeId(42);
  const std::vector<NoticeRow> notices(kNoticesListedMax + 10, Conflict("702-1082", "Kisumu"));
  const Message message = Maker().Make(
      row, notices, {{NoticeKind::kHardConflict, 400}, {NoticeKind::kQuarantine, 1}});
  EXPECT_EQ(message.subject,
            "[edcsync] 401 notices: 400 \u00D7 hard conflict, 1 \u00D7 quarantine");
  EXPECT_THAT(message.text, HasSubstr("... and 351 more.\n"));
  EXPECT_EQ(nlohmann::json::parse(message.json)["notices"].size(), kNoticesListedMax);
}

TEST(Message, WithoutADeskHasNoLinks) {
  const MessageMaker maker({"gateway-1", ""}, Templates::BuiltIn(NoticeLanguage::kEnglish));
  NoticeMessageRow row;
  const Message message =
      maker.Make(row, {Conflict("702-1082", "Kisumu")}, {{NoticeKind::kHardConflict, 1}});
  EXPECT_THAT(message.text, Not(HasSubstr("http")));
  EXPECT_THAT(message.text, Not(HasSubstr("The conflict desk")));
  EXPECT_EQ(nlohmann::json::parse(message.json)["notices"][0]["link"], nullptr);
}

// Keys hold no C0 control by the model's own check; here nothing relies on it.
TEST(Message, NamesWithLineBreaksNeitherSplitASubjectNorAddAHeader) {
  for (const std::string& evil :
       {std::string("x\r\nBcc: all@example.org"), std::string("x\nSubject: y"),
        std::string("x\u0085Bcc: a@example.org"), std::string("x\u2028Bcc: a@example.org"),
        std::string("x\0y", 3), std::string("\u202Egnorw"), std::string("=?UTF-8?B?QkNDOg==?="),
        std::string(3000, 'x'), std::string("\r\n.\r\nQUIT\r\n")}) {
    NoticeRow notice = Conflict(evil, evil);
    notice.edge = EdgeId(evil);
    const Message message = Alone(notice);
    EXPECT_EQ(message.subject.find_first_of(std::string_view("\r\n\0", 3)), std::string::npos);
    EXPECT_EQ(message.subject.find("\u2028"), std::string::npos);
    EXPECT_EQ(message.subject.find("\u202E"), std::string::npos);
    EXPECT_LE(message.subject.size(), 240u);
    const std::string mail = MailText(message, "edcsync@example.org", {"dm@example.org"});
    EXPECT_THAT(HeaderNames(mail), ::testing::ElementsAreArray(kHeaders)) << evil;
    for (const char c : mail) {
      EXPECT_TRUE(c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7F)) << evil;
    }
    EXPECT_EQ(mail.find("\r\n.\r\n"), std::string::npos);
    for (std::size_t start = 0; start < mail.size(); start = mail.find("\r\n", start) + 2) {
      EXPECT_LE(mail.find("\r\n", start) - start, 200u);
    }
  }
}

TEST(MailMessage, HasItsDateItsOwnIdAndEveryRecipient) {
  const std::string mail = MailText(Alone(Conflict("702-1082", "Kisumu")), "edcsync@example.org",
                                    {"dm@example.org", "ops@example.org"});
  const std::vector<std::string> lines = HeaderLines(mail);
  EXPECT_EQ(lines[0], "Date: Thu, 28 May 2026 20:26:40 +0000");
  EXPECT_EQ(lines[1], "From: edcsync@example.org");
  EXPECT_EQ(lines[2], "To: dm@example.org, ops@example.org");
  EXPECT_EQ(lines[3], "Message-ID: <edcsync.42@example.org>");
}

TEST(MailMessage, LongAndForeignSubjectsAreCutIntoEncodedWordsBetweenCharacters) {
  EXPECT_EQ(EncodedHeaderText("Plain"), "Plain");
  EXPECT_EQ(EncodedHeaderText("硬冲突"), "=?UTF-8?B?56Gs5Yay56qB?=");
  std::string text;
  for (int i = 0; i < 60; ++i) text += "x硬";
  const std::string encoded = "Subject: " + EncodedHeaderText(text);
  std::string_view rest = encoded;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    EXPECT_LE(line.size(), 76u);
    EXPECT_TRUE(line.ends_with("?="));
    rest.remove_prefix(std::min(line.size() + 2, rest.size()));
  }
}

TEST(MailMessage, Base64IsThatOfTheStandard) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(MailAddress, IsTakenOnlyIfItFitsACommandAsItStands) {
  for (const char* good : {"a@b", "dm.okello+edc@mail.example.org", "o'hara@example.org"}) {
    EXPECT_TRUE(IsMailAddress(good)) << good;
  }
  for (const char* bad : {"", "a", "@b", "a@", "a b@c", "a@b c", "<a@b>", "a@b>\r\nDATA", "a,b@c",
                          ".a@b", "a..b@c", "a@.b", "\"a\"@b", "å@b", "a@b\n"}) {
    EXPECT_FALSE(IsMailAddress(bad)) << bad;
  }
}

// Computed with `openssl dgst -sha256 -hmac`.
TEST(Webhook, SignsTimestampAndBody) {
  EXPECT_EQ(WebhookSignature("It is a secret of ours", "1780000000", "{\"version\":1}"),
            "v1=259c568ef09295ab2b216662b23b1010e575fa300f17e4fc8589e76a09d771ee");
}

TEST(ChannelUrl, IsHttpsOrPlainOnLoopbackOnly) {
  for (const char* good : {"https://hooks.example.org/edc?x=1", "http://127.0.0.1:8080/",
                           "http://localhost/x", "http://[::1]:80/"}) {
    EXPECT_TRUE(CheckChannelUrl(good, "https", "http").ok()) << good;
  }
  for (const char* bad :
       {"", "hooks.example.org", "http://hooks.example.org/", "ftp://127.0.0.1/",
        "file:///etc/passwd", "https://user:password@hooks.example.org/", "https://",
        "http://127.0.0.1.example.org/", "https://hooks.example.org/#x", "http://localhost.x/"}) {
    EXPECT_FALSE(CheckChannelUrl(bad, "https", "http").ok()) << bad;
  }
  EXPECT_TRUE(CheckMailServer("smtp://mail.example.org:587").ok());
  EXPECT_TRUE(CheckMailServer("smtps://mail.example.org").ok());
  EXPECT_FALSE(CheckMailServer("http://mail.example.org").ok());
  EXPECT_FALSE(CheckMailServer("smtp://u:p@mail.example.org").ok());
}

TEST(OneLine, CutsBetweenCharacters) {
  EXPECT_EQ(OneLine("abc", 10), "abc");
  EXPECT_EQ(OneLine("硬硬硬硬", 9), "硬硬\u2026");
  EXPECT_EQ(OneLine("a\tb\x7F", 10), "a b ");
  EXPECT_TRUE(IsUtf8(OneLine(std::string(100, 'x') + "硬", 50)));
}

}  // namespace
}  // namespace edcsync::central
