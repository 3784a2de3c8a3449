// The log-ins by an identity provider that are under way: what was asked of the provider, kept
// until the browser comes back with its answer.
//
// Invariants:
//   (1) A flow is taken once, by its `state`, and only by the browser that began it: the browser
//       holds a cookie of which only the SHA-256 is here. So nobody can be led into a session, or
//       to a confirmation, that somebody else began.
//   (2) At most `kCountMax` wait, each at most `kWaitMsMax`; beyond, the oldest goes. Who begins
//       them without a session is limited (LogInLimits), to fewer than that within the time; a
//       session has one at most, the newest.
//
// Threads: any. The mutex is a leaf.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/ids.h"
#include "shared/base/random.h"
#include "shared/base/time.h"

namespace edcsync::central {

// A person who is logged in and confirms a signature. Else somebody logs in.
struct OidcSigning {
  Digest session{};  // Sessions::KeyOf.
  Digest ticket{};   // SigningTickets::KeyOf.
  std::string user;
};

struct OidcFlow {
  std::string nonce;
  std::string verifier;   // Of PKCE (RFC 7636).
  std::string return_to;  // A path of the desk's page.
  bool in_window = false;  // In a window of its own, which then closes.
  std::optional<OidcSigning> signing;
  WallTime began_at;
};

class OidcFlows {
 public:
  static constexpr std::size_t kCountMax = 4000;
  static constexpr std::int64_t kWaitMsMax = 10 * 60 * 1000;

  OidcFlows(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  struct Begun {
    std::string state;
    std::string cookie;  // For the browser. Its own if it began another flow that still waits.
    OidcFlow flow;
  };
  // Fills in nonce, verifier and began_at. `cookie` is what the browser sent, or "".
  Begun Begin(OidcFlow flow, std::string_view cookie);

  // nullopt: no such flow, too late, or another browser's.
  std::optional<OidcFlow> Take(std::string_view state, std::string_view cookie);

  std::size_t count() const;

 private:
  struct Waiting {
    OidcFlow flow;
    Digest browser{};
    MonoTime until;
  };
  std::string NewSecret();

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::map<Digest, Waiting> waiting_;  // By SHA-256 of the state.
};

}  // namespace edcsync::central
