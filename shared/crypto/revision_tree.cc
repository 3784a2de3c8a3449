#include "shared/crypto/revision_tree.h"

#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

// Digests as numbers, the first byte the highest; what runs over is dropped.
void AddTo(Digest& sum, const Digest& more) {
  unsigned carry = 0;
  for (std::size_t i = sum.size(); i-- > 0;) {
    carry += static_cast<unsigned>(sum[i]) + more[i];
    sum[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
}

}  // namespace

Digest KeyHash(const RecordKey& key) { return Sha256(AsBytes(ToString(key))); }

void RevisionTree::Add(const Digest& key_hash, const RevisionId& id, Copy copy) {
  Node& leaf = leaves_[LeafOf(key_hash)];
  Digest digest = ChainDigest(key_hash, id.view());
  if (copy != Copy::kWhole) {
    const std::uint8_t how = static_cast<std::uint8_t>(copy);
    digest = ChainDigest(digest, BytesView(&how, 1));
  }
  AddTo(leaf.digest, digest);
  ++leaf.count;
}

RevisionTree::Node NodeAbove(const std::vector<RevisionTree::Node>& parts) {
  RevisionTree::Node above;
  Bytes bytes;
  bytes.reserve(parts.size() * (sizeof(Digest) + 8));
  for (const RevisionTree::Node& part : parts) {
    Append(bytes, part.digest);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(part.count >> shift));
    }
    above.count += part.count;
  }
  above.digest = Sha256(bytes);
  return above;
}

std::vector<RevisionTree::Node> RevisionTree::LeavesOf(std::uint8_t branch) const {
  const auto first = leaves_.begin() + static_cast<std::ptrdiff_t>(branch * kLeavesOfBranch);
  return {first, first + static_cast<std::ptrdiff_t>(kLeavesOfBranch)};
}

RevisionTree::Node RevisionTree::Branch(std::uint8_t branch) const {
  return NodeAbove(LeavesOf(branch));
}

std::vector<RevisionTree::Node> RevisionTree::Branches() const {
  std::vector<Node> branches;
  branches.reserve(kBranchCount);
  for (std::size_t i = 0; i < kBranchCount; ++i) {
    branches.push_back(Branch(static_cast<std::uint8_t>(i)));
  }
  return branches;
}

RevisionTree::Node RevisionTree::Root() const { return NodeAbove(Branches()); }

std::uint64_t RevisionTree::count() const {
  std::uint64_t count = 0;
  for (const Node& leaf : leaves_) count += leaf.count;
  return count;
}

}  // namespace edcsync
