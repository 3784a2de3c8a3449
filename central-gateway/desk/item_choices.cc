#include "central-gateway/desk/item_choices.h"

#include "shared/model/value_check.h"

namespace edcsync::central {
namespace {

Result<RevisionId> RevisionIdOf(const Json& text) {
  const auto id = text.is_string() ? RevisionIdFromHex(text.get<std::string>()) : std::nullopt;
  if (id) return *id;
  return Fail(ErrorCode::kFieldInvalid, "A revision id is 64 hexadecimal digits");
}

Result<ItemChoice> ParseChoice(const Json& json) {
  if (!json.is_object() || !json.contains("path") || !json["path"].is_string()) {
    return Fail(ErrorCode::kFieldMissing, "Each choice names its item's path");
  }
  const std::string text = json["path"].get<std::string>();
  const std::optional<ItemPath> path = ParseItemPath(text);
  if (!path) return Fail(ErrorCode::kFieldInvalid, "No item has such a path");
  if (json.contains("revisionId") == json.contains("value")) {
    return Fail(ErrorCode::kFieldInvalid,
                text + ": either a revision's state or a value is chosen");
  }
  if (json.contains("revisionId")) {
    EDCSYNC_ASSIGN(const RevisionId id, RevisionIdOf(json["revisionId"]));
    return ItemChoice{*path, id};
  }
  if (json["value"].is_null()) return ItemChoice{*path, ItemValue()};
  if (!json["value"].is_string()) {
    return Fail(ErrorCode::kFieldInvalid, text + ": a value is text, or null for not done");
  }
  return ItemChoice{*path, ItemValue(json["value"].get<std::string>())};
}

Result<const Revision*> SourceOf(const ChoiceSources& sources, const RevisionId& id) {
  const auto found = sources.revisions.find(id);
  if (found != sources.revisions.end()) return &found->second;
  return Fail(ErrorCode::kFieldInvalid,
              "Revision " + id.ToHex() + " is neither a head of this conflict nor their ancestor");
}

Result<ItemState> StateOf(const FormContext& form, const ChoiceSources& sources,
                          const ItemChoice& choice) {
  if (const auto* id = std::get_if<RevisionId>(&choice.state)) {
    EDCSYNC_ASSIGN(const Revision* revision, SourceOf(sources, *id));
    return StateAt(revision->items, choice.path);
  }
  const ItemValue& value = std::get<ItemValue>(choice.state);
  const std::string name = ToString(choice.path);
  if (form.Hides(choice.path.item)) {
    return Fail(ErrorCode::kFieldInvalid, name + " is blinded: take a side's value as it is");
  }
  if (form.definition != nullptr) {
    if (!form.definition->KnowsItem(choice.path.group.oid.str(), choice.path.item.str()) ||
        !form.definition->KnowsItemGroup(form.key.form.str(), choice.path.group.oid.str())) {
      return Fail(ErrorCode::kFieldInvalid, name + " is not defined for this form");
    }
    const auto why = value ? Nonconformance(*form.definition, choice.path.item.str(), *value)
                           : std::nullopt;
    if (why) return Fail(ErrorCode::kFieldInvalid, name + ": the value is " + *why);
  }
  return ItemState{true, value};
}

}  // namespace

std::optional<ItemPath> ParseItemPath(std::string_view text) {
  const std::size_t close = text.find("]/");
  const std::size_t open = text.substr(0, close).rfind('[');
  if (close == std::string_view::npos || open == std::string_view::npos) return std::nullopt;
  return ItemPath{{ItemGroupOID(text.substr(0, open)),
                   RepeatKey(text.substr(open + 1, close - open - 1))},
                  ItemOID(text.substr(close + 2))};
}

Result<DecisionChoices> ParseChoices(const Json& body) {
  DecisionChoices parsed;
  if (body.contains("take") == body.contains("choices")) {
    return Fail(ErrorCode::kFieldMissing, "Either a revision to take or the choices are needed");
  }
  if (body.contains("take")) {
    EDCSYNC_ASSIGN(parsed.take, RevisionIdOf(body["take"]));
    return parsed;
  }
  if (!body["choices"].is_array()) return Fail(ErrorCode::kMalformed, "choices is a list");
  for (const Json& choice : body["choices"]) {
    EDCSYNC_ASSIGN(ItemChoice one, ParseChoice(choice));
    parsed.items.push_back(std::move(one));
  }
  return parsed;
}

Result<ComposedForm> Compose(const FormContext& form, const ChoiceSources& sources,
                             const DecisionChoices& choices) {
  if (choices.take) {
    EDCSYNC_ASSIGN(const Revision* taken, SourceOf(sources, *choices.take));
    return ComposedForm{taken->removed, taken->items};
  }
  EDCSYNC_ASSIGN(const Revision* current, SourceOf(sources, sources.current));
  ComposedForm composed{false, current->items};
  std::set<ItemPath> named;
  for (const ItemChoice& choice : choices.items) {
    if (!named.insert(choice.path).second) {
      return Fail(ErrorCode::kFieldInvalid, ToString(choice.path) + " is decided twice");
    }
    EDCSYNC_ASSIGN(const ItemState state, StateOf(form, sources, choice));
    SetState(composed.items, choice.path, state);
  }
  EDCSYNC_TRY(CheckFormItems(composed.items));
  return composed;
}

}  // namespace edcsync::central
