// What people and scripts ask of an edge, as JSON text: the local API and the commands give the
// same answers, because both call these.
//
//   used by   edge-agent/site/site_api.h, edge-agent/app/commands.cc
//
// Threads: any.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {

// The edge's certificate, likewise.
struct CertificateView {
  std::string serial;  // Empty: not known.
  std::optional<WallTime> not_after;
  std::optional<WallTime> renews_at;     // None: by nobody.
  std::optional<WallTime> last_contact;  // With the centre's enrolment service.
  std::string last_error;
};

// The state of the link as the wiring hands it over; empty fields when no agent runs.
struct SyncView {
  std::string state = "not running";
  std::string since;       // UTC.
  std::string last_error;
  std::string held_back;        // Live, but why the centre takes nothing just now; empty: it does.
  std::string held_back_since;  // UTC.
  std::string breaker;
  std::uint64_t epoch = 0;
  std::string gateway;
  std::uint64_t frames_in_flight = 0, frames_sent = 0, bytes_sent = 0, revisions_sent = 0;
  CertificateView certificate;
};

// {"edgeId","siteOID","incarnation","records","revisions","captured","acknowledgedThrough",
//  "waiting","oldestWaitingAt","feedCursor","conflictsOpen","proposalsWaiting","quarantined","locks","clockDriftMs",
//  "lastContactAt","sync":{...},"certificate":{"serial","notAfter","renewsAt","lastContactAt",
//  "lastError"}|null}
Result<std::string> StatusJson(EdgeStore& store, const SyncView& sync);

// The current revision with its identity, heads and open conflict; with `history`, every
// revision, oldest first. kNotFound.
Result<std::string> RecordJson(EdgeStore& store, const RecordKey& key, bool history);

struct RecordListQuery {
  RecordTable::Filter filter;
  std::optional<RecordKey> after;
  std::size_t count_max = 100;
};
// {"records":[{"key","version","revisionId","removed","conflict"}],"next":KEY|null}
Result<std::string> RecordListJson(EdgeStore& store, const RecordListQuery& query);

// A page of the export: NDJSON in submission format, in key order; with `history` every
// revision. `next` is set to the key to go on after, empty at the end.
Result<std::string> ExportPage(EdgeStore& store, const std::optional<RecordKey>& after,
                               std::size_t record_count_max, bool history, std::string& next);

// {"rows":[{"sequence","key","version","revisionId","queuedAt","state","reason"}],"next":N|null}
Result<std::string> OutboxJson(EdgeStore& store, Sequence after, std::size_t count_max,
                               bool waiting_only);

// {"sound":bool,"findings":[...]}
Result<std::string> CheckJson(EdgeStore& store,
                              const std::function<void(std::string_view, int)>& progress);

}  // namespace edcsync::edge
