// What the desk tells of itself: how long each call takes and how it was answered; and, in a
// record's trace, the spans "claim", "unclaim", "decide" or "propose" (the one in which the
// resolution was written), "sign", "withdraw", "reopen", and of what waits in quarantine "release"
// and "reject".
//
//   used by   api_router.h, conflict_routes.cc, oversight_routes.cc; made in central-gateway/app
//
// Threads: any.
#pragma once

#include <array>

#include "shared/base/status.h"
#include "shared/metrics/metrics.h"
#include "shared/telemetry/tracer.h"

namespace edcsync::central {

class DeskTelemetry {
 public:
  // `tracer` may be nullptr.
  DeskTelemetry(const Clock& clock, Metrics& metrics, Tracer* tracer);

  MonoTime Begin() const { return clock_.Mono(); }
  // `writes`: the call may change something.
  void Served(MonoTime begun, bool writes, int status);

  // Of one call about a conflict's record. Nothing is drawn before its end.
  struct Act {
    std::int64_t begun_us = 0, signing_us = 0, signed_us = 0;
  };
  std::int64_t NowUs() const { return tracer_ == nullptr ? 0 : tracer_->NowUs(); }
  bool traces() const { return tracer_ != nullptr; }
  // `subject`: the attribute that names what was acted upon, beside the record.
  void Acted(const char* name, std::int64_t begun_us, const RecordKey& key,
             const std::pair<std::string, std::string>& subject);
  // `revision`: the resolution that was written, or is proposed (`name` "decide" or "propose"),
  // over `heads`.
  void Decided(const char* name, const Act& act, const RecordKey& key, std::uint64_t conflict,
               const RevisionId& revision, const std::vector<RevisionId>& heads);

 private:
  const Clock& clock_;
  Tracer* const tracer_;
  std::array<Histogram*, 2> seconds_;  // Reads, writes.
  std::array<Counter*, 3> answers_;    // Below 400, below 500, from there on.
};

}  // namespace edcsync::central
