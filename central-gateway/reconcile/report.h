// The report of a reconciliation, signed by both sides (ICH E6(R3) 4.2.5): who compared what as of
// when, what differed on which side, and what came of it. Its form: schema/wire/reconciliation.md.
//
//   made by      run.h
//   checked by   central-gateway reconcile verify FILE
//
// What is signed is the report as JSON with its members in order of name and without a space (RFC
// 8785), however a file lays it out. Threads: any.
#pragma once

#include <string>
#include <vector>

#include "central-gateway/store/central_store.h"
#include "shared/crypto/certificate.h"

namespace edcsync::central {

// What the centre counted in the last round.
struct CentreStatement {
  WallTime at;
  std::string gateway;
  HistoryId history;
  FeedCursor feed_head;
  std::uint64_t records = 0;
  std::uint64_t revisions = 0;
  std::uint64_t damaged = 0;  // Of these.
  Digest root{};
};

// `row.state` and `ended_at` are what came of it; `site_statement` is the edge's, JSON. Names at
// most kNamedMax differences, and counts the rest.
inline constexpr std::size_t kNamedMax = 2000;
std::string MakeReport(const ReconciliationRow& row, const CentreStatement& centre,
                       const std::string& site_statement,
                       const std::vector<DifferenceRow>& differences);

// The result that a report tells.
ReconciliationState ResultOf(const std::string& report);

// What `reconcile --out` and `reconcile show --json` give: the report with its signatures.
std::string SignedReport(const ReconciliationRow& row);

struct ReportVerdict {
  std::vector<std::string> findings;  // What speaks against it; empty: it holds.
  std::vector<std::string> signers;   // Who signed what, for a person.
};
// Checks every report in `text` (one, or a list in "reports"); `authorities` are those there ever
// were. kMalformed if it is none.
Result<ReportVerdict> VerifyReports(const std::string& text,
                                    const std::vector<Certificate>& authorities);

}  // namespace edcsync::central
