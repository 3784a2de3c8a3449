// The items of a form: values under their item groups. Values are text and stay verbatim
// ("098.0" stays "098.0"); no value means asked and not done.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/limits.h"
#include "shared/model/odm_keys.h"

namespace edcsync {

using ItemValue = std::optional<std::string>;  // nullopt: not done.

struct ItemGroupKey {
  ItemGroupOID oid;
  RepeatKey repeat;
  friend auto operator<=>(const ItemGroupKey&, const ItemGroupKey&) = default;
  friend bool operator==(const ItemGroupKey&, const ItemGroupKey&) = default;
};

// All items of one form, in the order of their keys: equality is equality of content, whatever
// the order of entry was.
using FormItems = std::map<ItemGroupKey, std::map<ItemOID, ItemValue>>;

// One item's place in a form.
struct ItemPath {
  ItemGroupKey group;
  ItemOID item;
  friend auto operator<=>(const ItemPath&, const ItemPath&) = default;
  friend bool operator==(const ItemPath&, const ItemPath&) = default;
};

// "IG.VS.BP[2]/IT.VS.PULSE"
std::string ToString(const ItemPath& path);

// What one side holds at a path: no such item, not done, or a value.
struct ItemState {
  bool present = false;
  ItemValue value;
  friend bool operator==(const ItemState&, const ItemState&) = default;
};

ItemState StateAt(const FormItems& items, const ItemPath& path);
void SetState(FormItems& items, const ItemPath& path, const ItemState& state);

// The paths where `from` and `to` differ, and what `to` holds there.
std::map<ItemPath, ItemState> Diff(const FormItems& from, const FormItems& to);

// Counts and sizes against limits.h, OIDs and UTF-8. kFieldInvalid or kTooLarge, naming the item
// but never its value.
Status CheckFormItems(const FormItems& items);

}  // namespace edcsync
