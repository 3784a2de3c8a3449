// A webhook: POST of the message's JSON, signed with a secret that both sides know.
//
//   Content-Type: application/json
//   Edcsync-Notice-Id: 117464417704083457         the same whenever it is sent again
//   Edcsync-Timestamp: 1780000000                 seconds since 1970, of this attempt
//   Edcsync-Signature: v1=<hex of HMAC-SHA-256(secret, timestamp + "." + body)>
//
// In full: schema/notices.md. 2xx has taken it; 408, 425, 429 and 5xx may do so later; everything
// else, redirects too, refuses it. Threads: as Channel.
#pragma once

#include "central-gateway/notices/channel.h"

namespace edcsync::central {

struct WebhookOptions {
  std::string name;
  std::string url;               // As CheckChannelUrl allows for https and http.
  std::string secret;
  std::string ca_file;           // Empty: the system's authorities.
  std::int64_t timeout_ms = 15'000;
};

// "v1=0123..."
std::string WebhookSignature(std::string_view secret, std::string_view timestamp,
                             std::string_view body);

std::unique_ptr<Channel> NewWebhookChannel(WebhookOptions options, const Clock& clock);

}  // namespace edcsync::central
