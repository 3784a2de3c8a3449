// Keeps what this edge holds of the centre up to date: asks the enrolment service now and then for
// the authorities and the gateway's certificates, and renews the edge's own certificate, with a
// fresh key, well before it ends (at two thirds of its life) or when another authority issues.
//
//   asks      edge-agent/enrolment/est_client.h
//   tells     edge-agent/app (what it loads again goes to the session)
//
// What is fetched is checked against what is trusted, written, and only then told. A failure
// changes nothing and is tried again after a while; delivery goes on with what there is. What is
// due is judged by the centre's clock, which made the certificate: a site's may be hours ahead.
//
// Threads: one of its own; every call from any. The mutex is a leaf; callbacks run without it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "edge-agent/enrolment/est_client.h"
#include "edge-agent/enrolment/tls_files.h"
#include "shared/base/backoff.h"
#include "shared/base/random.h"

namespace edcsync::edge {

struct RenewalOptions {
  std::string address;  // Of the enrolment service; empty: nothing is asked.
  TlsFiles files;
  EdgeId edge;
  std::int64_t contact_minutes = 60;
};

struct RenewalEvents {
  std::function<void()> changed;              // The files hold something new.
  std::function<void(const Error&)> refused;  // The centre says that this edge is revoked.
  std::function<bool()> link_down;            // Perhaps because of what we hold: ask sooner.
};

// For `status` and /metrics.
struct RenewalView {
  std::string serial;  // Of the certificate in use; empty if it cannot be read.
  std::optional<WallTime> not_after;
  std::optional<WallTime> renews_at;  // None: nobody is there to renew it.
  std::optional<WallTime> last_contact;
  std::string last_error;  // Of the last contact; empty if it went well.
  std::uint64_t contacts = 0, contacts_failed = 0;  // Since the start, as the rest.
  std::uint64_t renewals = 0, renewals_failed = 0;  // Certificates asked for; of those, not got.
  std::optional<WallTime> last_renewed;
};

// When a certificate is renewed: at two thirds of its life, and up to a twelfth of it later
// (`spread` in [0, 1)), so that many made at once are not renewed at once.
WallTime RenewalTime(WallTime not_before, WallTime not_after, double spread);

class Renewal {
 public:
  Renewal(RenewalOptions options, RenewalEvents events, const Clock& clock, Random& random);
  ~Renewal();  // Stops; a contact at hand is ended at once, and begun anew by the next start.

  void Start();
  void Stop();
  void ContactNow();
  RenewalView view() const;

 private:
  void Work();
  std::int64_t WaitMs();  // Until the next contact.
  void Contact();
  Result<bool> Update(EstClient& centre);  // True if a file changed.
  Result<bool> RenewIfDue(EstClient& centre, const CentreConfiguration& configuration);
  Status Renew(EstClient& centre, const CentreConfiguration& configuration,
               const Certificate& present);
  void LookAtCertificate();
  WallTime CentreNow() const;  // By the centre's clock, once it has told; before by ours.

  const RenewalOptions options_;
  const RenewalEvents events_;
  const Clock& clock_;
  Random& random_;
  const double spread_;
  Backoff backoff_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<EstClient> contact_;  // At hand.
  RenewalView view_;
  std::optional<std::pair<WallTime, MonoTime>> centre_time_;  // The work's: told then.
  bool hurried_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace edcsync::edge
