#include "shared/model/study_definition.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "shared/base/check.h"

namespace edcsync {
namespace {

// In the order of the enum.
constexpr std::array<std::string_view, 22> kDataTypeNames = {"text",
                                                             "string",
                                                             "integer",
                                                             "float",
                                                             "double",
                                                             "boolean",
                                                             "date",
                                                             "time",
                                                             "datetime",
                                                             "partialDate",
                                                             "partialTime",
                                                             "partialDatetime",
                                                             "durationDatetime",
                                                             "intervalDatetime",
                                                             "incompleteDate",
                                                             "incompleteTime",
                                                             "incompleteDatetime",
                                                             "hexBinary",
                                                             "base64Binary",
                                                             "hexFloat",
                                                             "base64Float",
                                                             "URI"};
static_assert(kDataTypeNames.size() == static_cast<std::size_t>(DataType::kUri) + 1);

template <class Table>
void MergeTable(Table& own, const Table& included) {
  Table merged = included;
  for (const auto& entry : own) merged.Replace(entry);
  own = std::move(merged);
}

}  // namespace

std::string_view ToString(DataType type) {
  const auto place = static_cast<std::size_t>(type);
  CHECK(place < kDataTypeNames.size());
  return kDataTypeNames[place];
}

std::optional<DataType> ParseDataType(std::string_view name) {
  const auto found = std::find(kDataTypeNames.begin(), kDataTypeNames.end(), name);
  if (found == kDataTypeNames.end()) return std::nullopt;
  return static_cast<DataType>(found - kDataTypeNames.begin());
}

std::string_view TextIn(const Translations& texts, std::string_view language) {
  if (texts.empty()) return {};
  const std::string_view primary = language.substr(0, language.find('-'));
  for (std::string_view wanted : {language, primary, std::string_view(), std::string_view("en")}) {
    if (const auto found = texts.find(wanted); found != texts.end()) return found->second;
  }
  return texts.begin()->second;
}

bool StudyDefinition::KnowsForm(std::string_view form_oid) const {
  return forms.Contains(form_oid);
}

bool StudyDefinition::KnowsItemGroup(std::string_view form_oid,
                                     std::string_view item_group_oid) const {
  const FormDef* form = forms.Find(form_oid);
  return form != nullptr && form->item_groups.Contains(item_group_oid);
}

bool StudyDefinition::KnowsItem(std::string_view item_group_oid, std::string_view item_oid) const {
  const ItemGroupDef* group = item_groups.Find(item_group_oid);
  return group != nullptr && group->items.Contains(item_oid);
}

StudyDefinition MergeIncluded(StudyDefinition own, const StudyDefinition& included) {
  if (own.protocol.empty()) own.protocol = included.protocol;
  MergeTable(own.study_events, included.study_events);
  MergeTable(own.forms, included.forms);
  MergeTable(own.item_groups, included.item_groups);
  MergeTable(own.items, included.items);
  MergeTable(own.code_lists, included.code_lists);
  MergeTable(own.measurement_units, included.measurement_units);
  return own;
}

}  // namespace edcsync
