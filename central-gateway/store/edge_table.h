// Tables `edge`, `edge_certificate` and `incarnation`: the devices, what they may do, which of
// their databases speaks for them and how far it was acknowledged, and the epoch that fences off
// an earlier session.
//
// Invariants: an epoch only rises; an incarnation's acknowledgement never runs back; an
// incarnation that was replaced does not come back. Threads: as its Database.
#pragma once

#include "central-gateway/store/central_types.h"
#include "central-gateway/store/site_table.h"

namespace edcsync::central {

class EdgeTable {
 public:
  EdgeTable(Database& database, SiteTable& sites) : database_(database), sites_(sites) {}

  Result<std::optional<EdgeRow>> Find(const EdgeId& edge);
  Result<std::vector<EdgeRow>> List();  // By edge id.
  Result<std::vector<std::string>> RevokedCertificatesPem();

  Status Insert(const EdgeRow& edge);  // kAlreadyExists.
  Status AddCertificate(const EdgeId& edge, const std::string& pem);  // kUnknownEdge.
  // kUnknownEdge. Revoking revokes the edge's certificates for good.
  Status SetStanding(const EdgeId& edge, EdgeStanding standing, const std::string& reason,
                     WallTime now);
  // The next session of every edge gets an epoch higher by `count` than it would have.
  Status PassOverEpochs(std::int64_t count);
  Result<Epoch> BindSession(const EdgeId& edge, const GatewayId& gateway,
                            const std::string& release, WallTime now,
                            std::optional<std::int64_t> clock_drift_ms);
  // kIncarnationMismatch if it spoke before and was replaced; no effect if it speaks now.
  Status SetIncarnation(const EdgeId& edge, const Incarnation& incarnation, WallTime now);
  Result<bool> HasSpoken(const EdgeId& edge, const Incarnation& incarnation);
  Status CheckEpoch(const EdgeId& edge, Epoch epoch);  // kStaleEpoch, kUnknownEdge.
  // kInvariant if it would run back or the edge has no incarnation.
  Status Advance(const EdgeId& edge, Sequence acknowledged_through, const Digest& chain,
                 WallTime now);
  Status SetFeedCursor(const EdgeId& edge, FeedCursor cursor, WallTime now);

  // The small number of an incarnation, or nullopt.
  Result<std::optional<std::int64_t>> FindIncarnation(const EdgeId& edge,
                                                      const Incarnation& incarnation);
  // The same; a new one if need be. kUnknownEdge.
  Result<std::int64_t> IncarnationNumber(const EdgeId& edge, const Incarnation& incarnation);

  void Forget() { last_ = {}; }

 private:
  Result<EdgeRow> Read(const Statement& statement);
  Result<std::int64_t> RowOf(const EdgeId& edge);
  Status InsertCertificate(std::int64_t edge_rowid, const std::string& pem);

  // A frame's revisions come from one edge: the last one asked for is the next one too.
  struct LastAsked {
    EdgeId edge;
    Incarnation incarnation;
    std::int64_t number = 0;  // 0: none.
  };

  Database& database_;
  SiteTable& sites_;
  LastAsked last_;
};

}  // namespace edcsync::central
