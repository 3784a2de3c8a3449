// A table that keeps an order and finds by key in constant time: the definitions of a study.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace edcsync {

// Entries in the order in which they are to be shown, found by the text at `Key`.
template <class Entry, std::string Entry::*Key>
class KeyedTable {
 public:
  // Appends `entry`. Returns false, and leaves the table as it was, if its key is taken.
  bool Add(Entry entry) {
    if (!index_.emplace(entry.*Key, entries_.size()).second) return false;
    entries_.push_back(std::move(entry));
    return true;
  }

  // Puts `entry` in the place of the one with its key, or appends it.
  void Replace(Entry entry) {
    const auto found = index_.find(entry.*Key);
    if (found == index_.end()) {
      Add(std::move(entry));
    } else {
      entries_[found->second] = std::move(entry);
    }
  }

  // Sorts by `less`; equal entries keep their order.
  template <class Less>
  void Sort(Less less) {
    std::stable_sort(entries_.begin(), entries_.end(), less);
    for (std::size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].*Key] = i;
  }

  // The entry with `key`, or nullptr. Valid until the table changes.
  const Entry* Find(std::string_view key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &entries_[found->second];
  }

  bool Contains(std::string_view key) const { return index_.find(key) != index_.end(); }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
};

}  // namespace edcsync
