// How a run finds what differs; run_exchange.cc has what comes of it.
#include "central-gateway/reconcile/run.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kBranchesAtOnce = 16;
constexpr char kDamagedAtBoth[] = "neither side's copy opens: no whole copy is known";
constexpr std::int64_t kSaveEveryMs = 5'000;  // While a step repeats itself.
constexpr std::uint64_t kNodeCountMax = std::uint64_t{1}
                                        << 40;  // Sums of 65536 stay far from 2^64.

RevisionTree::Node NodeOf(const wire::DigestNode& node) { return {node.digest, node.count}; }

std::vector<RevisionTree::Node> NodesOf(const std::vector<wire::DigestNode>& nodes,
                                        std::size_t first, std::size_t count) {
  std::vector<RevisionTree::Node> part;
  part.reserve(count);
  for (std::size_t i = first; i < first + count; ++i) part.push_back(NodeOf(nodes[i]));
  return part;
}

bool CountsAreSane(const std::vector<wire::DigestNode>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(),
                     [](const wire::DigestNode& node) { return node.count <= kNodeCountMax; });
}

}  // namespace

Run::Run(CentralStore& store, const Clock& clock, const ReconcileIdentity& identity,
         ReconciliationRow row, RunLimits limits)
    : store_(store), clock_(clock), identity_(identity), limits_(limits) {
  row_ = std::move(row);
}

Status Run::Try(const std::function<Status()>& step) {
  RunState before = *this;
  Status done = step();
  if (!done.ok()) static_cast<RunState&>(*this) = std::move(before);
  return done;
}

Status Run::Begin() {
  if (!row_.started_at) row_.started_at = clock_.Wall();
  if (row_.report.empty()) return Try([this] { return BeginRound(); });
  // A report that was made before a restart is signed as it is.
  auto& settlement = AskFrame<wire::Settlement>(Step::kSettle);
  settlement.report = row_.report;
  settlement.signature = row_.centre_signature;
  return Ok();
}

template <class Kind>
Kind& Run::AskFrame(Step step) {
  step_ = step;
  not_yet_ = false;
  Kind asked;
  asked.reconciliation = row_.id.value();
  asked.serial = ++serial_;
  question_ = std::move(asked);
  return std::get<Kind>(question_);
}

template wire::Settlement& Run::AskFrame<wire::Settlement>(Step);
template wire::Redelivery& Run::AskFrame<wire::Redelivery>(Step);

wire::Compare& Run::Ask(Step step, wire::ReconcileQuestion question) {
  auto& compare = AskFrame<wire::Compare>(step);
  compare.question = question;
  compare.point = point_;
  return compare;
}

Status Run::Save(const std::string& step) {
  const WallTime now = clock_.Wall();
  if (step == row_.step && now.ms - row_.changed_at.ms < kSaveEveryMs) return Ok();
  row_.step = step;
  row_.changed_at = now;
  return store_.Write([this](CentralWriter& writer) { return writer.UpdateReconciliation(row_); });
}

void Run::CountBytes(std::uint64_t down, std::uint64_t up) {
  row_.bytes_down += down;
  row_.bytes_up += up;
}

SiteCountOptions Run::CountOptions() const {
  return {row_.site, row_.edge, edge_.incarnation, point_.sequence, point_.cursor, settled_};
}

// Forgets the round before. The edge's point is to lie after this snapshot.
Status Run::BeginRound() {
  FeedCursor head;
  HistoryId history;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(std::optional<EdgeRow> edge, reader.FindEdge(row_.edge));
    if (!edge) return Fail(ErrorCode::kUnknownEdge, "edge " + row_.edge.str() + " is gone");
    edge_ = std::move(*edge);
    EDCSYNC_ASSIGN(head, reader.FeedHead());
    EDCSYNC_ASSIGN(history, reader.History());
    return Ok();
  }));
  settled_ = edge_.acknowledged_through;
  row_.state = ReconciliationState::kRunning;
  row_.explained = 0;
  site_branches_.clear();
  branches_to_ask_.clear();
  first_leaf_ = 0;
  leaves_.clear();
  leaves_behind_ = truncated_ = false;
  listed_expected_ = 0;
  listed_.clear();
  to_look_.clear();
  looked_ = 0;
  found_.clear();
  named_ = 0;
  to_give_ = {};
  to_redeliver_ = {};
  on_the_way_.clear();
  brought_back_ = 0;
  point_ = {};
  // A serial of a former life of this run must not fit: an answer may come late.
  serial_ = std::max(serial_, static_cast<std::uint32_t>(clock_.Wall().ms / 100));
  auto& compare = Ask(Step::kPoint, wire::ReconcileQuestion::kPoint);
  compare.wait_cursor = head;
  compare.history = history;
  return Save("asks the edge where it stands");
}

Status Run::Take(const wire::Frame& frame, const std::vector<std::string>& certificates_pem) {
  if (done()) return Ok();
  if (const auto* given = std::get_if<wire::Return>(&frame)) {
    if (given->reconciliation != row_.id.value() || given->serial != serial_ ||
        step_ != Step::kGive) {
      return Ok();
    }
    return Try([&] { return TakeReturn(*given); });
  }
  const auto* answer = std::get_if<wire::Comparison>(&frame);
  if (answer == nullptr || answer->reconciliation != row_.id.value() || answer->serial != serial_) {
    return Ok();
  }
  if (answer->answer == wire::ReconcileAnswer::kFailed) {
    if (step_ == Step::kSettle) return TakeSignature(*answer, certificates_pem);
    return FailRun("the edge cannot answer: " + answer->message);
  }
  if (answer->answer == wire::ReconcileAnswer::kNotYet) {
    if (step_ != Step::kPoint) return FailRun("the edge is not ready for what it began");
    std::get<wire::Compare>(question_).wait_sequence = answer->wait_sequence;
    not_yet_ = true;
    const std::string step = "waits until the edge has delivered through " +
                             std::to_string(answer->wait_sequence.value()) + " and read the feed";
    return step == row_.step ? Ok() : Save(step);  // Waiting is no progress.
  }
  return Try([&] { return TakeComparison(*answer, certificates_pem); });
}

Status Run::TakeComparison(const wire::Comparison& answer,
                           const std::vector<std::string>& certificates_pem) {
  switch (step_) {
    case Step::kPoint:
      return TakePoint(answer);
    case Step::kBranches:
      return TakeBranches(answer);
    case Step::kLeaves:
      return TakeLeaves(answer);
    case Step::kList:
      return TakeList(answer);
    case Step::kLook:
      return TakeLook(answer);
    case Step::kGive:
      return FailRun("the edge answered otherwise than asked");
    case Step::kRedeliver:
      return TakeRedelivered(answer);
    case Step::kSettle:
      return TakeSignature(answer, certificates_pem);
  }
  return Ok();
}

// The statement is kept as the edge made it, if it says what its answer says.
Status Run::TakePoint(const wire::Comparison& answer) {
  const auto& asked = std::get<wire::Compare>(question_);
  const nlohmann::json statement =
      nlohmann::json::parse(answer.statement, nullptr, /*allow_exceptions=*/false);
  const auto says = [&](const char* name, const nlohmann::json& value) {
    return statement.is_object() && statement.contains(name) && statement[name] == value;
  };
  if (answer.nodes.size() != 1 || !CountsAreSane(answer.nodes) ||
      answer.point.cursor < asked.wait_cursor || statement.dump() != answer.statement ||
      !says("edge", row_.edge.str()) || !says("site", row_.site.str()) ||
      !says("sequence", answer.point.sequence.value()) ||
      !says("feedCursor", answer.point.cursor.value()) ||
      !says("revisions", answer.nodes[0].count) || !says("root", ToHex(answer.nodes[0].digest))) {
    return FailRun("the edge's statement does not fit its answer");
  }
  if (!says("incarnation", edge_.incarnation.ToHex())) return BeginRound();  // A new one began.
  ++row_.rounds;
  point_ = answer.point;
  site_statement_ = answer.statement;
  site_root_ = NodeOf(answer.nodes[0]);
  tree_ = RevisionTree();
  centre_ = CentreStatement();
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(centre_.history, reader.History());
    EDCSYNC_ASSIGN(centre_.feed_head, reader.FeedHead());
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> edge, reader.FindEdge(row_.edge));
    if (edge && point_.sequence > edge->acknowledged_through) {
      return Fail(ErrorCode::kNotAcknowledgeable, "the edge counts what was never received");
    }
    if (edge && point_.cursor > centre_.feed_head) {
      return Fail(ErrorCode::kNotAcknowledgeable, "the edge counts what was never fed");
    }
    EDCSYNC_ASSIGN(centre_.records,
                   reader.CountSite(CountOptions(), [&](const CountedRevision& counted) {
                     tree_.Add(counted.key_hash, counted.id,
                               counted.whole ? RevisionTree::Copy::kWhole
                                             : RevisionTree::Copy::kDamagedAtCentre);
                     if (!counted.whole) ++centre_.damaged;
                     return Ok();
                   }));
    return Ok();
  }));
  const RevisionTree::Node root = tree_.Root();
  centre_.at = clock_.Wall();
  centre_.gateway = identity_.gateway;
  centre_.revisions = root.count;
  centre_.root = root.digest;
  row_.site_revisions = site_root_.count;
  row_.centre_revisions = root.count;
  if (root == site_root_) return EndRound();
  Ask(Step::kBranches, wire::ReconcileQuestion::kBranches);
  return Save("compares branches");
}

Status Run::TakeBranches(const wire::Comparison& answer) {
  if (answer.nodes.size() != RevisionTree::kBranchCount || !CountsAreSane(answer.nodes) ||
      NodeAbove(NodesOf(answer.nodes, 0, answer.nodes.size())) != site_root_) {
    return FailRun("the edge's branches do not make its root");
  }
  for (std::size_t i = 0; i < answer.nodes.size(); ++i) {
    const RevisionTree::Node theirs = NodeOf(answer.nodes[i]);
    if (theirs == tree_.Branch(static_cast<std::uint8_t>(i))) continue;
    site_branches_[static_cast<std::uint16_t>(i)] = theirs;
    branches_to_ask_.push_back(static_cast<std::uint16_t>(i));
  }
  return AskLeaves();
}

Status Run::AskLeaves() {
  auto& compare = Ask(Step::kLeaves, wire::ReconcileQuestion::kLeaves);
  const std::size_t count = std::min(kBranchesAtOnce, branches_to_ask_.size());
  compare.parts.assign(branches_to_ask_.begin(),
                       branches_to_ask_.begin() + static_cast<std::ptrdiff_t>(count));
  return Save("compares leaves");
}

Status Run::TakeLeaves(const wire::Comparison& answer) {
  const std::vector<std::uint16_t> asked = std::get<wire::Compare>(question_).parts;
  if (answer.nodes.size() != asked.size() * RevisionTree::kLeavesOfBranch ||
      !CountsAreSane(answer.nodes)) {
    return FailRun("the edge answered with other leaves than asked");
  }
  bool full = false;
  for (std::size_t b = 0; b < asked.size(); ++b) {
    const std::vector<RevisionTree::Node> theirs =
        NodesOf(answer.nodes, b * RevisionTree::kLeavesOfBranch, RevisionTree::kLeavesOfBranch);
    if (NodeAbove(theirs) != site_branches_[asked[b]]) {
      return FailRun("the edge's leaves do not make its branch");
    }
    for (std::size_t i = 0; i < theirs.size() && !full; ++i) {
      const auto leaf = static_cast<std::uint16_t>(asked[b] * RevisionTree::kLeavesOfBranch + i);
      const RevisionTree::Node& ours = tree_.Leaf(leaf);
      if (leaf < first_leaf_ || theirs[i] == ours) continue;
      // What is too much at once is looked at afterwards.
      const std::uint64_t more = std::max(theirs[i].count, ours.count);
      full = !leaves_.empty() && listed_expected_ + more > limits_.listed_max;
      full = full || leaves_.size() == limits_.leaf_count_max;
      if (full) {
        first_leaf_ = leaf;
        break;
      }
      if (more > 10 * limits_.listed_max) return FailRun("a leaf has more revisions than can be compared");
      leaves_.insert(leaf);
      listed_expected_ += theirs[i].count;
    }
  }
  branches_to_ask_.erase(branches_to_ask_.begin(),
                         branches_to_ask_.begin() + static_cast<std::ptrdiff_t>(asked.size()));
  if (!full && !branches_to_ask_.empty()) return AskLeaves();
  leaves_behind_ = full;
  auto& compare = Ask(Step::kList, wire::ReconcileQuestion::kList);
  compare.parts.assign(leaves_.begin(), leaves_.end());
  return Save("lists what is in " + std::to_string(leaves_.size()) + " leaves that differ");
}

// The leaves behind those that were looked at, which a round has room for only by and by.
Status Run::AskLeavesBehind() {
  branches_to_ask_.clear();
  for (const auto& [branch, node] : site_branches_) {
    if (branch >= first_leaf_ / RevisionTree::kLeavesOfBranch) branches_to_ask_.push_back(branch);
  }
  leaves_.clear();
  listed_expected_ = 0;
  listed_.clear();
  to_give_ = {};
  to_redeliver_ = {};
  return AskLeaves();
}

Status Run::TakeList(const wire::Comparison& answer) {
  std::uint64_t last = std::get<wire::Compare>(question_).after_row;
  if (answer.presences.size() != answer.revisions.size()) {
    return FailRun("the edge's list does not say how it has each revision");
  }
  for (std::size_t i = 0; i < answer.revisions.size(); ++i) {
    const wire::ListedRevision& listed = answer.revisions[i];
    if (listed.row <= last || !leaves_.contains(RevisionTree::LeafOf(KeyHash(listed.key)))) {
      return FailRun("the edge listed what was not asked for");
    }
    last = listed.row;
    listed_.emplace(listed.revision,
                    Listed{ToString(listed.key),
                           answer.presences[i] == wire::RevisionPresence::kPresent});
  }
  if (listed_.size() > listed_expected_ || (answer.more && answer.revisions.empty())) {
    return FailRun("the edge's list does not fit its leaves");
  }
  if (answer.more) {
    auto& compare = Ask(Step::kList, wire::ReconcileQuestion::kList);
    compare.parts.assign(leaves_.begin(), leaves_.end());
    compare.after_row = last;
    return Save("lists what differs");
  }
  if (listed_.size() != listed_expected_) return FailRun("the edge's list does not fit its leaves");
  return Differ();
}

// What only one side counts, or one has damaged; each is looked at by itself before it is called a
// difference.
Status Run::Differ() {
  const WallTime now = clock_.Wall();
  to_look_.clear();
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    std::map<RevisionId, Listed> only_at_site = listed_;
    EDCSYNC_TRY(reader.CountSite(CountOptions(), [&](const CountedRevision& counted) {
      if (!leaves_.contains(RevisionTree::LeafOf(counted.key_hash))) return Ok();
      const auto listed = only_at_site.find(counted.id);
      const bool whole_at_site = listed != only_at_site.end() && listed->second.whole;
      if (listed != only_at_site.end()) only_at_site.erase(listed);
      if (whole_at_site && counted.whole) return Ok();
      if (to_look_.size() == kRequestedMax) {
        truncated_ = true;
        return Ok();
      }
      to_look_.push_back({counted.id, ToString(counted.key),
                          counted.whole ? DifferenceKind::kMissingAtSite
                                        : DifferenceKind::kDamagedAtCentre,
                          DifferenceOutcome::kFound, "", now});
      return Ok();
    }));
    for (const auto& [id, listed] : only_at_site) {
      if (found_.size() >= kRequestedMax) {
        truncated_ = true;
        break;
      }
      EDCSYNC_TRY(FindOnlyAtSite(reader, id, listed));
    }
    return Ok();
  }));
  looked_ = 0;
  return AskLook();
}

Status Run::FindOnlyAtSite(CentralReader& reader, const RevisionId& id, const Listed& listed) {
  DifferenceRow row{id, listed.record_key, DifferenceKind::kMissingAtCentre,
                    DifferenceOutcome::kFound, "", clock_.Wall()};
  EDCSYNC_ASSIGN(const bool here, reader.HasRevision(id));
  if (here) {
    EDCSYNC_ASSIGN(const bool whole, reader.IsRevisionWhole(id));
    if (whole && listed.whole) return Ok();  // It came since.
    row.kind = whole ? DifferenceKind::kDamagedAtSite : DifferenceKind::kDamagedAtCentre;
    if (!whole && !listed.whole) {
      row.outcome = DifferenceOutcome::kNotBroughtBack;
      row.detail = kDamagedAtBoth;
    }
    found_[id] = std::move(row);
    return Ok();
  }
  const Result<std::optional<QuarantineRow>> waiting = reader.FindQuarantine(id);
  if (!waiting.ok() && Describe(waiting.error().code).retry == Retry::kTransient) {
    return tl::unexpected<Error>(waiting.error());
  }
  // One that was applied must be among the revisions: it is lost.
  const bool explains =
      waiting.ok() && *waiting && (*waiting)->state != QuarantineEnd::kApplied;
  if (explains && listed.whole) {
    ++row_.explained;
    return Ok();
  }
  if (!waiting.ok()) {
    row.outcome = DifferenceOutcome::kNotBroughtBack;
    row.kind = DifferenceKind::kDamagedAtCentre;
    row.detail = "in quarantine at the centre, where it does not open";
  } else if (!listed.whole) {
    row.kind = DifferenceKind::kDamagedAtSite;
    if (!*waiting) {
      row.outcome = DifferenceOutcome::kNotBroughtBack;
      row.detail = "the centre does not have it: no whole copy is known";
    }
  }
  found_[id] = std::move(row);
  return Ok();
}

Status Run::AskLook() {
  if (looked_ == to_look_.size()) return Name();
  auto& compare = Ask(Step::kLook, wire::ReconcileQuestion::kLook);
  const std::size_t end = std::min(to_look_.size(), looked_ + limits::kPushRevisionCountMax);
  for (std::size_t i = looked_; i < end; ++i) compare.revisions.push_back(to_look_[i].revision);
  return Save("confirms what the site lacks");
}

Status Run::TakeLook(const wire::Comparison& answer) {
  const std::size_t asked = std::get<wire::Compare>(question_).revisions.size();
  if (answer.presences.size() != asked) return FailRun("the edge answered otherwise than asked");
  for (const wire::RevisionPresence presence : answer.presences) {
    DifferenceRow row = to_look_[looked_++];
    const bool whole_here = row.kind == DifferenceKind::kMissingAtSite;
    switch (presence) {
      case wire::RevisionPresence::kPresent:
        if (whole_here) continue;  // It came since.
        row.detail = "the centre's copy does not open";
        break;
      case wire::RevisionPresence::kDamaged:
        if (whole_here) row.kind = DifferenceKind::kDamagedAtSite;
        row.detail = whole_here ? "the site's copy does not open" : kDamagedAtBoth;
        break;
      case wire::RevisionPresence::kHeld:
        row.detail = "it waits for a parent at the site";
        break;
      case wire::RevisionPresence::kAbsent:
      case wire::RevisionPresence::kRefused:
        if (!whole_here) row.detail = "the site does not have it: no whole copy is known";
        break;
    }
    if (!whole_here && presence != wire::RevisionPresence::kPresent) {
      row.outcome = DifferenceOutcome::kNotBroughtBack;
    }
    found_[row.revision] = row;
  }
  return AskLook();
}

}  // namespace edcsync::central
