// What comes of the differences a run found: each is named, what is missing is asked for or sent
// again, the round is repeated, and the report is signed.
#include <algorithm>

#include "central-gateway/merge/merger.h"
#include "central-gateway/reconcile/run.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/revision_id.h"
#include "shared/crypto/signature.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kGapCountMax = 10'000;
constexpr std::size_t kDifferencePage = 1000;

Result<std::vector<DifferenceRow>> AllDifferences(CentralReader& reader, SnowflakeId id) {
  std::vector<DifferenceRow> all;
  while (true) {
    const RevisionId* after = all.empty() ? nullptr : &all.back().revision;
    EDCSYNC_ASSIGN(const std::vector<DifferenceRow> page,
                   reader.ListDifferences(id, after, kDifferencePage));
    all.insert(all.end(), page.begin(), page.end());
    if (page.size() < kDifferencePage) return all;
  }
}

std::string DetailOf(const ReconciliationRow& row) {
  return "reconciliation=" + std::to_string(row.id.value());
}

}  // namespace

bool RunState::Passes::Turn() {
  if (!now.empty()) return true;
  if (later.empty()) return false;
  if (!progress && as_new) return false;
  if (!progress) as_new = true;
  progress = false;
  now.swap(later);
  return true;
}

// Writes the round's differences down before anything is done about them.
Status Run::Name() {
  if (found_.size() == named_) return EndRound();
  named_ = found_.size();
  std::size_t damaged = 0;
  for (const auto& [id, row] : found_) {
    const bool centre_lacks = row.kind == DifferenceKind::kMissingAtCentre ||
                              row.kind == DifferenceKind::kDamagedAtCentre;
    damaged += row.kind == DifferenceKind::kDamagedAtCentre ||
               row.kind == DifferenceKind::kDamagedAtSite;
    if (row.outcome == DifferenceOutcome::kNotBroughtBack) continue;  // Nobody has it whole.
    (centre_lacks ? to_give_ : to_redeliver_).now.push_back(id);
  }
  row_.step = "names what differs";
  row_.changed_at = clock_.Wall();
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    for (const auto& [id, row] : found_) EDCSYNC_TRY(writer.PutDifference(row_.id, row));
    EDCSYNC_TRY(writer.AppendAudit(
        "gateway:" + identity_.gateway, "reconciliation.differs", row_.edge.str(),
        DetailOf(row_) + " asked_of_site=" + std::to_string(to_give_.now.size()) +
            " sent_to_site=" + std::to_string(to_redeliver_.now.size()) +
            " damaged=" + std::to_string(damaged)));
    return writer.UpdateReconciliation(row_);
  }));
  Log(LogLevel::kWarn, "reconciliation.differs",
      {{"edge", row_.edge.str()},
       {"asked_of_site", to_give_.now.size()},
       {"sent_to_site", to_redeliver_.now.size()},
       {"damaged", damaged}});
  return AskGive();
}

Status Run::SetOutcome(const RevisionId& id, DifferenceOutcome outcome, const std::string& detail) {
  const auto found = found_.find(id);
  if (found == found_.end()) return Ok();
  found->second.outcome = outcome;
  found->second.detail = detail;
  if (outcome == DifferenceOutcome::kBroughtBack) ++brought_back_;
  return store_.Write(
      [&](CentralWriter& writer) { return writer.PutDifference(row_.id, found->second); });
}

Status Run::AskGive() {
  if (!to_give_.Turn()) return AskRedeliver();
  auto& compare = Ask(Step::kGive, wire::ReconcileQuestion::kGive);
  const std::size_t count = std::min(to_give_.now.size(), limits::kPushRevisionCountMax);
  compare.revisions.assign(to_give_.now.begin(),
                           to_give_.now.begin() + static_cast<std::ptrdiff_t>(count));
  return Save("asks the edge for " + std::to_string(to_give_.now.size()) + " revisions");
}

// Takes only what was asked for. What carries the centre's mark may be of any writer of the site;
// all else must be the edge's own, as in a push.
Status Run::TakeReturn(const wire::Return& given) {
  const std::vector<RevisionId> asked = std::get<wire::Compare>(question_).revisions;
  const auto was_asked = [&](const RevisionId& id) {
    return std::find(asked.begin(), asked.end(), id) != asked.end();
  };
  std::vector<Incoming> incoming;
  for (const wire::OfferedRevision& offered : given.revisions) {
    incoming.push_back(ReadIncoming(offered.revision));
    if (!was_asked(incoming.back().id)) return FailRun("the edge returned what nobody asked for");
  }
  if (!std::all_of(given.absent.begin(), given.absent.end(), was_asked) ||
      given.revisions.size() + given.absent.size() == 0) {
    return FailRun("the edge answered otherwise than asked");
  }
  std::vector<FeedGap> gaps;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(gaps, reader.FindFeedGaps(row_.site, kGapCountMax));
    return Ok();
  }));
  std::map<RevisionId, MergeResult> results;
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    results.clear();
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> edge, writer.FindEdge(row_.edge));
    if (!edge || edge->standing != EdgeStanding::kActive) {
      return Fail(ErrorCode::kForbidden, "edge " + row_.edge.str() + " may not deliver");
    }
    EDCSYNC_ASSIGN(const Bytes mark_key, writer.MarkKey());
    EDCSYNC_ASSIGN(Merger merger, Merger::Begin(writer, registry_));
    for (std::size_t i = 0; i < incoming.size(); ++i) {
      incoming[i].edge = row_.edge;
      incoming[i].site = row_.site;
      incoming[i].incarnation = edge->incarnation;
      incoming[i].offered =
          EqualInConstantTime(HmacSha256(mark_key, incoming[i].id.view()), given.revisions[i].mark);
    }
    // One that is back may tell of another: again, until none tells of any more.
    for (bool more = true; more;) {
      more = false;
      for (Incoming& one : incoming) {
        if (results.contains(one.id)) continue;
        EDCSYNC_ASSIGN(const std::optional<MergeResult> result,
                       merger.Reinstate(one, gaps, to_give_.as_new));
        if (result) results[one.id] = *result;
        more = more || result;
      }
    }
    return Ok();
  }));
  for (const auto& [id, result] : results) {
    const bool waits = result.outcome == Outcome::kHeld || result.outcome == Outcome::kQuarantined;
    EDCSYNC_TRY(SetOutcome(id, DifferenceOutcome::kBroughtBack,
                           waits ? "in quarantine at the centre" : ""));
    std::erase(to_give_.now, id);
    to_give_.progress = true;
  }
  for (const Incoming& one : incoming) {
    if (results.contains(one.id)) continue;
    std::erase(to_give_.now, one.id);
    to_give_.later.push_back(one.id);
  }
  for (const RevisionId& id : given.absent) {
    EDCSYNC_TRY(SetOutcome(id, DifferenceOutcome::kNotBroughtBack,
                           "the site cannot read it: run `edge-agent check` there"));
    std::erase(to_give_.now, id);
  }
  return AskGive();
}

Status Run::AskRedeliver() {
  on_the_way_.clear();
  while (on_the_way_.empty() && to_redeliver_.Turn()) {
    std::vector<RevisionId> unreadable;
    auto& redelivery = AskFrame<wire::Redelivery>(Step::kRedeliver);
    redelivery.as_new = to_redeliver_.as_new;
    EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const Bytes mark_key, reader.MarkKey());
      std::size_t bytes = 0;
      for (const RevisionId& id : to_redeliver_.now) {
        if (on_the_way_.size() == limits::kPushRevisionCountMax) return Ok();
        Bytes canonical;
        Digest mark = HmacSha256(mark_key, id.view());
        const Result<std::optional<RevisionRow>> row = reader.FindRevision(id);
        if (row.ok() && *row) canonical = (*row)->canonical;
        if (row.ok() &&
            !*row) {  // In quarantine: its own edge lost it. The centre vouches for none.
          Result<std::optional<QuarantineRow>> waiting = reader.FindQuarantine(id);
          if (waiting.ok() && *waiting) canonical = std::move((*waiting)->bytes);
          mark = Digest{};
        }
        if (canonical.empty()) {
          unreadable.push_back(id);
          continue;
        }
        bytes += canonical.size();
        if (!redelivery.revisions.empty() && bytes > limits::kPushTargetBytes) return Ok();
        redelivery.revisions.push_back({std::move(canonical), mark});
        on_the_way_.push_back(id);
      }
      return Ok();
    }));
    for (const RevisionId& id : unreadable) {
      EDCSYNC_TRY(SetOutcome(id, DifferenceOutcome::kNotBroughtBack,
                             "the centre's copy does not open: run `central-gateway check`"));
      std::erase(to_redeliver_.now, id);
    }
  }
  if (on_the_way_.empty()) return EndRound();
  return Save("sends the site " + std::to_string(to_redeliver_.now.size()) + " revisions again");
}

Status Run::TakeRedelivered(const wire::Comparison& answer) {
  if (answer.presences.size() != on_the_way_.size()) {
    return FailRun("the edge answered otherwise than asked");
  }
  for (std::size_t i = 0; i < on_the_way_.size(); ++i) {
    const wire::RevisionPresence presence = answer.presences[i];
    std::erase(to_redeliver_.now, on_the_way_[i]);
    if (presence == wire::RevisionPresence::kAbsent && !to_redeliver_.as_new) {
      to_redeliver_.later.push_back(on_the_way_[i]);
      continue;
    }
    to_redeliver_.progress = true;
    const bool present = presence == wire::RevisionPresence::kPresent;
    EDCSYNC_TRY(
        SetOutcome(on_the_way_[i],
                   present ? DifferenceOutcome::kBroughtBack : DifferenceOutcome::kNotBroughtBack,
                   present                                     ? ""
                   : presence == wire::RevisionPresence::kHeld ? "it waits for a parent at the site"
                                                               : "the site refuses it"));
  }
  return AskRedeliver();
}

// Equal, or what was brought back is compared anew, or what lies behind is looked at, or nothing
// more can be done. Behind what is in quarantine, or what nobody can bring back, more may be missing.
Status Run::EndRound() {
  if (leaves_behind_ && brought_back_ == 0) return AskLeavesBehind();
  std::vector<DifferenceRow> all;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(all, AllDifferences(reader, row_.id));
    return Ok();
  }));
  if (found_.empty() && truncated_) {
    return FailRun("more differs than one comparison looks at, and none of it could be named");
  }
  if (found_.empty()) {
    return Finish(all.empty() ? ReconciliationState::kEqual : ReconciliationState::kMended);
  }
  if (brought_back_ == 0 || row_.rounds >= kRoundCountMax) {
    return Finish(ReconciliationState::kDifferent);
  }
  return BeginRound();
}

// Makes the report, and asks the site to keep and to sign it.
Status Run::Finish(ReconciliationState state) {
  std::vector<DifferenceRow> all;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(all, AllDifferences(reader, row_.id));
    return Ok();
  }));
  std::vector<DifferenceRow> settled;
  for (DifferenceRow& row : all) {
    // What a later round did not find any more is back, however it came.
    const bool stands = found_.contains(row.revision);
    const DifferenceOutcome outcome =
        stands ? DifferenceOutcome::kNotBroughtBack : DifferenceOutcome::kBroughtBack;
    if (row.outcome == outcome) continue;
    row.outcome = outcome;
    if (!stands) row.detail.clear();
    settled.push_back(row);
  }
  ReconciliationRow ended = row_;
  ended.state = state;
  ended.ended_at = clock_.Wall();
  row_.report = MakeReport(ended, centre_, site_statement_, all);
  row_.ended_at = ended.ended_at;
  EDCSYNC_ASSIGN(row_.centre_signature, SignDetached(identity_.sealer.key(), AsBytes(row_.report)));
  row_.centre_pem = identity_.sealer.certificate().ToPem();
  row_.step = "asks the site to sign";
  row_.changed_at = clock_.Wall();
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    for (const DifferenceRow& row : settled) EDCSYNC_TRY(writer.PutDifference(row_.id, row));
    return writer.UpdateReconciliation(row_);
  }));
  auto& settlement = AskFrame<wire::Settlement>(Step::kSettle);
  settlement.report = row_.report;
  settlement.signature = row_.centre_signature;
  return Ok();
}

Status Run::TakeSignature(const wire::Comparison& answer,
                          const std::vector<std::string>& certificates_pem) {
  std::string step = "signed by both sides";
  if (answer.answer == wire::ReconcileAnswer::kFailed) {
    step = "the site has not signed: " + answer.message;
  } else {
    for (const std::string& pem : certificates_pem) {  // Two while it renews.
      const Result<Certificate> certificate = Certificate::FromPem(pem);
      if (!certificate.ok() ||
          !VerifyDetached(*certificate, AsBytes(row_.report), answer.signature)) {
        continue;
      }
      row_.site_signature = answer.signature;
      row_.site_pem = pem;
    }
    if (row_.site_signature.empty()) step = "the site's signature does not fit";
  }
  ReconciliationRow ended = row_;
  ended.state = ResultOf(row_.report);
  ended.step = step;
  ended.changed_at = clock_.Wall();
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.UpdateReconciliation(ended));
    return writer.AppendAudit(
        "gateway:" + identity_.gateway, "reconciliation.ended", row_.edge.str(),
        DetailOf(row_) + " result=" + std::string(ToString(ended.state)) + " " + step);
  }));
  row_ = std::move(ended);
  Log(row_.state == ReconciliationState::kEqual ? LogLevel::kInfo : LogLevel::kWarn,
      "reconciliation.ended",
      {{"edge", row_.edge.str()},
       {"result", ToString(row_.state)},
       {"rounds", row_.rounds},
       {"bytes", row_.bytes_down + row_.bytes_up},
       {"step", step}});
  return Ok();
}

Status Run::FailRun(const std::string& why) {
  ReconciliationRow ended = row_;
  ended.state = ReconciliationState::kFailed;
  ended.ended_at = clock_.Wall();
  ended.changed_at = *ended.ended_at;
  ended.step = why;
  EDCSYNC_TRY(store_.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.UpdateReconciliation(ended));
    return writer.AppendAudit("gateway:" + identity_.gateway, "reconciliation.failed",
                              row_.edge.str(), DetailOf(row_) + " " + why);
  }));
  row_ = std::move(ended);
  Log(LogLevel::kWarn, "reconciliation.failed", {{"edge", row_.edge.str()}, {"why", why}});
  return Ok();
}

}  // namespace edcsync::central
