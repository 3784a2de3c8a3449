// The second look at a person whose password only the identity provider knows: a ticket to sign
// once (21 CFR 11.200). A page gets it unconfirmed, lets the person authenticate anew at the
// provider, and signs with it as soon as it is confirmed. It never stands in an address.
//
//   Issue ──► waiting ──Confirm──► confirmed ──Use, or 2 minutes──► gone
//                 └────Refuse───► refused
//   confirmed by   oidc_log_in.h;   used by   web/desk_context.h
//
// Invariants: a session has at most one ticket, the newest; a ticket counts in its session only; it
// signs once (a call that decides many is one signing, as it is with a password). Known here only
// by its SHA-256. Bounded: by the sessions, and the oldest goes beyond `kCountMax`.
//
// Threads: any. The mutex is a leaf.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "shared/base/random.h"
#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync::central {

class SigningTickets {
 public:
  static constexpr std::size_t kCountMax = 2000;  // Far more than sign within ten minutes.
  static constexpr std::int64_t kWaitMsMax = 10 * 60 * 1000;  // As long as a log-in may take.
  static constexpr std::int64_t kConfirmedMsMax = 2 * 60 * 1000;

  SigningTickets(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // A ticket for the session (Sessions::KeyOf), which waits; the one before is gone.
  std::string Issue(const Digest& session);
  static Digest KeyOf(std::string_view ticket);

  // By the ticket's key. No effect if it does not wait any more. `why`: for the page to explain.
  void Confirm(const Digest& session, const Digest& ticket);
  void Refuse(const Digest& session, const Digest& ticket, const std::string& why);

  enum class State { kWaiting, kConfirmed, kRefused, kNone };
  struct Seen {
    State state = State::kNone;
    std::string why;  // If refused.
  };
  Seen Look(const Digest& session, std::string_view ticket) const;

  // Takes it. kUnauthorized unless it is confirmed, and this session's.
  Status Use(const Digest& session, std::string_view ticket);

 private:
  struct Ticket {
    Digest key{};
    Seen seen;
    MonoTime until;
  };
  // REQUIRES: mutex_ is held. nullptr: there is none, or its time is over.
  const Ticket* Living(const Digest& session, const Digest& key) const;
  void Move(const Digest& session, const Digest& ticket, Seen seen);

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::map<Digest, Ticket> tickets_;  // By session.
};

}  // namespace edcsync::central
