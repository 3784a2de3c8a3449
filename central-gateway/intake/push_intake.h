// Turns the frames of an edge's session into works of the store: Hello binds a session, Push
// merges and moves the edge's cursor, Offer gives back what a restored centre forgot. Each
// returns what to answer after the commit, never before.
//
//   used by   central-gateway/intake/gateway_session.h
//
// Threads: functions run inside a work of the store.
#pragma once

#include <variant>

#include "central-gateway/merge/merger.h"
#include "central-gateway/store/central_store.h"
#include "shared/wire/frames.h"

namespace edcsync::central {

struct SessionContext {
  EdgeId edge;
  SiteOID site;
  GatewayId gateway;
};

// A Push or Offer opened and decoded, before its work runs.
struct ReadPush {
  Epoch epoch;
  Sequence first_sequence;
  std::vector<Incoming> revisions;
};

using Answer =
    std::variant<wire::Welcome, wire::Receipt, wire::EndorsementReceipt, wire::Refuse>;

// Binds the edge to `context.gateway` with a new epoch. Refuses with kRevokedEdge, or with
// kIncarnationMismatch when the database that says Hello is not the one known, runs behind what
// it was receipted, or differs in its chain; the edge is then suspended until a person decides.
// The Welcome's credit and server time are the caller's.
Result<Answer> TakeHello(CentralWriter& writer, const SessionContext& context,
                         const wire::Hello& hello);

// Merges in order of sequence, noting in each revision where it came from. Refuses with
// kStaleEpoch, kSequenceGap, kIncarnationMismatch. The Receipt's credit is the caller's.
Result<Answer> TakePush(CentralWriter& writer, RegistryCache& registry,
                        const SessionContext& context, ReadPush& push);

// Merges revisions that carry this centre's mark; without a right mark a revision is passed over
// and counted in the log. Answers with the unchanged acknowledgement.
Result<Answer> TakeOffer(CentralWriter& writer, RegistryCache& registry,
                         const SessionContext& context, const wire::Offer& offer);

// Takes the site's answer to a proposal. Refuses with kStaleEpoch.
Result<Answer> TakeEndorsement(CentralWriter& writer, RegistryCache& registry,
                               const SessionContext& context,
                               const wire::Endorsement& endorsement);

}  // namespace edcsync::central
