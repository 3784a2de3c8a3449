// A way out of the building: a webhook or a mail server. It carries one message at a time and says
// what became of it; when to try again is the sender's matter.
//
//   used by   central-gateway/notices/sender.h
//
// Threads: one at a time for a channel; it blocks its thread for its timeout at most.
#pragma once

#include <atomic>
#include <memory>

#include "central-gateway/notices/message.h"

namespace edcsync::central {

struct SendResult {
  enum class Outcome : std::uint8_t {
    kSent,     // The other side has taken it.
    kRetry,    // It may do so later: nobody answered, or it asked for time.
    kRefused,  // It answered that it will not take this message; a repeat changes nothing.
    kStopped,  // This program is stopping.
  };
  Outcome outcome = Outcome::kRetry;
  std::string text;                   // For a person; one line, no secret.
  std::int64_t retry_after_ms = 0;    // What the other side asked for; 0: nothing.
  std::vector<std::string> refused;   // kSent: recipients that were refused, and why.
};

class Channel {
 public:
  explicit Channel(std::string name) : name_(std::move(name)) {}
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  const std::string& name() const { return name_; }
  // Gives up within a second or so once `stop` is set.
  virtual SendResult Send(const Message& message, const std::atomic<bool>& stop) = 0;

 private:
  std::string name_;
};

// An `https://` URL, or the like, as notices may use it.
struct ChannelUrl {
  std::string scheme, host;
  bool loopback = false;
};
// kFieldInvalid, and what is allowed, for another scheme than `secure` (or, on a loopback address
// only, `plain`), for one with a user, password or fragment, and for what is no URL.
Result<ChannelUrl> CheckChannelUrl(const std::string& url, std::string_view secure,
                                   std::string_view plain);

// `address` fits an SMTP command and a header as it stands: local-part@domain (RFC 5321, without
// quoted forms), ASCII.
bool IsMailAddress(std::string_view address);

}  // namespace edcsync::central
