// A digest tree over a set of revisions: two sides that hold the same set have the same root, and
// from a root that differs at most two steps lead to the few records that do. What site and
// centre are reconciled by; byte by byte in schema/wire/reconciliation.md.
//
//   filled by   shared/storage/revision_scan.h (the order does not matter)
//   used by     edge-agent/downlink, central-gateway/reconcile
//
// A leaf holds the revisions of all records whose key hash begins with its 16 bits: their number
// and the sum, modulo 2^256, of one digest each. A sum needs no order, so a scan in any order fills
// it in 2.5 MiB however many revisions there are. It proves nothing against a side that lies (who
// lies may say any number); what it finds is damage and loss. Branches and root are SHA-256 over
// their parts, so what is signed binds every leaf.
//
// Threads: one at a time.
#pragma once

#include <vector>

#include "shared/base/ids.h"
#include "shared/model/revision.h"

namespace edcsync {

// SHA-256 of the key as text; its first 16 bits choose the leaf.
Digest KeyHash(const RecordKey& key);

class RevisionTree {
 public:
  static constexpr std::size_t kBranchCount = 256;
  static constexpr std::size_t kLeavesOfBranch = 256;
  static constexpr std::size_t kLeafCount = kBranchCount * kLeavesOfBranch;

  struct Node {
    Digest digest{};
    std::uint64_t count = 0;  // Revisions below it.
    friend bool operator==(const Node&, const Node&) = default;
  };

  RevisionTree() : leaves_(kLeafCount) {}

  static std::uint16_t LeafOf(const Digest& key_hash) {
    return static_cast<std::uint16_t>(key_hash[0] << 8 | key_hash[1]);
  }
  // How a side has a revision. What does not open counts as another than what does, and at one side
  // as another than at the other: so it makes the roots differ even if both copies are damaged.
  enum class Copy : std::uint8_t { kWhole = 0, kDamagedAtSite = 1, kDamagedAtCentre = 2 };
  void Add(const Digest& key_hash, const RevisionId& id, Copy copy = Copy::kWhole);

  const Node& Leaf(std::uint16_t leaf) const { return leaves_[leaf]; }
  Node Branch(std::uint8_t branch) const;
  std::vector<Node> Branches() const;
  std::vector<Node> LeavesOf(std::uint8_t branch) const;
  Node Root() const;
  std::uint64_t count() const;

 private:
  std::vector<Node> leaves_;
};

// The node above `parts`, as Branch() and Root() make it: what a side says of a node is held
// against what it says of its parts.
RevisionTree::Node NodeAbove(const std::vector<RevisionTree::Node>& parts);

}  // namespace edcsync
