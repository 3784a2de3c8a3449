// E-mail by SMTP. `smtps://` is TLS from the start, `smtp://` needs STARTTLS; in the clear only to
// a loopback address for which no authority is configured (a mail relay on the same machine).
//
// 5xx to the sender, the mail, or every recipient refuses the message; everything else may succeed
// later, a wrong password too: it is the channel's fault, not the message's. A message that some
// recipients take is sent; the others are told. Threads: as Channel.
#pragma once

#include "central-gateway/notices/channel.h"

namespace edcsync::central {

struct MailOptions {
  std::string name = "mail";
  std::string server;            // As CheckChannelUrl allows for smtps and smtp (any host).
  std::string from;
  std::vector<std::string> to;
  std::string user, password;    // Both empty: no log-in.
  std::string ca_file;           // Empty: the system's authorities.
  std::int64_t timeout_ms = 30'000;
};

// kFieldInvalid, and what is allowed, unless `url` names a mail server as above.
Result<ChannelUrl> CheckMailServer(const std::string& url);

std::unique_ptr<Channel> NewMailChannel(MailOptions options);

}  // namespace edcsync::central
