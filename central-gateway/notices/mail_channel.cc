#include "central-gateway/notices/mail_channel.h"

#include <cctype>
#include <cstring>

#include "central-gateway/notices/mail_message.h"
#include "central-gateway/notices/transfer.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kReplyBytesMax = 160;

// Follows the dialogue of commands and replies, as libcurl does not say which recipient was
// refused, nor whether a refusal was for good. What is sent to log in is passed over.
class Dialogue {
 public:
  struct Recipient {
    std::string address;
    int code = 0;          // 0: no reply yet.
    std::string reply;     // One line.
  };

  static int Follow(CURL*, curl_infotype type, char* bytes, std::size_t size, void* self) {
    auto* dialogue = static_cast<Dialogue*>(self);
    const std::string_view text(bytes, size);
    if (type == CURLINFO_HEADER_OUT) dialogue->Command(text);
    if (type == CURLINFO_HEADER_IN) dialogue->Reply(text);
    return 0;
  }

  const std::vector<Recipient>& recipients() const { return recipients_; }
  // The reply to MAIL FROM or to the mail itself; 0: none.
  int transaction_code() const { return transaction_code_; }
  const std::string& transaction_reply() const { return transaction_reply_; }

 private:
  enum class Awaited : std::uint8_t { kOther, kRecipient, kTransaction };

  void Command(std::string_view text) {
    awaited_ = Awaited::kOther;
    if (text.starts_with("RCPT TO:")) {
      const std::size_t start = text.find('<') + 1;
      recipients_.push_back({std::string(text.substr(start, text.find('>') - start)), 0, {}});
      awaited_ = Awaited::kRecipient;
    } else if (text.starts_with("MAIL FROM:") || text.starts_with("DATA")) {
      awaited_ = Awaited::kTransaction;
    }
  }

  void Reply(std::string_view text) {
    // "250-..." goes on, "250 ..." ends the reply (RFC 5321, 4.2.1).
    if (text.size() < 4 || text[3] == '-') return;
    int code = 0;
    for (int i = 0; i < 3; ++i) {
      if (std::isdigit(static_cast<unsigned char>(text[static_cast<std::size_t>(i)])) == 0) return;
      code = code * 10 + (text[static_cast<std::size_t>(i)] - '0');
    }
    while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
    std::string line = IsUtf8(text) ? OneLine(text, kReplyBytesMax) : std::to_string(code);
    if (awaited_ == Awaited::kRecipient) {
      recipients_.back().code = code;
      recipients_.back().reply = std::move(line);
    } else if (awaited_ == Awaited::kTransaction) {
      transaction_code_ = code;
      transaction_reply_ = std::move(line);
    }
  }

  Awaited awaited_ = Awaited::kOther;
  std::vector<Recipient> recipients_;
  int transaction_code_ = 0;
  std::string transaction_reply_;
};

struct Upload {
  std::string_view rest;
  static std::size_t Read(char* out, std::size_t size, std::size_t count, void* self) {
    auto* upload = static_cast<Upload*>(self);
    const std::size_t taken = std::min(size * count, upload->rest.size());
    std::memcpy(out, upload->rest.data(), taken);
    upload->rest.remove_prefix(taken);
    return taken;
  }
};

bool ForGood(int code) { return code >= 500 && code < 600; }

SendResult Judge(const Transfer& transfer, const Dialogue& dialogue, CURLcode code) {
  using Outcome = SendResult::Outcome;
  SendResult result;
  bool all_for_good = !dialogue.recipients().empty();
  std::string why;
  for (const Dialogue::Recipient& recipient : dialogue.recipients()) {
    if (recipient.code >= 200 && recipient.code < 300) {
      all_for_good = false;
      continue;
    }
    all_for_good = all_for_good && ForGood(recipient.code);
    result.refused.push_back(recipient.address + ": " + recipient.reply);
    why.append(why.empty() ? "" : "; ").append(result.refused.back());
  }
  if (code == CURLE_OK) {
    result.outcome = Outcome::kSent;
    result.text = "the mail server took it" + (why.empty() ? why : ", but not for " + why);
    return result;
  }
  if (transfer.stopped() && code == CURLE_ABORTED_BY_CALLBACK) {
    return {Outcome::kStopped, "this program is stopping", 0, {}};
  }
  if (all_for_good) return {Outcome::kRefused, "no recipient was taken: " + why, 0, {}};
  if (ForGood(dialogue.transaction_code())) {
    return {Outcome::kRefused, "the mail server refused it: " + dialogue.transaction_reply(), 0,
            {}};
  }
  const int last = dialogue.transaction_code();
  if (why.empty() && last >= 400) why = dialogue.transaction_reply();
  return {Outcome::kRetry, transfer.Why(code) + (why.empty() ? why : " (" + why + ")"), 0, {}};
}

class MailChannel final : public Channel {
 public:
  explicit MailChannel(MailOptions options)
      : Channel(options.name), options_(std::move(options)) {}

  SendResult Send(const Message& message, const std::atomic<bool>& stop) override {
    const ChannelUrl url = *CheckMailServer(options_.server);
    Transfer transfer({url.scheme, options_.ca_file, options_.timeout_ms}, stop);
    const std::string mail = MailText(message, options_.from, options_.to);
    Upload upload{mail};
    Dialogue dialogue;
    CURL* handle = transfer.handle();
    curl_easy_setopt(handle, CURLOPT_URL, options_.server.c_str());
    const bool in_the_clear = url.loopback && options_.ca_file.empty();
    curl_easy_setopt(handle, CURLOPT_USE_SSL,
                     static_cast<long>(in_the_clear ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (!options_.user.empty()) {
      curl_easy_setopt(handle, CURLOPT_USERNAME, options_.user.c_str());
      curl_easy_setopt(handle, CURLOPT_PASSWORD, options_.password.c_str());
    }
    const std::string from = "<" + options_.from + ">";
    curl_easy_setopt(handle, CURLOPT_MAIL_FROM, from.c_str());
    for (const std::string& address : options_.to) transfer.AddRecipient("<" + address + ">");
    curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, transfer.recipients());
    curl_easy_setopt(handle, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, &Upload::Read);
    curl_easy_setopt(handle, CURLOPT_READDATA, &upload);
    curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.size()));
    curl_easy_setopt(handle, CURLOPT_VERBOSE, 1L);  // For `dialogue` alone; nothing is printed.
    curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, &Dialogue::Follow);
    curl_easy_setopt(handle, CURLOPT_DEBUGDATA, &dialogue);
    const CURLcode code = transfer.Perform();
    return Judge(transfer, dialogue, code);
  }

 private:
  MailOptions options_;
};

}  // namespace

Result<ChannelUrl> CheckMailServer(const std::string& url) {
  // STARTTLS is asked for later, so that both schemes are safe anywhere.
  const std::string_view scheme = url.starts_with("smtps://") ? "smtps" : "smtp";
  Result<ChannelUrl> checked = CheckChannelUrl(url, scheme, scheme);
  if (checked.ok()) return checked;
  return Fail(ErrorCode::kFieldInvalid,
              "smtp://HOST:PORT (with STARTTLS) or smtps://HOST:PORT, without user and password");
}

std::unique_ptr<Channel> NewMailChannel(MailOptions options) {
  return std::make_unique<MailChannel>(std::move(options));
}

}  // namespace edcsync::central
