// How it stands with a data manager's proposal to settle a conflict, which the site endorses or
// rejects (ICH E6(R3) 3.16.1(i)). Numbers are stored and sent.
#pragma once

#include <cstdint>
#include <string_view>

namespace edcsync {

enum class ProposalState : std::uint8_t {
  kWaiting = 1,     // For the site's answer.
  kAccepted = 2,    // Endorsed and applied.
  kRejected = 3,    // By the site, with a reason.
  kSuperseded = 4,  // The record moved on, or was locked, before an answer was taken.
  kWithdrawn = 5,   // By a data manager.
  kUnknown = 6,     // Said of one that the centre does not know (any more).
};

constexpr std::string_view ToString(ProposalState state) {
  switch (state) {
    case ProposalState::kUnknown: return "unknown";
    case ProposalState::kWaiting: return "waiting";
    case ProposalState::kAccepted: return "accepted";
    case ProposalState::kRejected: return "rejected";
    case ProposalState::kSuperseded: return "superseded";
    case ProposalState::kWithdrawn: return "withdrawn";
  }
  return "unknown";
}

}  // namespace edcsync
