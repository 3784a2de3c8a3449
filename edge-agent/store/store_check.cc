// EdgeStore::Check: what the `check` command finds in a whole database, on one snapshot.
#include <algorithm>
#include <map>
#include <set>

#include "edge-agent/store/edge_store.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kRecordPageCount = 256;

// Holds every revision and the heads of one record after another against each other.
class RecordCheck {
 public:
  RecordCheck(EdgeTables& tables, const FieldCipher& cipher, std::vector<std::string>& findings)
      : tables_(tables), cipher_(cipher), findings_(findings) {}

  Status Run(const std::function<void(std::string_view, int)>& progress) {
    EDCSYNC_ASSIGN(const std::uint64_t total, tables_.revisions.Count());
    std::optional<RecordKey> after;
    while (findings_.size() < kFindingCountMax) {
      EDCSYNC_ASSIGN(const std::vector<RecordRow> page,
                     tables_.records.List({}, after ? &*after : nullptr, kRecordPageCount));
      if (page.empty()) break;
      for (const RecordRow& record : page) EDCSYNC_TRY(CheckRecord(record));
      after = page.back().key;
      if (progress) {
        progress("revisions", static_cast<int>(100 * revision_count_ / std::max(total, kOne)));
      }
    }
    if (findings_.size() < kFindingCountMax && revision_count_ != total) {
      findings_.push_back(std::to_string(total) + " revisions are stored, " +
                          std::to_string(revision_count_) + " belong to a record");
    }
    return Ok();
  }

 private:
  static constexpr std::uint64_t kOne = 1;

  void Find(const RecordRow& record, const std::string& what) {
    if (findings_.size() < kFindingCountMax) {
      findings_.push_back("record " + ToString(record.key) + ": " + what);
    }
  }

  Status CheckRecord(const RecordRow& record) {
    nodes_.clear();
    Statement row = tables_.database.Prepare(
        "SELECT revision_id, version, parents, origin, edited_at_ms, edited_at_counter, user, "
        "edge_id, sealed FROM revision WHERE record_id = ?1 ORDER BY revision_rowid");
    row.Bind(1, record.record_id);
    while (true) {
      EDCSYNC_ASSIGN(const bool more, row.Step());
      if (!more) break;
      ++revision_count_;
      if (row.Blob(0).size() != sizeof(Digest) || row.Blob(2).size() % sizeof(Digest) != 0) {
        Find(record, "a revision's row has broken ids");
        continue;
      }
      EDCSYNC_TRY(CheckRevisionRow(record, row));
    }
    CheckGraph(record);
    return Ok();
  }

  Status CheckRevisionRow(const RecordRow& record, const Statement& row) {
    const RevisionId id = RevisionIdFromBytes(row.Blob(0));
    Node& node = nodes_[id];
    node.parents = SplitIds(row.Blob(2));
    node.key = {static_cast<std::uint32_t>(row.Int(1)),
                {row.Int(4), static_cast<std::uint32_t>(row.Int(5))},
                id};
    const Result<Bytes> canonical = OpenSealedRevision(cipher_, row.Blob(8), id);
    if (!canonical.ok()) {
      if (canonical.error().code != ErrorCode::kDecryption) {
        return tl::unexpected<Error>(canonical.error());
      }
      Find(record, canonical.error().message);
      return Ok();
    }
    const Result<Revision> revision = DecodeRevision(*canonical);
    if (!revision.ok()) {
      Find(record, "revision " + id.ToHex() + ": " + revision.error().message);
      return Ok();
    }
    node.removed = revision->removed;
    if (revision->key != record.key || revision->site != record.site) {
      Find(record, "revision " + id.ToHex() + " belongs to another record");
    }
    if (revision->version != row.Int(1) || revision->parents != node.parents ||
        static_cast<std::int64_t>(revision->origin) != row.Int(3) ||
        revision->edited_at != node.key.edited_at || revision->user != row.Text(6) ||
        revision->edge.str() != row.Text(7)) {
      Find(record, "revision " + id.ToHex() + " does not match its clear columns");
    }
    return Ok();
  }

  void CheckGraph(const RecordRow& record) {
    std::set<RevisionId> heads;
    for (const auto& [id, node] : nodes_) heads.insert(id);
    for (const auto& [id, node] : nodes_) {
      std::uint32_t highest = 0;
      for (const RevisionId& parent : node.parents) {
        heads.erase(parent);
        const auto known = nodes_.find(parent);
        if (known == nodes_.end()) {
          Find(record, "revision " + id.ToHex() + " has a parent that is not stored");
        } else {
          highest = std::max(highest, known->second.key.version);
        }
      }
      if (node.key.version != highest + 1) {
        Find(record, "revision " + id.ToHex() + " has a version that does not follow its parents'");
      }
    }
    if (!std::ranges::equal(heads, record.heads)) {
      Find(record, "its heads are not those of its revisions");
      return;
    }
    const Node* winner = nullptr;
    for (const RevisionId& head : heads) {
      const Node& node = nodes_.at(head);
      if (winner == nullptr || winner->key < node.key) winner = &node;
    }
    if (winner == nullptr || winner->key.id != record.current ||
        winner->key.version != record.current_version || winner->removed != record.removed) {
      Find(record, "its current revision is not the winning head");
    }
  }

  struct Node {
    WinKey key;
    std::vector<RevisionId> parents;
    bool removed = false;
  };

  EdgeTables& tables_;
  const FieldCipher& cipher_;
  std::vector<std::string>& findings_;
  std::map<RevisionId, Node> nodes_;
  std::uint64_t revision_count_ = 0;
};

}  // namespace

Result<std::vector<std::string>> EdgeStore::Check(
    const std::function<void(std::string_view, int)>& progress) {
  const auto tell = [&](std::string_view what, int percent) {
    if (progress) progress(what, percent);
  };
  std::vector<std::string> findings;
  const auto add = [&](std::vector<std::string> more) {
    for (std::string& finding : more) {
      if (findings.size() < kFindingCountMax) findings.push_back(std::move(finding));
    }
  };
  EDCSYNC_TRY(Read([&](EdgeTables& tables) -> Status {
    tell("database", 0);
    EDCSYNC_ASSIGN(std::vector<std::string> damage, tables.database.CheckIntegrity());
    add(std::move(damage));
    tell("audit", 0);
    std::uint64_t entry_count = 0;
    EDCSYNC_ASSIGN(std::vector<std::string> breaks, tables.audit.Verify(entry_count, {}));
    if (entry_count == 0) breaks.emplace_back("the audit trail is empty");
    add(std::move(breaks));
    tell("outbox", 0);
    EDCSYNC_ASSIGN(std::vector<std::string> gaps, tables.outbox.Check());
    add(std::move(gaps));
    EDCSYNC_ASSIGN(const Checkpoint checkpoint, tables.checkpoint.Get());
    const Status ends = tables.outbox.CheckEnds(checkpoint.acknowledged_through);
    if (!ends.ok()) add({ends.error().message});
    tell("revisions", 0);
    EDCSYNC_TRY(RecordCheck(tables, *cipher_, findings).Run(progress));
    tell("revisions", 100);
    return Ok();
  }));
  return findings;
}

}  // namespace edcsync::edge
