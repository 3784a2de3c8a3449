#include "tests/simulation/checkers.h"

#include <algorithm>

#include "shared/crypto/revision_id.h"
#include "tests/simulation/database_view.h"
#include "tests/simulation/rogue.h"

namespace edcsync::simulation {
namespace {

std::string Hex(const RevisionId& id) { return id.ToHex(); }

class Judge {
 public:
  explicit Judge(World& world) : world_(world) {}

  void Run() {
    if (!ReadAll()) return;
    Findings();
    Durable();
    ExactlyOnce();
    NothingInvented();
    CentreAgreesWithModel();
    for (std::size_t i = 0; i < edges_.size(); ++i) EdgeAgrees(*world_.edges[i], edges_[i]);
    Accounting();
    Consented();
    Audited();
    OrderKept();
    Isolated();
  }

 private:
  void Fail(const char* invariant, std::string text, std::vector<std::string> about) {
    world_.Violate(invariant, std::move(text), std::move(about));
  }

  bool ReadAll() {
    const CentreMachine& centre = world_.centre;
    Result<CentreView> view =
        ReadCentre(centre.disk.vfs(), CentreMachine::kDatabase, centre.key_file());
    if (!view.ok()) {
      Fail("I1", "the central database cannot be read: " + view.error().ToString(), {});
      return false;
    }
    centre_ = std::move(*view);
    for (const auto& edge : world_.edges) {
      Result<EdgeView> read = ReadEdge(edge->disk.vfs(), EdgeMachine::kDatabase, edge->key_file());
      if (!read.ok()) {
        Fail("I1", "the database cannot be read: " + read.error().ToString(), {edge->name()});
        return false;
      }
      edges_.push_back(std::move(*read));
    }
    for (const CentreView::Quarantined& row : centre_.quarantine) {
      if (row.state != 2) quarantined_.insert(row.revision);
      at_centre_.insert(row.revision);
    }
    for (const auto& [id, revision] : centre_.revisions) at_centre_.insert(id);
    return true;
  }

  // I3, I6: what is stored is what was stored.
  void Findings() {
    for (const std::string& finding : centre_.findings) {
      Fail(finding.starts_with("audit") ? "I6" : "I3", "at the centre: " + finding, {"centre"});
    }
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      for (const std::string& finding : edges_[i].findings) {
        Fail(finding.starts_with("audit") ? "I6" : "I3", finding, {world_.edges[i]->name()});
      }
    }
  }

  // I1: what was answered "captured" is where it was captured, or at the centre if that machine's
  // disk was lost or set back, unless all who held it are gone.
  void Durable() {
    for (const Written& written : world_.history.all_written()) {
      if (!written.revision) continue;
      world_.history.Checked("captured revisions");
      const RevisionId& id = *written.revision;
      if (world_.excused.contains(id) || at_centre_.contains(id)) continue;
      bool found = false;
      for (std::size_t i = 0; i < edges_.size() && !found; ++i) {
        found = edges_[i].revisions.contains(id);
      }
      if (found) continue;
      Fail("I1", "#" + std::to_string(written.number) + " was captured and is nowhere",
           {ToString(written.submission.key), Hex(id).substr(0, 12), written.machine});
    }
  }

  // I2: each stands at the centre once (the primary key sees to more), with the content written,
  // and nobody's entry twice.
  void ExactlyOnce() {
    for (const Written& written : world_.history.all_written()) {
      if (!written.revision || world_.revoked.contains(written.edge)) continue;
      const RevisionId& id = *written.revision;
      if (world_.excused.contains(id) || at_centre_.contains(id)) continue;
      Fail("I2", "#" + std::to_string(written.number) + " was captured and is not at the centre",
           {ToString(written.submission.key), Hex(id).substr(0, 12), written.machine});
    }
    std::map<std::uint64_t, RevisionId> seen;
    for (const auto& [id, revision] : centre_.revisions) {
      const auto number = History::NumberOf(revision.reason_for_change);
      if (!number) continue;
      const auto [other, fresh] = seen.emplace(*number, id);
      if (fresh) continue;
      Fail("I2", "#" + std::to_string(*number) + " stands twice at the centre",
           {ToString(revision.key), Hex(id).substr(0, 12)});
    }
  }

  // I2, I3: whatever is stored was written by somebody, as it is stored; or by rule, which the
  // model checks.
  void NothingInvented() {
    for (const auto& [id, revision] : centre_.revisions) {
      world_.history.Checked("central revisions");
      if (revision.origin == Origin::kConvergence || revision.origin == Origin::kMerge) continue;
      const std::vector<std::string> about{ToString(revision.key), Hex(id).substr(0, 12)};
      const auto number = History::NumberOf(revision.reason_for_change);
      if (!number || *number == 0 || *number > world_.history.all_written().size()) {
        Fail("I8", "a revision that nobody wrote: by " + revision.edge.str(), about);
        continue;
      }
      const Written& written = world_.history.all_written()[*number - 1];
      const std::string name = "#" + std::to_string(*number);
      if (written.told == Written::Told::kRefused) {
        Fail("I2", name + " was refused and is stored", about);
      }
      if (written.revision && *written.revision != id) {
        Fail("I2", name + " is stored under another id than was answered", about);
      }
      const Submission& submission = written.submission;
      const bool taken = revision.origin == Origin::kResolution && submission.items.empty();
      const bool same = revision.key == submission.key && revision.edge == written.edge &&
                        (taken || (revision.items == submission.items &&
                                   revision.removed == submission.remove));
      if (!same) Fail("I3", name + " is stored otherwise than it was written", about);
    }
  }

  // I4, I5: heads, current revision, conflicts and the joins made by rule, record by record.
  void CentreAgreesWithModel() {
    for (const auto& [key, record] : centre_.records) {
      world_.history.Checked("central records");
      const RevisionSet set = centre_.SetOf(record);
      bool whole = true;
      for (const std::string& fault : FaultsOf(set, record.key.form.str() == kMergedForm)) {
        Fail("I5", fault, {key});
        whole = whole && !fault.starts_with("a parent");
      }
      if (!whole) continue;
      const ModelView model = ViewOf(set);
      if (record.heads != model.heads) Fail("I4", "other heads than the model's", {key});
      if (record.current != model.current) Fail("I4", "another current than the model's", {key});
      const Revision& current = set.at(model.current);
      if (record.current_version != current.version || record.removed != current.removed) {
        Fail("I4", "the record's row differs from its current revision", {key});
      }
    }
  }

  void EdgeAgrees(const EdgeMachine& machine, const EdgeView& edge) {
    if (world_.revoked.contains(machine.edge())) return;
    const std::string site = machine.site().str();
    std::size_t expected = 0;
    for (const auto& [key, record] : centre_.records) {
      if (record.site != site) continue;
      ++expected;
      world_.history.Checked("records at edges");
      const auto here = edge.records.find(key);
      if (here == edge.records.end()) {
        Fail("I4", "a record of the site is not at the edge", {key, machine.name()});
        continue;
      }
      EdgeRecordAgrees(machine, edge, record, here->second);
    }
    std::set<std::string> open;
    for (const CentreView::Conflict& conflict : centre_.conflicts) {
      if (conflict.state != 0) continue;
      const std::string key = KeyOf(conflict.record_id);
      if (centre_.records.at(key).site == site) open.insert(key);
    }
    std::set<std::string> shown;
    for (const auto& [key, severity] : edge.conflicts) shown.insert(key);
    if (open != shown) Fail("I5", "the edge shows other open conflicts", {machine.name()});
    if (!edge.held.empty()) Fail("I4", "revisions of the feed are still held", {machine.name()});
    for (const auto& lock : edge.locks) {
      if (!centre_.locks.contains(lock)) {
        Fail("I4", "the edge knows a lock that there is not: " + lock, {machine.name()});
      }
    }
    for (const auto& lock : centre_.locks) {
      if (!edge.locks.contains(lock)) {
        Fail("I4", "the edge does not know the lock " + lock, {machine.name()});
      }
    }
  }

  // The edge has all of the centre's revisions, and beyond them only such of its own as the centre
  // has in quarantine; its view follows from what it has.
  void EdgeRecordAgrees(const EdgeMachine& machine, const EdgeView& edge,
                        const RecordView& central, const RecordView& here) {
    const std::string key = ToString(central.key);
    const RevisionSet set = edge.SetOf(here);
    for (const RevisionId& id : central.arrived) {
      if (set.contains(id)) continue;
      Fail("I4", "a revision of the centre is not at the edge",
           {key, machine.name(), Hex(id).substr(0, 12)});
      return;
    }
    bool same = true;
    for (const auto& [id, revision] : set) {
      if (centre_.revisions.contains(id)) continue;
      same = false;
      if (quarantined_.contains(id) || world_.excused.contains(id)) continue;
      Fail("I4", "a revision of the edge is neither merged nor in quarantine",
           {key, machine.name(), Hex(id).substr(0, 12)});
    }
    const ModelView model = ViewOf(set);
    if (here.heads != model.heads || here.current != model.current) {
      Fail("I4", "the edge's view is not the model's of what it has", {key, machine.name()});
    }
    if (same && (here.heads != central.heads || here.current != central.current)) {
      Fail("I4", "edge and centre disagree", {key, machine.name()});
    }
  }

  std::string KeyOf(std::int64_t record_id) const {
    for (const auto& [key, record] : centre_.records) {
      if (record.record_id == record_id) return key;
    }
    return "";
  }

  // I5: one open conflict where there are several heads, none elsewhere; as many as there were
  // divergences; none lowered; none ended by what does not descend from its heads.
  void Accounting() {
    std::map<std::int64_t, int> shown;
    std::map<std::int64_t, std::size_t> open;
    std::map<std::int64_t, std::size_t> all;
    for (const CentreView::Conflict& conflict : centre_.conflicts) {
      ++all[conflict.record_id];
      const std::string key = KeyOf(conflict.record_id);
      const RecordView& record = centre_.records.at(key);
      if (conflict.state != 0) {
        if (!conflict.ended_by || !centre_.revisions.contains(*conflict.ended_by)) {
          Fail("I5", "a conflict ended by nothing", {key});
        }
        continue;
      }
      ++open[conflict.record_id];
      shown[conflict.id] = conflict.severity;
      world_.history.Checked("open conflicts");
      if (conflict.heads != record.heads) Fail("I5", "a conflict lists other heads", {key});
      const RevisionSet set = centre_.SetOf(record);
      if (conflict.heads.size() > 1 && IsHard(set, conflict.heads) && conflict.severity != 2) {
        Fail("I5", "a hard conflict is called soft", {key});
      }
    }
    if (shown != centre_.queue) Fail("I5", "the queue does not show the open conflicts", {});
    for (const auto& [key, record] : centre_.records) {
      const std::size_t expected = record.heads.size() > 1 ? 1 : 0;
      if (open[record.record_id] != expected) {
        Fail("I5", std::to_string(record.heads.size()) + " heads and " +
                       std::to_string(open[record.record_id]) + " open conflicts",
             {key});
      }
      const RevisionSet set = centre_.SetOf(record);
      const std::size_t divergences = ConflictsOf(record.arrived, set, true);
      const std::size_t most =
          world_.centre_was_restored ? ConflictsOf(record.arrived, set, false) : divergences;
      world_.history.Reached("conflicts", divergences);
      if (all[record.record_id] < divergences || all[record.record_id] > most) {
        Fail("I5", std::to_string(divergences) + " divergences and " +
                       std::to_string(all[record.record_id]) + " conflicts",
             {key});
      }
    }
  }

  // I5: a proposal waits only while it settles its conflict; what was endorsed is stored, what was not
  // is not; the sites' answers are those that the centre has.
  void Consented() {
    std::map<std::int64_t, const CentreView::Conflict*> conflicts;
    for (const CentreView::Conflict& conflict : centre_.conflicts) conflicts[conflict.id] = &conflict;
    for (const auto& [id, proposal] : centre_.proposals) {
      world_.history.Checked("proposals");
      const CentreView::Conflict* conflict = conflicts[proposal.conflict_id];
      const std::string name = "proposal " + std::to_string(id);
      if (proposal.state == 1 && (conflict == nullptr || conflict->state != 0 ||
                                  conflict->heads != proposal.parents)) {
        Fail("I5", name + " waits and does not settle its conflict", {});
      }
      const bool stored = centre_.revisions.contains(proposal.revision);
      if (proposal.state == 2 && !stored) Fail("I1", name + " was endorsed and is not stored", {});
      // A restored centre may be given back what it had forgotten that it applied.
      if (proposal.state != 2 && stored && !world_.centre_was_restored) {
        Fail("I5", name + " was not endorsed and is stored", {});
      }
    }
    for (std::size_t i = 0; i < edges_.size(); ++i) AnswersAgree(*world_.edges[i], edges_[i]);
  }

  void AnswersAgree(const EdgeMachine& machine, const EdgeView& edge) {
    if (world_.revoked.contains(machine.edge())) return;
    for (const auto& [id, here] : edge.proposals) {
      const std::string name = "proposal " + std::to_string(id);
      const auto there = centre_.proposals.find(id);
      const int state = there == centre_.proposals.end() ? 6 : there->second.state;
      if (here.state == 1 && state != 1) {
        Fail("I5", name + " waits at the edge and not at the centre", {machine.name()});
      }
      if ((here.state == 2 || here.state == 3) && !here.told) {
        Fail("I1", "the answer to " + name + " was not told", {machine.name()});
      }
      if (here.told && !world_.centre_was_restored && here.outcome != state) {
        Fail("I5", name + " stands otherwise at the edge", {machine.name()});
      }
    }
    for (const auto& [id, there] : centre_.proposals) {
      if (there.state != 1) continue;
      const auto conflict = std::find_if(
          centre_.conflicts.begin(), centre_.conflicts.end(),
          [&, wanted = there.conflict_id](const auto& row) { return row.id == wanted; });
      if (conflict == centre_.conflicts.end()) continue;
      const std::string key = KeyOf(conflict->record_id);
      if (centre_.records.at(key).site != machine.site().str()) continue;
      if (edge.proposals.contains(id)) continue;
      Fail("I5", "the site does not know proposal " + std::to_string(id), {key, machine.name()});
    }
  }

  // I6: each revision, each conflict and each thing in quarantine has its entry; each decision its
  // signature.
  void Audited() {
    CheckAudit("centre", centre_);
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      CheckAudit(world_.edges[i]->name(), edges_[i]);
    }
    const std::set<std::string> entries = Mentions(centre_, "conflict=");
    for (const CentreView::Conflict& conflict : centre_.conflicts) {
      const std::string id = std::to_string(conflict.id);
      const char* end = conflict.state == 1 ? "conflict.resolved" : "conflict.superseded";
      if (!entries.contains("conflict.opened " + id) ||
          (conflict.state != 0 && !entries.contains(std::string(end) + " " + id))) {
        Fail("I6", "a conflict without its audit entry", {KeyOf(conflict.record_id)});
      }
    }
    Signed();
    const std::set<std::string> revisions = Mentions(centre_, "revision=");
    for (const CentreView::Quarantined& row : centre_.quarantine) {
      const std::string id = Hex(row.revision);
      if (revisions.contains("revision.quarantined " + id) ||
          revisions.contains("revision.held " + id)) {
        continue;
      }
      Fail("I6", "quarantined without an audit entry", {id.substr(0, 12)});
    }
  }

  void Signed() {
    if (world_.centre_was_restored) return;  // What the backup did not hold is lost: entries too.
    for (const Written& written : world_.history.all_written()) {
      const std::optional<RevisionId> decided = written.proposed ? written.proposed : written.revision;
      if (written.signed_by.empty() || !decided) continue;
      world_.history.Checked("signatures");
      if (centre_.signatures.contains({*decided, written.signed_by})) continue;
      Fail("I6", "a decision without its signature", {ToString(written.submission.key)});
    }
  }

  void CheckAudit(const std::string& name, const StoreView& view) {
    const std::set<std::string> entries = Mentions(view, "revision=");
    for (const auto& [id, revision] : view.revisions) {
      world_.history.Checked("audit entries of revisions");
      bool found = false;
      for (const char* action : {"revision.applied ", "revision.captured ", "revision.received "}) {
        found = found || entries.contains(action + Hex(id));
      }
      if (!found) {
        Fail("I6", "a revision without its audit entry", {name, Hex(id).substr(0, 12)});
      }
    }
    for (const AuditView& entry : view.audit) {
      if (!entry.actor.empty() && !entry.action.empty() && !entry.object.empty()) continue;
      Fail("I6", "an audit entry without who, what or to what: " + entry.action, {name});
    }
  }

  // "ACTION VALUE" of each entry whose detail has NAME=VALUE.
  static std::set<std::string> Mentions(const StoreView& view, const std::string& name) {
    std::set<std::string> mentions;
    for (const AuditView& entry : view.audit) {
      const std::size_t at = entry.detail.find(name);
      if (at == std::string::npos) continue;
      const std::size_t begin = at + name.size();
      mentions.insert(entry.action + " " +
                      entry.detail.substr(begin, entry.detail.find(' ', begin) - begin));
    }
    return mentions;
  }

  // I7: per record, parents came first; per incarnation, the centre received what the edge's outbox
  // holds, in its order; and edit times of one outbox never run backwards.
  void OrderKept() {
    for (const auto& [key, record] : centre_.records) {
      std::set<RevisionId> earlier;
      for (const RevisionId& id : record.arrived) {
        for (const RevisionId& parent : centre_.revisions.at(id).parents) {
          if (!earlier.contains(parent)) Fail("I7", "a child came before its parent", {key});
        }
        earlier.insert(id);
      }
    }
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      const EdgeMachine& machine = *world_.edges[i];
      const EdgeView& edge = edges_[i];
      // After a new incarnation the outbox begins with all of the edge's past: times of several
      // lives, each with its own clock.
      for (const CentreView::Incarnation& known : centre_.incarnations) {
        if (known.edge != machine.edge().str() || known.incarnation != edge.incarnation) continue;
        if (world_.revoked.contains(machine.edge())) continue;  // Perhaps a clone spoke for it.
        if (known.received.size() > edge.outbox.size()) {
          Fail("I7", "the centre received more than the outbox holds", {machine.name()});
          continue;
        }
        for (std::size_t k = 0; k < std::min(known.received.size(), edge.outbox.size()); ++k) {
          world_.history.Checked("intake rows");
          if (known.received[k] == edge.outbox[k].revision) continue;
          Fail("I7", "the centre received another revision than the outbox's at " +
                         std::to_string(k + 1),
               {machine.name()});
          break;
        }
      }
    }
    for (const auto& [id, revision] : centre_.revisions) {
      for (const RevisionId& parent : revision.parents) {
        const Revision& before = centre_.revisions.at(parent);
        if (before.edge != revision.edge || revision.edge.empty()) continue;
        if (before.edited_at < revision.edited_at || Restored(revision.edge)) continue;
        Fail("I4", "an edge's later edit has an earlier time",
             {ToString(revision.key), revision.edge.str()});
      }
    }
  }

  // The edge had more than one database: each has a clock of its own.
  bool Restored(const EdgeId& edge) const {
    std::size_t lives = 0;
    for (const CentreView::Incarnation& known : centre_.incarnations) {
      lives += known.edge == edge.str();
    }
    return lives != 1;
  }

  // I8: every revision is of its writer's site and of its record's.
  void Isolated() {
    for (const auto& [key, record] : centre_.records) {
      for (const RevisionId& id : record.arrived) {
        const Revision& revision = centre_.revisions.at(id);
        const auto edge = centre_.edges.find(revision.edge.str());
        const bool own = revision.edge.empty() || (edge != centre_.edges.end() &&
                                                   edge->second.site == revision.site.str());
        if (own && revision.site.str() == record.site) continue;
        Fail("I8", "a revision of another site than its writer's", {key, Hex(id).substr(0, 12)});
      }
    }
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      for (const auto& [key, record] : edges_[i].records) {
        if (record.site == world_.edges[i]->site().str()) continue;
        Fail("I8", "an edge holds another site's record", {key, world_.edges[i]->name()});
      }
      for (const AuditView& entry : edges_[i].audit) {
        if (entry.action != "feed.refused") continue;
        Fail("I8", "an edge was fed what it had to refuse", {world_.edges[i]->name()});
      }
    }
  }

  World& world_;
  CentreView centre_;
  std::vector<EdgeView> edges_;
  std::set<RevisionId> quarantined_;  // Waiting or rejected.
  std::set<RevisionId> at_centre_;    // In whatever state.
};

}  // namespace

void CheckWorld(World& world) { Judge(world).Run(); }

}  // namespace edcsync::simulation
