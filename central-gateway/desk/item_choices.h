// A decision item by item: from what a data manager chose to the content of the resolution.
#pragma once

#include <variant>

#include "central-gateway/desk/form_view.h"

namespace edcsync::central {

struct ItemChoice {
  ItemPath path;
  // A head's or the ancestor's state of the item, or a value typed in (nullopt: not done).
  std::variant<RevisionId, ItemValue> state;
};

struct DecisionChoices {
  std::optional<RevisionId> take;  // A revision as a whole; else
  std::vector<ItemChoice> items;   // these, and the current head's state of every other item.
};

// Of {"take": ID} or {"choices": [...]}; kMalformed, kFieldMissing, kFieldInvalid.
Result<DecisionChoices> ParseChoices(const Json& body);

// What one may choose from: the heads, the current one among them, and the ancestor.
struct ChoiceSources {
  RevisionId current;
  std::map<RevisionId, Revision> revisions;
};

struct ComposedForm {
  bool removes = false;
  FormItems items;
};
// kFieldInvalid for a revision that is none of the sources, an item named twice, one that is
// hidden from the viewer, and a value typed in that does not fit the study's definition (the message
// names the item, never the value).
Result<ComposedForm> Compose(const FormContext& form, const ChoiceSources& sources,
                             const DecisionChoices& choices);

// Of "IG.VS.BP[2]/IT.VS.PULSE", as ToString(ItemPath) writes it; nullopt if it is none.
std::optional<ItemPath> ParseItemPath(std::string_view text);

}  // namespace edcsync::central
