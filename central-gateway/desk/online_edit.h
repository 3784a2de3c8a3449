// An edit made online at the centre: the same submission, the same rules as at a site, merged at
// once. It reaches the site in the feed.
//
//   used by   central-gateway/app (submit)
#pragma once

#include "central-gateway/merge/merger.h"
#include "shared/model/draft.h"
#include "shared/base/random.h"

namespace edcsync::central {

// Where a revision of the centre gets its time and salt.
struct CentreWriter {
  const Clock& clock;
  Random& random;
};

// One outcome each, in order; each in a work of its own. `user` stands for submissions that name
// none. Threads: any.
std::vector<CaptureOutcome> SubmitOnline(CentralStore& store, const CentreWriter& centre,
                                         std::vector<Result<Submission>> submissions,
                                         const std::string& user);

// Completes a draft of the centre: time not before its parents' (hybrid clock), offset, salt.
void CompleteAtCentre(Revision& revision, Origin origin, EditTime after,
                      const CentreWriter& centre);

}  // namespace edcsync::central
