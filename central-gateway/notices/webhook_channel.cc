#include "central-gateway/notices/webhook_channel.h"

#include "central-gateway/notices/transfer.h"
#include "shared/base/release.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr long kTooEarly = 425;  // RFC 8470: it may be sent again.

class WebhookChannel final : public Channel {
 public:
  WebhookChannel(WebhookOptions options, const Clock& clock)
      : Channel(options.name), options_(std::move(options)), clock_(clock) {}

  SendResult Send(const Message& message, const std::atomic<bool>& stop) override;

 private:
  WebhookOptions options_;
  const Clock& clock_;
};

SendResult Judge(const Transfer& transfer, CURLcode code) {
  using Outcome = SendResult::Outcome;
  if (transfer.stopped() && code == CURLE_ABORTED_BY_CALLBACK) {
    return {Outcome::kStopped, "this program is stopping", 0, {}};
  }
  const long status = transfer.ResponseCode();
  // An answer that was cut short, or grew too long, has its status all the same.
  if (status < 200) return {Outcome::kRetry, transfer.Why(code), 0, {}};
  const std::string answer = "the receiver answered " + std::to_string(status);
  if (status < 300) return {Outcome::kSent, answer, 0, {}};
  if (status == 408 || status == kTooEarly || status == 429 || status >= 500) {
    return {Outcome::kRetry, answer, transfer.RetryAfterMs(), {}};
  }
  const bool redirect = status < 400;
  return {Outcome::kRefused,
          redirect ? answer + "; redirects are not followed, configure the new address" : answer,
          0,
          {}};
}

SendResult WebhookChannel::Send(const Message& message, const std::atomic<bool>& stop) {
  const ChannelUrl url = *CheckChannelUrl(options_.url, "https", "http");
  Transfer transfer({url.scheme, options_.ca_file, options_.timeout_ms}, stop);
  const std::string timestamp = std::to_string(clock_.Wall().ms / 1000);
  transfer.AddHeader("Content-Type: application/json");
  transfer.AddHeader("Edcsync-Notice-Id: " + message.id);
  transfer.AddHeader("Edcsync-Timestamp: " + timestamp);
  transfer.AddHeader("Edcsync-Signature: " +
                     WebhookSignature(options_.secret, timestamp, message.json));
  transfer.AddHeader("Expect:");  // It is small: no round trip to ask whether it may come.
  const std::string agent = std::string("edcsync/") + kRelease;
  CURL* handle = transfer.handle();
  curl_easy_setopt(handle, CURLOPT_URL, options_.url.c_str());
  curl_easy_setopt(handle, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, message.json.data());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(message.json.size()));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, transfer.headers());
  return Judge(transfer, transfer.Perform());
}

}  // namespace

std::string WebhookSignature(std::string_view secret, std::string_view timestamp,
                             std::string_view body) {
  const std::string signed_text = std::string(timestamp) + "." + std::string(body);
  return "v1=" + ToHex(HmacSha256(AsBytes(secret), AsBytes(signed_text)));
}

std::unique_ptr<Channel> NewWebhookChannel(WebhookOptions options, const Clock& clock) {
  return std::make_unique<WebhookChannel>(std::move(options), clock);
}

}  // namespace edcsync::central
