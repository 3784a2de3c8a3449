#include "shared/storage/writer_watch.h"

#include <utility>

namespace edcsync {

GroupCommitHooks WriterWatch::Around(GroupCommitHooks inner) {
  GroupCommitHooks hooks = inner;
  hooks.begun = [this, begun = std::move(inner.begun)]() -> Status {
    begun_us_ = clock_.Mono().us;
    return begun ? begun() : Ok();
  };
  hooks.ended = [this, ended = std::move(inner.ended)](bool committed) {
    if (ended) ended(committed);
    const std::int64_t begun_us = begun_us_.exchange(-1);
    if (begun_us >= 0) seconds_.Observe(static_cast<double>(clock_.Mono().us - begun_us) / 1e6);
    ++(committed ? committed_ : rolled_back_);
  };
  return hooks;
}

std::int64_t WriterWatch::RunningForUs() const {
  const std::int64_t begun_us = begun_us_;
  return begun_us < 0 ? 0 : clock_.Mono().us - begun_us;
}

}  // namespace edcsync
