#include "central-gateway/notices/mail_message.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "central-gateway/notices/channel.h"
#include "shared/base/check.h"

namespace edcsync::central {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::size_t kBodyLineBytes = 76;          // RFC 2045, 6.8.
// A line with an encoded word is at most 76 long (RFC 2047, 2): "Subject: ", 12 around the word,
// and 52 of base64 for 39 bytes.
constexpr std::size_t kEncodedWordBytes = 39;
constexpr std::size_t kPlainSubjectBytesMax = 60;
constexpr std::size_t kAddressBytesMax = 254;       // RFC 5321, 4.5.3.1.3.
constexpr std::size_t kLocalPartBytesMax = 64;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool IsAtomText(std::string_view text, std::string_view further) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           further.find(c) != std::string_view::npos;
  });
}

bool HasEmptyPart(std::string_view dotted) {
  return dotted.front() == '.' || dotted.back() == '.' ||
         dotted.find("..") != std::string_view::npos;
}

}  // namespace

bool IsMailAddress(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || address.size() > kAddressBytesMax) return false;
  const std::string_view local = address.substr(0, at);
  const std::string_view domain = address.substr(at + 1);
  return local.size() <= kLocalPartBytesMax && IsAtomText(local, "!#$%&'*+-/=?^_`{|}~.") &&
         IsAtomText(domain, "-.") && !HasEmptyPart(local) && !HasEmptyPart(domain);
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t block = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      block = block << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kDigits[block >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::string EncodedHeaderText(std::string_view text) {
  const bool plain = text.size() <= kPlainSubjectBytesMax &&
                     text.find("=?") == std::string_view::npos &&
                     std::all_of(text.begin(), text.end(),
                                 [](char c) { return c >= 0x20 && c < 0x7F; });
  if (plain) return std::string(text);
  std::string encoded;
  while (!text.empty()) {
    std::size_t end = std::min(kEncodedWordBytes, text.size());
    while (end < text.size() && end > 1 && IsContinuation(text[end])) --end;  // Whole characters.
    if (!encoded.empty()) encoded.append(kEndOfLine).append(" ");
    encoded.append("=?UTF-8?B?").append(Base64(text.substr(0, end))).append("?=");
    text.remove_prefix(end);
  }
  return encoded;
}

std::string MailDate(WallTime time) {
  // Not strftime: its names follow the locale.
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time.ms / 1000;
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d +0000",
                kDays.at(static_cast<std::size_t>(fields.tm_wday)), fields.tm_mday,
                kMonths.at(static_cast<std::size_t>(fields.tm_mon)), fields.tm_year + 1900,
                fields.tm_hour, fields.tm_min, fields.tm_sec);
  return text;
}

std::string MailText(const Message& message, const std::string& from,
                     const std::vector<std::string>& to) {
  CHECK(IsMailAddress(from) && !to.empty());
  std::string mail;
  const auto line = [&](std::string_view name, std::string_view value) {
    mail.append(name).append(": ").append(value).append(kEndOfLine);
  };
  line("Date", MailDate(message.formed_at));
  line("From", from);
  std::string recipients;
  for (const std::string& address : to) {
    CHECK(IsMailAddress(address));
    if (!recipients.empty()) recipients.append(",").append(kEndOfLine).append(" ");
    recipients.append(address);
  }
  line("To", recipients);
  line("Message-ID", "<edcsync." + message.id + from.substr(from.rfind('@')) + ">");
  line("Subject", EncodedHeaderText(message.subject));
  line("Auto-Submitted", "auto-generated");  // RFC 3834: no absence notes in answer.
  line("Edcsync-Notice-Id", message.id);
  line("MIME-Version", "1.0");
  line("Content-Type", "text/plain; charset=utf-8");
  line("Content-Transfer-Encoding", "base64");
  mail.append(kEndOfLine);
  std::string text;
  for (const char c : message.text) text.append(c == '\n' ? kEndOfLine : std::string_view(&c, 1));
  const std::string body = Base64(text);
  for (std::size_t i = 0; i < body.size(); i += kBodyLineBytes) {
    mail.append(body.substr(i, kBodyLineBytes)).append(kEndOfLine);
  }
  return mail;
}

}  // namespace edcsync::central
