#include "edge-agent/enrolment/renewal.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "edge-agent/enrolment/enrol.h"
#include "shared/base/log.h"

namespace edcsync::edge {
namespace {

constexpr std::int64_t kFirstContactMsMax = 60'000;  // After a start: spread over a minute.
constexpr std::int64_t kRetryBaseUs = 15'000'000;
constexpr std::int64_t kRetryMaxUs = 900'000'000;
constexpr std::int64_t kLinkDownContactMs = 60'000;
constexpr std::int64_t kLinkLookMs = 10'000;
constexpr std::int64_t kLeastWaitMs = 1'000;

}  // namespace

WallTime RenewalTime(WallTime not_before, WallTime not_after, double spread) {
  const std::int64_t life_ms = std::max<std::int64_t>(0, not_after.ms - not_before.ms);
  return {not_before.ms + life_ms / 3 * 2 +
          static_cast<std::int64_t>(static_cast<double>(life_ms) / 12 * spread)};
}

Renewal::Renewal(RenewalOptions options, RenewalEvents events, const Clock& clock, Random& random)
    : options_(std::move(options)),
      events_(std::move(events)),
      clock_(clock),
      random_(random),
      spread_(static_cast<double>(random.Below(1000)) / 1000),
      backoff_(kRetryBaseUs, kRetryMaxUs, random) {
  LookAtCertificate();
}

Renewal::~Renewal() { Stop(); }

void Renewal::Start() {
  if (options_.address.empty()) return;
  thread_ = std::thread([this] { Work(); });
}

void Renewal::Stop() {
  std::shared_ptr<EstClient> contact;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    contact = contact_;
  }
  wake_.notify_all();
  if (contact != nullptr) contact->Cancel();
  if (thread_.joinable()) thread_.join();
}

void Renewal::ContactNow() {
  {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  wake_.notify_all();
}

RenewalView Renewal::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void Renewal::LookAtCertificate() {
  const Result<Certificate> present = Certificate::Load(options_.files.certificate);
  const std::lock_guard lock(mutex_);
  if (!present.ok()) {
    view_.last_error = present.error().message;
    return;
  }
  view_.serial = present->SerialHex();
  view_.not_after = present->NotAfter();
  if (options_.address.empty()) return;
  view_.renews_at = RenewalTime(present->NotBefore(), present->NotAfter(), spread_);
}

std::int64_t Renewal::WaitMs() {
  const RenewalView now = view();
  const std::int64_t contact_ms = options_.contact_minutes * 60'000;
  // Between half and the whole of it, so that sites that began together do not stay together.
  std::int64_t wait_ms =
      contact_ms / 2 +
      static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(contact_ms / 2) + 1));
  if (!now.last_error.empty()) {
    wait_ms = std::min(wait_ms, backoff_.NextDelayUs() / 1000 + kLeastWaitMs);
  } else if (now.renews_at) {
    wait_ms = std::min(wait_ms, now.renews_at->ms - CentreNow().ms);
  }
  return std::max(wait_ms, kLeastWaitMs);
}

// By our steady clock since: somebody may set the other.
WallTime Renewal::CentreNow() const {
  if (!centre_time_) return clock_.Wall();
  const auto& [told, when] = *centre_time_;
  return {told.ms + (clock_.Mono().us - when.us) / 1000};
}

void Renewal::Work() {
  using std::chrono::milliseconds;
  const auto steady_ms = [this] { return clock_.Mono().us / 1000; };
  const bool due = view().renews_at && view().renews_at->ms <= clock_.Wall().ms;
  std::int64_t contacted_ms = steady_ms();
  std::int64_t next_ms = contacted_ms + static_cast<std::int64_t>(
                                            random_.Below(due ? kLeastWaitMs : kFirstContactMsMax));
  if (!due && view().renews_at) {
    next_ms = std::min(
        next_ms, contacted_ms + std::max<std::int64_t>(0, view().renews_at->ms - clock_.Wall().ms));
  }
  while (true) {
    {
      std::unique_lock lock(mutex_);
      const std::int64_t wait_ms = std::clamp<std::int64_t>(next_ms - steady_ms(), 0, kLinkLookMs);
      wake_.wait_for(lock, milliseconds(wait_ms), [this] { return stopping_ || hurried_; });
      if (stopping_) return;
      if (!hurried_ && steady_ms() < next_ms) {
        lock.unlock();
        const bool sooner = steady_ms() - contacted_ms >= kLinkDownContactMs && events_.link_down &&
                            events_.link_down();
        if (!sooner) continue;
      } else {
        hurried_ = false;
      }
    }
    Contact();
    contacted_ms = steady_ms();
    next_ms = contacted_ms + WaitMs();
  }
}

void Renewal::Contact() {
  const TlsFiles& files = options_.files;
  (void)SettleIdentity(files.pair());  // What fails here, fails again where the pair is read.
  const auto centre = std::make_shared<EstClient>(
      EstClient::Options{options_.address, files.ca, files.certificate, files.key});
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    contact_ = centre;
  }
  const Result<bool> updated = Update(*centre);
  {
    const std::lock_guard lock(mutex_);
    contact_.reset();
    if (stopping_ && !updated.ok()) return;
  }
  LookAtCertificate();
  std::string before;
  {
    const std::lock_guard lock(mutex_);
    before = view_.last_error;
    view_.last_error = updated.ok() ? "" : updated.error().ToString();
    if (updated.ok()) view_.last_contact = clock_.Wall();
    ++view_.contacts;
    if (!updated.ok()) ++view_.contacts_failed;
  }
  if (updated.ok()) {
    backoff_.Reset();
    if (*updated && events_.changed) events_.changed();
    return;
  }
  if (before != updated.error().ToString()) {
    Log(LogLevel::kWarn, "renewal.failed", {{"why", updated.error().message}});
  }
  if (updated.error().code == ErrorCode::kRevokedEdge && events_.refused) {
    events_.refused(updated.error());
  }
}

Result<bool> Renewal::Update(EstClient& centre) {
  const TlsFiles& files = options_.files;
  EDCSYNC_ASSIGN(const CentreConfiguration configuration, centre.Configuration());
  if (configuration.server_time) centre_time_ = {*configuration.server_time, clock_.Mono()};
  EDCSYNC_ASSIGN(const std::vector<Certificate> gateways,
                 GoodGateways(configuration.gateways, configuration.authorities, CentreNow()));
  // Our own certificate first: one that a retired authority issued is of no use with the new
  // bundle.
  EDCSYNC_ASSIGN(const bool renewed, RenewIfDue(centre, configuration));
  EDCSYNC_ASSIGN(const bool trust,
                 WriteIfChanged(files.ca, ToPem(configuration.authorities), 0644));
  EDCSYNC_ASSIGN(const bool gateway,
                 WriteIfChanged(files.gateway, ToPem(gateways), 0644));
  if (renewed || trust || gateway) {
    Log(LogLevel::kInfo, "renewal.changed",
        {{"certificate", renewed}, {"authorities", trust}, {"gateway", gateway}});
  }
  return renewed || trust || gateway;
}

Result<bool> Renewal::RenewIfDue(EstClient& centre, const CentreConfiguration& configuration) {
  const TlsFiles& files = options_.files;
  EDCSYNC_ASSIGN(const Certificate present, Certificate::Load(files.certificate));
  bool issued_by_present = false;
  for (const Certificate& authority : configuration.authorities) {
    if (authority.FingerprintHex() != configuration.issuer) continue;
    issued_by_present = VerifyIssued(present, authority, CentreNow()).ok();
  }
  const WallTime due = RenewalTime(present.NotBefore(), present.NotAfter(), spread_);
  if (issued_by_present && CentreNow() < due) return false;
  const Status renewed = Renew(centre, configuration, present);
  {
    const std::lock_guard lock(mutex_);
    ++view_.renewals;
    if (renewed.ok()) view_.last_renewed = clock_.Wall();
    if (!renewed.ok()) ++view_.renewals_failed;
  }
  EDCSYNC_TRY(renewed);
  return true;
}

Status Renewal::Renew(EstClient& centre, const CentreConfiguration& configuration,
                      const Certificate& present) {
  const TlsFiles& files = options_.files;
  // Kept until the certificate is in place: if the answer is lost, the same key is answered again.
  const std::string pending = files.Beside("renew.key");
  Result<PrivateKey> key = PrivateKey::Load(pending);
  if (!key.ok()) {
    key = PrivateKey::Generate();
    EDCSYNC_TRY(key);
    EDCSYNC_TRY(WriteIfChanged(pending, key->ToPem(), 0600));
  }
  EDCSYNC_ASSIGN(const Bytes request, CertificateRequest::Make(*key, present.CommonName(),
                                                               present.OrganizationalUnit()));
  EDCSYNC_ASSIGN(const Certificate fresh, centre.Reenrol(request));
  EDCSYNC_TRY(
      CheckOwnCertificate(fresh, options_.edge, *key, configuration.authorities, CentreNow()));
  EDCSYNC_TRY(ReplaceIdentity(files.pair(), *key, fresh));
  (void)::unlink(pending.c_str());
  return Ok();
}

}  // namespace edcsync::edge
