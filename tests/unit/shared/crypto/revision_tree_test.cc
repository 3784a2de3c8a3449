#include "shared/crypto/revision_tree.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shared/base/random.h"
#include "shared/crypto/digest.h"

namespace edcsync {
namespace {

struct Entry {
  Digest key_hash;
  RevisionId id;
};

std::vector<Entry> Entries(std::size_t count, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<Entry> entries(count);
  for (Entry& entry : entries) {
    random.Fill(entry.key_hash);
    random.Fill(entry.id.digest);
  }
  return entries;
}

RevisionTree TreeOf(const std::vector<Entry>& entries) {
  RevisionTree tree;
  for (const Entry& entry : entries) tree.Add(entry.key_hash, entry.id);
  return tree;
}

TEST(RevisionTree, HasTheSameRootInWhateverOrderItIsFilled) {
  std::vector<Entry> entries = Entries(3000, 1);
  const RevisionTree::Node root = TreeOf(entries).Root();
  EXPECT_EQ(root.count, 3000u);
  std::reverse(entries.begin(), entries.end());
  EXPECT_EQ(TreeOf(entries).Root(), root);
  std::rotate(entries.begin(), entries.begin() + 1234, entries.end());
  EXPECT_EQ(TreeOf(entries).Root(), root);
}

TEST(RevisionTree, OneRevisionMoreLessOrOtherChangesItsLeafItsBranchAndTheRootOnly) {
  const std::vector<Entry> entries = Entries(3000, 2);
  const RevisionTree before = TreeOf(entries);
  for (std::size_t at = 0; at < entries.size(); at += 271) {
    std::vector<Entry> changed = entries;
    if (at % 2 == 0) {
      changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      changed[at].id.digest[31] ^= 1;
    }
    const RevisionTree after = TreeOf(changed);
    const std::uint16_t leaf = RevisionTree::LeafOf(entries[at].key_hash);
    EXPECT_NE(after.Root(), before.Root());
    for (std::size_t i = 0; i < RevisionTree::kLeafCount; ++i) {
      const auto here = static_cast<std::uint16_t>(i);
      ASSERT_EQ(after.Leaf(here) == before.Leaf(here), here != leaf);
    }
    for (std::size_t i = 0; i < RevisionTree::kBranchCount; ++i) {
      const auto branch = static_cast<std::uint8_t>(i);
      ASSERT_EQ(after.Branch(branch) == before.Branch(branch), branch != leaf / 256);
    }
  }
}

TEST(RevisionTree, TheSameRevisionUnderAnotherRecordIsAnotherSet) {
  const RevisionId id{Sha256(AsBytes("r"))};
  Digest first = Sha256(AsBytes("a"));
  Digest second = first;
  second[31] ^= 1;  // In the same leaf.
  RevisionTree a, b;
  a.Add(first, id);
  b.Add(second, id);
  EXPECT_NE(a.Root(), b.Root());
}

TEST(RevisionTree, NodesAreWhatTheirPartsMakeThem) {
  const RevisionTree tree = TreeOf(Entries(500, 3));
  EXPECT_EQ(NodeAbove(tree.Branches()), tree.Root());
  EXPECT_EQ(NodeAbove(tree.LeavesOf(17)), tree.Branch(17));
  EXPECT_EQ(tree.count(), 500u);
}

}  // namespace
}  // namespace edcsync
