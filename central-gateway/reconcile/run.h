// One edge's reconciliation from its first question to the signed report. Asks one question at a
// time and takes its answer; between two answers nothing is held but what this object has, and
// after a restart it begins its round anew. The steps: schema/wire/reconciliation.md.
//
//   driven by   reconciler.h
//   writes      tables `reconciliation*`; what is brought back, through merge/merger.h
//
// Nothing an edge says is believed for being said: a node must be what its parts make it, a list
// must lie in the leaves asked for, and only revisions that were asked for are taken.
//
// Threads: one at a time, never a work of the store (it writes).
#pragma once

#include <functional>
#include <map>
#include <set>

#include "central-gateway/merge/registry_cache.h"
#include "central-gateway/reconcile/report.h"
#include "central-gateway/store/central_store.h"
#include "shared/crypto/revision_tree.h"
#include "shared/crypto/seal.h"
#include "shared/wire/frames.h"

namespace edcsync::central {

struct ReconcileIdentity {
  std::string gateway;  // This gateway's id.
  Sealer sealer;        // The centre's key and certificate.
};

// How much is listed at once.
struct RunLimits {
  std::uint64_t listed_max = 20'000;   // Revisions.
  std::size_t leaf_count_max = 4'096;  // A Compare names so many.
};

// What a run knows. A copy is kept while a question is asked or an answer taken, and put back if
// the store failed in the midst of it: half an answer taken is none.
struct RunState {
  enum class Step { kPoint, kBranches, kLeaves, kList, kLook, kGive, kRedeliver, kSettle };
  struct Listed {
    std::string record_key;
    bool whole = true;
  };

  ReconciliationRow row_;
  Step step_ = Step::kPoint;
  std::uint32_t serial_ = 0;
  wire::Frame question_;
  bool not_yet_ = false;

  // Of the round.
  EdgeRow edge_;
  Sequence settled_;
  wire::ReconcilePoint point_;
  std::string site_statement_;
  CentreStatement centre_;
  RevisionTree tree_;
  RevisionTree::Node site_root_;
  std::map<std::uint16_t, RevisionTree::Node> site_branches_;  // Those that differ.
  std::vector<std::uint16_t> branches_to_ask_;
  std::uint16_t first_leaf_ = 0;    // Those before it were looked at in this round.
  std::set<std::uint16_t> leaves_;  // Those that differ and are looked at now.
  bool leaves_behind_ = false;      // There are more, from first_leaf_ on.
  std::uint64_t listed_expected_ = 0;
  bool truncated_ = false;  // More differs in these leaves than can be named at once.
  std::map<RevisionId, Listed> listed_;  // The site's.
  // What the site lacks or one side has damaged, unconfirmed: of kind kMissingAtSite if the centre's
  // copy is whole, else kDamagedAtCentre.
  std::vector<DifferenceRow> to_look_;
  std::size_t looked_ = 0;
  std::map<RevisionId, DifferenceRow> found_;  // Confirmed.
  std::size_t named_ = 0;                      // Of them, written down.
  // What is to be brought back, in passes: what nothing tells of on the other side waits for the
  // next one, since a descendant may; when a pass brings none, the rest comes as new.
  struct Passes {
    std::vector<RevisionId> now, later;
    bool progress = false;
    bool as_new = false;
    // True if something is to be done now.
    bool Turn();
  };
  Passes to_give_, to_redeliver_;
  std::vector<RevisionId> on_the_way_;
  std::uint64_t brought_back_ = 0;
};

class Run : private RunState {
 public:
  static constexpr std::uint64_t kRoundCountMax = 32;
  static constexpr std::size_t kRequestedMax = 4'096;  // Differences of one round.

  // All outlive it.
  Run(CentralStore& store, const Clock& clock, const ReconcileIdentity& identity,
      ReconciliationRow row, RunLimits limits = {});

  // Asks its first question. Failures of the store: call it again, all is as it was.
  Status Begin();
  // The question that waits for its answer; its epoch is the sender's to fill.
  const wire::Frame& question() const { return question_; }
  // True if the edge said it was not ready: ask again in a while.
  bool not_yet() const { return not_yet_; }
  // Takes an answer. `certificates_pem`: the edge's, for its signature. An answer to another
  // question is passed over. Failures of the store: the question stands, and the same answer may
  // come again.
  Status Take(const wire::Frame& frame, const std::vector<std::string>& certificates_pem);
  // Ends it as failed.
  Status FailRun(const std::string& why);
  void CountBytes(std::uint64_t down, std::uint64_t up);

  bool done() const { return !row_.unfinished(); }
  const ReconciliationRow& row() const { return row_; }

 private:
  // Does `step`; if that fails, all that this object knows is as before.
  Status Try(const std::function<Status()>& step);
  Status BeginRound();
  wire::Compare& Ask(Step step, wire::ReconcileQuestion question);
  template <class Kind>
  Kind& AskFrame(Step step);
  Status Save(const std::string& step);

  Status TakeComparison(const wire::Comparison& answer,
                        const std::vector<std::string>& certificates_pem);
  Status TakePoint(const wire::Comparison& answer);
  Status TakeBranches(const wire::Comparison& answer);
  Status TakeLeaves(const wire::Comparison& answer);
  Status AskLeaves();
  Status AskLeavesBehind();
  Status TakeList(const wire::Comparison& answer);
  Status Differ();
  Status AskLook();
  Status TakeLook(const wire::Comparison& answer);
  Status FindOnlyAtSite(CentralReader& reader, const RevisionId& id, const Listed& listed);
  Status Name();
  Status AskGive();
  Status TakeReturn(const wire::Return& given);
  Status AskRedeliver();
  Status TakeRedelivered(const wire::Comparison& answer);
  Status EndRound();
  Status Finish(ReconciliationState state);
  Status TakeSignature(const wire::Comparison& answer,
                       const std::vector<std::string>& certificates_pem);
  Status SetOutcome(const RevisionId& id, DifferenceOutcome outcome, const std::string& detail);

  SiteCountOptions CountOptions() const;

  CentralStore& store_;
  const Clock& clock_;
  const ReconcileIdentity& identity_;
  const RunLimits limits_;
  RegistryCache registry_;
};

}  // namespace edcsync::central
