#include "edge-agent/downlink/reconciliation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "shared/base/json.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/crypto/signature.h"

namespace edcsync::edge {
namespace {

// With keys of the longest they still fit a frame; and what is said of each fits its list.
constexpr std::size_t kListCountMax = limits::kPushRevisionCountMax;
constexpr std::size_t kGapCountMax = 10'000;

std::int64_t Stored(std::uint64_t number) { return static_cast<std::int64_t>(number); }

bool SamePoint(const wire::ReconcilePoint& a, const wire::ReconcilePoint& b) {
  return a.sequence == b.sequence && a.cursor == b.cursor && a.row == b.row;
}

// What an answer repeats of the frame it answers.
template <class Answer, class Frame>
Answer AnswerTo(const Frame& frame) {
  Answer answer;
  answer.epoch = frame.epoch;
  answer.reconciliation = frame.reconciliation;
  answer.serial = frame.serial;
  return answer;
}

wire::Frame Failure(const wire::Frame& frame, const Error& error) {
  wire::Comparison answer;
  std::visit(
      [&](const auto& asked) {
        if constexpr (requires { asked.serial; }) {
          answer = AnswerTo<wire::Comparison>(asked);
        }
      },
      frame);
  answer.answer = wire::ReconcileAnswer::kFailed;
  answer.message = error.ToString().substr(0, 1000);
  if (!IsUtf8(answer.message)) answer.message = "failed";
  return answer;
}

void AddNodes(const std::vector<RevisionTree::Node>& nodes, wire::Comparison& answer) {
  for (const RevisionTree::Node& node : nodes) answer.nodes.push_back({node.digest, node.count});
}

// Rows of the outbox beyond the point that were there already when it was taken.
Result<std::unordered_set<std::int64_t>> RowsBeyond(EdgeTables& tables,
                                                    const wire::ReconcilePoint& point) {
  std::unordered_set<std::int64_t> rows;
  Statement statement = tables.database.Prepare(
      "SELECT revision_rowid FROM outbox WHERE sequence > ?1 AND revision_rowid <= ?2");
  statement.Bind(1, Stored(point.sequence.value())).Bind(2, Stored(point.row));
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    rows.insert(statement.Int(0));
  }
}

}  // namespace

Reconciliation::Reconciliation(EdgeStore& store, FeedApplier& applier, Scheduler& loop,
                               Scheduler& worker, ReconciliationIdentity identity, Send send)
    : store_(store),
      applier_(applier),
      loop_(loop),
      worker_(worker),
      identity_(std::move(identity)),
      send_(std::move(send)) {}

void Reconciliation::SetCredentials(Sealer sealer, std::vector<Certificate> gateways) {
  worker_.Post([this, alive = alive_, sealer = std::move(sealer),
                gateways = std::move(gateways)]() mutable {
    if (!*alive) return;
    identity_.sealer = std::move(sealer);
    identity_.gateways = std::move(gateways);
  });
}

void Reconciliation::OnFrame(wire::Frame frame) {
  if (epoch_ == Epoch() || working_) return;
  working_ = true;
  auto asked = std::make_shared<const wire::Frame>(std::move(frame));
  worker_.Post([this, asked, alive = alive_, epoch = epoch_] {
    if (!*alive) return;
    Result<wire::Frame> result = Answer(*asked);
    if (!result.ok()) {
      Log(LogLevel::kWarn, "reconciliation.not_answered", {{"why", result.error().message}});
      // What passes is not said to the centre, which would end there: it asks again.
      if (Describe(result.error().code).retry == Retry::kTransient) {
        return loop_.Post([this, alive] {
          if (*alive) working_ = false;
        });
      }
      result = Failure(*asked, result.error());
    }
    auto answer = std::make_shared<wire::Frame>(std::move(*result));
    loop_.Post([this, answer, alive, epoch] {
      if (!*alive) return;
      working_ = false;
      if (epoch != epoch_) return;  // Asked again in the session that is now.
      const Status sent = send_(*answer);
      if (!sent.ok())
        Log(LogLevel::kInfo, "reconciliation.not_sent", {{"why", sent.error().message}});
    });
  });
}

Result<wire::Frame> Reconciliation::Answer(const wire::Frame& frame) {
  if (const auto* compare = std::get_if<wire::Compare>(&frame)) return AnswerCompare(*compare);
  if (const auto* redelivery = std::get_if<wire::Redelivery>(&frame)) return Take(*redelivery);
  if (const auto* settlement = std::get_if<wire::Settlement>(&frame)) return Settle(*settlement);
  return Fail(ErrorCode::kUnknownKind, "no frame of a reconciliation");
}

Result<wire::Frame> Reconciliation::AnswerCompare(const wire::Compare& compare) {
  auto answer = AnswerTo<wire::Comparison>(compare);
  answer.point = compare.point;
  switch (compare.question) {
    case wire::ReconcileQuestion::kPoint:
      EDCSYNC_TRY(AnswerPoint(compare, answer));
      break;
    case wire::ReconcileQuestion::kBranches:
      EDCSYNC_TRY(EnsureCounted(compare.point));
      AddNodes(counted_.tree.Branches(), answer);
      break;
    case wire::ReconcileQuestion::kLeaves:
      if (compare.parts.size() > 16) return Fail(ErrorCode::kTooLarge, "16 branches at most");
      EDCSYNC_TRY(EnsureCounted(compare.point));
      for (const std::uint16_t branch : compare.parts) {
        if (branch >= RevisionTree::kBranchCount) {
          return Fail(ErrorCode::kFieldInvalid, "a branch is 0 to 255");
        }
        AddNodes(counted_.tree.LeavesOf(static_cast<std::uint8_t>(branch)), answer);
      }
      break;
    case wire::ReconcileQuestion::kList:
      EDCSYNC_TRY(AnswerList(compare, answer));
      break;
    case wire::ReconcileQuestion::kLook:
      EDCSYNC_TRY(AnswerLook(compare, answer));
      break;
    case wire::ReconcileQuestion::kGive:
      return Give(compare);
  }
  return wire::Frame(std::move(answer));
}

Status Reconciliation::Walk(EdgeTables& tables, const wire::ReconcilePoint& point,
                            const std::function<Status(const ScannedRevision&)>& each) {
  EDCSYNC_ASSIGN(const std::unordered_set<std::int64_t> beyond, RowsBeyond(tables, point));
  const auto counts = [&](const ScannedRevision& scanned) {
    if (scanned.rowid > Stored(point.row) || beyond.contains(scanned.rowid)) return Ok();
    return each(scanned);
  };
  return ScanRevisions(tables.database, tables.revisions, identity_.site, counts);
}

Status Reconciliation::Count(EdgeTables& tables, const wire::ReconcilePoint& point) {
  counted_ = Counted();
  counted_.point = point;
  Digest last{};  // No key hashes to zeros.
  EDCSYNC_TRY(Walk(tables, point, [&](const ScannedRevision& scanned) {
    counted_.tree.Add(scanned.key_hash, scanned.id,
                      scanned.whole ? RevisionTree::Copy::kWhole
                                    : RevisionTree::Copy::kDamagedAtSite);
    if (!scanned.whole) ++counted_.damaged;
    if (last != scanned.key_hash) ++counted_.records;
    last = scanned.key_hash;
    return Ok();
  }));
  counted_.known = true;
  return Ok();
}

Status Reconciliation::EnsureCounted(const wire::ReconcilePoint& point) {
  if (counted_.known && SamePoint(counted_.point, point)) return Ok();
  return store_.Read([&](EdgeTables& tables) { return Count(tables, point); });
}

Status Reconciliation::AnswerPoint(const wire::Compare& compare, wire::Comparison& answer) {
  Checkpoint checkpoint;
  bool ready = false;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(checkpoint, tables.checkpoint.Get());
    EDCSYNC_ASSIGN(const OutboxTable::Tail tail, tables.outbox.ReadTail());
    answer.wait_sequence = compare.wait_sequence == Sequence() ? tail.last : compare.wait_sequence;
    ready = checkpoint.acknowledged_through >= answer.wait_sequence &&
            checkpoint.feed_cursor >= compare.wait_cursor && checkpoint.history == compare.history;
    answer.point.sequence = checkpoint.acknowledged_through;
    answer.point.cursor = checkpoint.feed_cursor;
    Statement last =
        tables.database.Prepare("SELECT coalesce(max(revision_rowid), 0) FROM revision");
    EDCSYNC_TRY(last.Step());
    answer.point.row = static_cast<std::uint64_t>(last.Int(0));
    return ready ? Count(tables, answer.point) : Ok();
  }));
  if (!ready) {
    answer.answer = wire::ReconcileAnswer::kNotYet;
    return Ok();
  }
  const RevisionTree::Node root = counted_.tree.Root();
  answer.nodes.push_back({root.digest, root.count});
  const WallTime now = store_.clock().Wall();
  const nlohmann::json statement{{"at", FormatUtc(now)},
                                 {"damaged", counted_.damaged},
                                 {"edge", identity_.edge.str()},
                                 {"feedCursor", answer.point.cursor.value()},
                                 {"incarnation", checkpoint.incarnation.ToHex()},
                                 {"records", counted_.records},
                                 {"revisions", root.count},
                                 {"root", ToHex(root.digest)},
                                 {"sequence", answer.point.sequence.value()},
                                 {"site", identity_.site.str()}};
  answer.statement = statement.dump();
  return store_.writer().Run([&]() -> Status {
    return store_.writer_tables().reconciliations.PutStatement(compare.reconciliation,
                                                               answer.statement, now);
  });
}

// The asked leaves' revisions with the lowest rows behind `after_row`.
Status Reconciliation::AnswerList(const wire::Compare& compare, wire::Comparison& answer) {
  std::vector<bool> asked(RevisionTree::kLeafCount);
  for (const std::uint16_t leaf : compare.parts) asked[leaf] = true;
  struct Listed {
    wire::ListedRevision revision;
    bool whole = true;
  };
  std::vector<Listed> list;
  const auto by_row = [](const Listed& a, const Listed& b) {
    return a.revision.row < b.revision.row;
  };
  const auto keep_lowest = [&] {
    if (list.size() <= kListCountMax) return;
    std::nth_element(list.begin(), list.begin() + kListCountMax, list.end(), by_row);
    list.resize(kListCountMax);
    answer.more = true;
  };
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) {
    return Walk(tables, compare.point, [&](const ScannedRevision& scanned) {
      const auto row = static_cast<std::uint64_t>(scanned.rowid);
      if (!asked[RevisionTree::LeafOf(scanned.key_hash)] || row <= compare.after_row) {
        return Ok();
      }
      list.push_back({{row, scanned.key, scanned.id}, scanned.whole});
      if (list.size() == 4 * kListCountMax) keep_lowest();
      return Ok();
    });
  }));
  keep_lowest();
  std::sort(list.begin(), list.end(), by_row);
  std::size_t bytes = 0;
  for (Listed& one : list) {
    bytes += ToString(one.revision.key).size() + sizeof(Digest) + 40;
    if (!answer.revisions.empty() && bytes > limits::kPushTargetBytes) {
      answer.more = true;
      return Ok();
    }
    answer.revisions.push_back(std::move(one.revision));
    answer.presences.push_back(one.whole ? wire::RevisionPresence::kPresent
                                         : wire::RevisionPresence::kDamaged);
  }
  return Ok();
}

Status Reconciliation::AnswerLook(const wire::Compare& compare, wire::Comparison& answer) {
  return store_.Read([&](EdgeTables& tables) -> Status {
    for (const RevisionId& id : compare.revisions) {
      const Result<std::optional<StoredRevision>> stored = tables.revisions.Find(id);
      if (!stored.ok() && Describe(stored.error().code).retry == Retry::kTransient) {
        return tl::unexpected<Error>(stored.error());
      }
      EDCSYNC_ASSIGN(const bool held, tables.held.Contains(id));
      answer.presences.push_back(!stored.ok() ? wire::RevisionPresence::kDamaged
                                 : *stored    ? wire::RevisionPresence::kPresent
                                 : held       ? wire::RevisionPresence::kHeld
                                              : wire::RevisionPresence::kAbsent);
    }
    return Ok();
  });
}

Result<wire::Frame> Reconciliation::Give(const wire::Compare& compare) {
  auto given = AnswerTo<wire::Return>(compare);
  std::size_t bytes = 0;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) -> Status {
    for (const RevisionId& id : compare.revisions) {
      const Result<std::int64_t> row = tables.revisions.RowOf(id);
      Result<RevisionTable::Opened> opened =
          row.ok() ? tables.revisions.OpenRow(*row) : tl::unexpected<Error>(row.error());
      if (!opened.ok()) {
        if (Describe(opened.error().code).retry == Retry::kTransient) {
          return tl::unexpected<Error>(opened.error());
        }
        given.absent.push_back(id);
        continue;
      }
      bytes += opened->canonical.size();
      if (!given.revisions.empty() && bytes > limits::kPushTargetBytes) return Ok();
      EDCSYNC_ASSIGN(const std::optional<Digest> mark, tables.marks.Find(*row));
      given.revisions.push_back({std::move(opened->canonical), mark.value_or(Digest{})});
    }
    return Ok();
  }));
  return wire::Frame(std::move(given));
}

Result<wire::Frame> Reconciliation::Take(const wire::Redelivery& redelivery) {
  auto answer = AnswerTo<wire::Comparison>(redelivery);
  std::vector<RevisionGap> gaps;
  EDCSYNC_TRY(store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(gaps, FindRevisionGaps(tables, kGapCountMax));
    return Ok();
  }));
  EDCSYNC_TRY(store_.writer().Run([&]() -> Status {
    answer.presences.assign(redelivery.revisions.size(), wire::RevisionPresence::kAbsent);
    // One that is back may tell of another: again, until none tells of any more.
    for (bool more = true; more;) {
      more = false;
      for (std::size_t i = 0; i < redelivery.revisions.size(); ++i) {
        if (answer.presences[i] != wire::RevisionPresence::kAbsent) continue;
        EDCSYNC_ASSIGN(answer.presences[i],
                       applier_.TakeRedelivered(redelivery.revisions[i], gaps, redelivery.as_new));
        more = more || answer.presences[i] == wire::RevisionPresence::kPresent;
      }
    }
    return Ok();
  }));
  return wire::Frame(std::move(answer));
}

Result<wire::Frame> Reconciliation::Settle(const wire::Settlement& settlement) {
  auto answer = AnswerTo<wire::Comparison>(settlement);
  const auto signed_by = [&](const Certificate& gateway) {
    return VerifyDetached(gateway, AsBytes(settlement.report), settlement.signature);
  };
  if (std::ranges::none_of(identity_.gateways, signed_by)) {
    return Fail(ErrorCode::kBadSeal, "the report is not signed by the centre");
  }
  const nlohmann::json report =
      nlohmann::json::parse(settlement.report, nullptr, /*allow_exceptions=*/false);
  if (!report.is_object() || !report.contains("site") ||
      report.value("reconciliation", std::string()) != std::to_string(settlement.reconciliation)) {
    return Fail(ErrorCode::kMalformed, "the report is of another reconciliation");
  }
  ReconciliationHere settled;
  EDCSYNC_TRY(store_.writer().Run([&]() -> Status {
    EdgeTables& tables = store_.writer_tables();
    EDCSYNC_ASSIGN(std::optional<ReconciliationHere> here,
                   tables.reconciliations.Find(settlement.reconciliation));
    if (!here || here->statement != report["site"].dump()) {
      return Fail(ErrorCode::kForbidden, "the report says of this edge what it did not state");
    }
    settled = std::move(*here);
    if (settled.settled_at) {
      if (settled.report == settlement.report) return Ok();  // Signed; the answer was lost.
      return Fail(ErrorCode::kStale, "another report of this reconciliation was signed");
    }
    settled.settled_at = store_.clock().Wall();
    settled.report = settlement.report;
    settled.centre_signature = settlement.signature;
    EDCSYNC_ASSIGN(settled.site_signature,
                   SignDetached(identity_.sealer.key(), AsBytes(settlement.report)));
    EDCSYNC_TRY(tables.reconciliations.Settle(settled));
    AuditEntry entry;
    entry.at = *settled.settled_at;
    entry.actor = "gateway";
    entry.action = "reconciliation.signed";
    entry.object = identity_.edge.str();
    entry.detail = "reconciliation=" + std::to_string(settled.id) +
                   " result=" + report.value("result", std::string("?"));
    return tables.audit.Append(std::move(entry));
  }));
  answer.signature = settled.site_signature;
  return wire::Frame(std::move(answer));
}

}  // namespace edcsync::edge
