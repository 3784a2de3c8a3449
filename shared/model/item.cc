#include "shared/model/item.h"

#include "shared/base/bytes.h"

namespace edcsync {

std::string ToString(const ItemPath& path) {
  return path.group.oid.str() + "[" + path.group.repeat.str() + "]/" + path.item.str();
}

ItemState StateAt(const FormItems& items, const ItemPath& path) {
  const auto group = items.find(path.group);
  if (group == items.end()) return {};
  const auto item = group->second.find(path.item);
  if (item == group->second.end()) return {};
  return {true, item->second};
}

void SetState(FormItems& items, const ItemPath& path, const ItemState& state) {
  if (state.present) {
    items[path.group][path.item] = state.value;
    return;
  }
  const auto group = items.find(path.group);
  if (group == items.end()) return;
  group->second.erase(path.item);
  if (group->second.empty()) items.erase(group);
}

std::map<ItemPath, ItemState> Diff(const FormItems& from, const FormItems& to) {
  std::map<ItemPath, ItemState> changes;
  for (const auto& [group, values] : from) {
    for (const auto& [item, value] : values) {
      const ItemPath path{group, item};
      ItemState there = StateAt(to, path);
      if (!(there == ItemState{true, value})) changes.emplace(path, std::move(there));
    }
  }
  for (const auto& [group, values] : to) {
    for (const auto& [item, value] : values) {
      const ItemPath path{group, item};
      if (!StateAt(from, path).present) changes.emplace(path, ItemState{true, value});
    }
  }
  return changes;
}

Status CheckFormItems(const FormItems& items) {
  if (items.size() > limits::kItemGroupCountMax) {
    return Fail(ErrorCode::kTooLarge, "More than " + std::to_string(limits::kItemGroupCountMax) +
                                          " item groups in one form");
  }
  std::size_t count = 0;
  for (const auto& [group, values] : items) {
    EDCSYNC_TRY(CheckOid("itemGroupOID", group.oid.str(), limits::kOidBytesMax));
    EDCSYNC_TRY(CheckOid("itemGroupRepeatKey", group.repeat.str(), limits::kRepeatKeyBytesMax));
    // A group without items would be a difference between forms that no item shows.
    if (values.empty()) {
      return Fail(ErrorCode::kFieldInvalid, "The item group " + group.oid.str() + "[" +
                                                group.repeat.str() + "] has no items");
    }
    count += values.size();
    if (count > limits::kItemCountMax) {
      return Fail(ErrorCode::kTooLarge,
                  "More than " + std::to_string(limits::kItemCountMax) + " items in one form");
    }
    for (const auto& [item, value] : values) {
      EDCSYNC_TRY(CheckOid("ItemOID", item.str(), limits::kOidBytesMax));
      if (!value) continue;
      if (value->size() > limits::kValueBytesMax) {
        return Fail(ErrorCode::kTooLarge, "The value of " + item.str() + " is longer than " +
                                              std::to_string(limits::kValueBytesMax) + " bytes");
      }
      if (!IsUtf8(*value)) {
        return Fail(ErrorCode::kFieldInvalid, "The value of " + item.str() + " is not UTF-8");
      }
    }
  }
  return Ok();
}

}  // namespace edcsync
