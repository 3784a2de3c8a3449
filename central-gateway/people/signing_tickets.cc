#include "central-gateway/people/signing_tickets.h"

#include <algorithm>
#include <array>

#include "shared/crypto/digest.h"

namespace edcsync::central {

Digest SigningTickets::KeyOf(std::string_view ticket) { return Sha256(AsBytes(ticket)); }

std::string SigningTickets::Issue(const Digest& session) {
  std::array<std::uint8_t, 32> bytes{};
  random_.Fill(bytes);
  std::string ticket = ToHex(bytes);
  const MonoTime now = clock_.Mono();
  const std::lock_guard lock(mutex_);
  std::erase_if(tickets_, [&](const auto& entry) { return entry.second.until <= now; });
  if (tickets_.size() >= kCountMax && !tickets_.contains(session)) {
    tickets_.erase(std::min_element(
        tickets_.begin(), tickets_.end(),
        [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  tickets_[session] = {KeyOf(ticket), {State::kWaiting, ""}, {now.us + kWaitMsMax * 1000}};
  return ticket;
}

const SigningTickets::Ticket* SigningTickets::Living(const Digest& session,
                                                     const Digest& key) const {
  const auto found = tickets_.find(session);
  if (found == tickets_.end() || found->second.key != key) return nullptr;
  return found->second.until <= clock_.Mono() ? nullptr : &found->second;
}

void SigningTickets::Move(const Digest& session, const Digest& ticket, Seen seen) {
  const std::lock_guard lock(mutex_);
  const Ticket* living = Living(session, ticket);
  if (living == nullptr || living->seen.state != State::kWaiting) return;
  tickets_[session] = {ticket, std::move(seen), {clock_.Mono().us + kConfirmedMsMax * 1000}};
}

void SigningTickets::Confirm(const Digest& session, const Digest& ticket) {
  Move(session, ticket, {State::kConfirmed, ""});
}

void SigningTickets::Refuse(const Digest& session, const Digest& ticket, const std::string& why) {
  Move(session, ticket, {State::kRefused, why});
}

SigningTickets::Seen SigningTickets::Look(const Digest& session, std::string_view ticket) const {
  const std::lock_guard lock(mutex_);
  const Ticket* living = Living(session, KeyOf(ticket));
  return living == nullptr ? Seen{} : living->seen;
}

Status SigningTickets::Use(const Digest& session, std::string_view ticket) {
  const std::lock_guard lock(mutex_);
  const Ticket* living = Living(session, KeyOf(ticket));
  if (living == nullptr || living->seen.state != State::kConfirmed) {
    return Fail(ErrorCode::kUnauthorized,
                "the confirmation by the provider is used, too old, or was not given");
  }
  tickets_.erase(session);
  return Ok();
}

}  // namespace edcsync::central
