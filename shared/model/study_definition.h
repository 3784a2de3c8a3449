// A study definition is what one ODM MetaDataVersion says of a study: which events, forms, item
// groups and items exist, and which values an item may take. It decides whether a record is known
// (merge rule) and whether a value conforms (value_check.h); it never withholds a value.
//
//   made by     shared/model/odm_import.h, from ODM 1.3 XML; nothing else writes one
//   kept as     the XML text it came from, imported again when read: there is no second format
//   mapping     schema/odm-mapping.md
//
// Invariants of an imported definition: OIDs are unique within their table, and every reference
// names an entry of its table. Every look-up by OID takes constant time.
//
// Threads: any, once imported; it does not alter.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/model/keyed_table.h"

namespace edcsync {

// ODM 1.3.2, simple type DataType (clause 2.14).
enum class DataType : std::uint8_t {
  kText,
  kString,
  kInteger,
  kFloat,
  kDouble,
  kBoolean,
  kDate,
  kTime,
  kDatetime,
  kPartialDate,
  kPartialTime,
  kPartialDatetime,
  kDurationDatetime,
  kIntervalDatetime,
  kIncompleteDate,
  kIncompleteTime,
  kIncompleteDatetime,
  kHexBinary,
  kBase64Binary,
  kHexFloat,
  kBase64Float,
  kUri,
};

// The name ODM gives the type, e.g. "partialDate".
std::string_view ToString(DataType type);

// The type ODM calls `name` (its case counts), or nullopt.
std::optional<DataType> ParseDataType(std::string_view name);

// Text by language tag as in xml:lang ("en", "fr-CA"); "" where the file gives no language.
using Translations = std::map<std::string, std::string, std::less<>>;

// The text in `language`; else in its primary language ("fr" for "fr-CA"), without a language, in
// English, the first there is; "" if there is none.
std::string_view TextIn(const Translations& texts, std::string_view language);

// A StudyEventRef, FormRef, ItemGroupRef or ItemRef.
struct DefinitionRef {
  std::string oid;
  bool mandatory = false;
  std::optional<std::int64_t> order_number;
};
using RefTable = KeyedTable<DefinitionRef, &DefinitionRef::oid>;

struct StudyEventDef {
  std::string oid;
  std::string name;
  bool repeating = false;
  RefTable forms;
};

struct FormDef {
  std::string oid;
  std::string name;
  bool repeating = false;
  RefTable item_groups;
};

struct ItemGroupDef {
  std::string oid;
  std::string name;
  bool repeating = false;
  RefTable items;
};

struct ItemDef {
  std::string oid;
  std::string name;
  DataType data_type = DataType::kText;
  std::optional<std::uint32_t> length;              // Characters, or digits of a number.
  std::optional<std::uint32_t> significant_digits;  // Digits after the decimal point.
  Translations question;
  std::vector<std::string> measurement_unit_oids;
  std::string code_list_oid;  // "" if none.
};

struct CodedValue {
  std::string value;
  Translations decode;  // Empty for an EnumeratedItem.
  std::optional<std::int64_t> order_number;
};

struct CodeListDef {
  std::string oid;
  std::string name;
  DataType data_type = DataType::kText;  // Text, string, integer or float.
  bool external = false;  // An ExternalCodeList names a dictionary that is not in the file.
  KeyedTable<CodedValue, &CodedValue::value> values;
};

struct MeasurementUnitDef {
  std::string oid;
  std::string name;
  Translations symbol;
};

struct StudyDefinition {
  std::string study_oid;
  std::string study_name;
  std::string metadata_version_oid;
  std::string metadata_version_name;

  RefTable protocol;  // The study events in the order of the protocol.
  KeyedTable<StudyEventDef, &StudyEventDef::oid> study_events;
  KeyedTable<FormDef, &FormDef::oid> forms;
  KeyedTable<ItemGroupDef, &ItemGroupDef::oid> item_groups;
  KeyedTable<ItemDef, &ItemDef::oid> items;
  KeyedTable<CodeListDef, &CodeListDef::oid> code_lists;
  KeyedTable<MeasurementUnitDef, &MeasurementUnitDef::oid> measurement_units;

  bool KnowsForm(std::string_view form_oid) const;
  // True if the form is defined and refers to the item group.
  bool KnowsItemGroup(std::string_view form_oid, std::string_view item_group_oid) const;
  // True if the item group is defined and refers to the item.
  bool KnowsItem(std::string_view item_group_oid, std::string_view item_oid) const;
};

// `own` with everything of `included` that it does not itself define (ODM 1.3.2, Include): what
// both define is own's, what only own defines comes last.
StudyDefinition MergeIncluded(StudyDefinition own, const StudyDefinition& included);

}  // namespace edcsync
