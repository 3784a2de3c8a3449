#include "central-gateway/people/oidc_flows.h"

#include <algorithm>
#include <array>

#include "shared/crypto/digest.h"
#include "shared/crypto/jws.h"

namespace edcsync::central {

// 43 characters: as many as PKCE asks of a verifier at least (RFC 7636, 4.1).
std::string OidcFlows::NewSecret() {
  std::array<std::uint8_t, 32> bytes{};
  random_.Fill(bytes);
  return ToBase64Url(bytes);
}

OidcFlows::Begun OidcFlows::Begin(OidcFlow flow, std::string_view cookie) {
  flow.nonce = NewSecret();
  flow.verifier = NewSecret();
  flow.began_at = clock_.Wall();
  Begun begun{NewSecret(), NewSecret(), std::move(flow)};
  const MonoTime now = clock_.Mono();
  const Digest browser = Sha256(AsBytes(cookie));
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](const auto& entry) {
    const std::optional<OidcSigning>& other = entry.second.flow.signing;
    return entry.second.until <= now ||
           (other && begun.flow.signing && other->session == begun.flow.signing->session);
  });
  if (waiting_.size() >= kCountMax) {
    waiting_.erase(std::min_element(
        waiting_.begin(), waiting_.end(),
        [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  // Two tabs of one browser share its cookie. One that we did not give is not taken over.
  const bool known = !cookie.empty() &&
                     std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& entry) {
                       return entry.second.browser == browser;
                     });
  if (known) begun.cookie = cookie;
  waiting_[Sha256(AsBytes(begun.state))] = {begun.flow, Sha256(AsBytes(begun.cookie)),
                                            {now.us + kWaitMsMax * 1000}};
  return begun;
}

std::optional<OidcFlow> OidcFlows::Take(std::string_view state, std::string_view cookie) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(Sha256(AsBytes(state)));
  if (found == waiting_.end()) return std::nullopt;
  const Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  if (waiting.until <= clock_.Mono() || waiting.browser != Sha256(AsBytes(cookie))) {
    return std::nullopt;
  }
  return waiting.flow;
}

std::size_t OidcFlows::count() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace edcsync::central
