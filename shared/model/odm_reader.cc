#include "shared/model/odm_reader.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "shared/base/limits.h"

namespace edcsync {
namespace {

std::string Of(std::string_view attribute, const OdmNode& node) {
  return std::string(attribute) + " of " + std::string(node.name);
}

Result<bool> ReadYesNo(const XmlPlace& place, const OdmNode& node, std::string_view attribute) {
  const std::string_view value = node.Get(attribute);
  if (value == "Yes" || value == "No") return value == "Yes";
  return place.Refuse(ErrorCode::kMalformed, node.offset,
                      Of(attribute, node) + " must be Yes or No");
}

// The attribute as a number of at least `least`; nullopt if it is absent.
template <class Number>
Result<std::optional<Number>> ReadNumber(const XmlPlace& place, const OdmNode& node,
                                         std::string_view attribute, Number least) {
  if (!node.Has(attribute)) return std::optional<Number>();
  std::string_view text = node.Get(attribute);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end && number >= least) return std::optional<Number>(number);
  return place.Refuse(ErrorCode::kMalformed, node.offset,
                      Of(attribute, node) + " is " + Quoted(node.Get(attribute)) +
                          ", which is not a number it may have");
}

Result<std::optional<std::int64_t>> ReadOrderNumber(const XmlPlace& place, const OdmNode& node) {
  return ReadNumber(place, node, "OrderNumber", std::numeric_limits<std::int64_t>::min());
}

// Entries without an OrderNumber come last, in the file's order.
template <class Entry>
bool ComesBefore(const Entry& a, const Entry& b) {
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  return a.order_number.value_or(kLast) < b.order_number.value_or(kLast);
}

// The TranslatedTexts under the child `element`; empty if there is none.
Result<Translations> ReadTexts(const XmlPlace& place, const OdmNode& node,
                               std::string_view element) {
  Translations texts;
  const OdmNode* parent = node.Child(element);
  if (parent == nullptr) return texts;
  for (const OdmNode& text : parent->children) {
    if (text.name != "TranslatedText") continue;
    if (!texts.emplace(text.Get("xml:lang"), text.text).second) {
      return place.Refuse(ErrorCode::kMalformed, text.offset,
                          "a second TranslatedText in one language");
    }
  }
  return texts;
}

Result<DataType> ReadDataType(const XmlPlace& place, const OdmNode& node) {
  const std::string_view name = node.Get("DataType");
  const auto type = ParseDataType(name);
  // A code list may have four of them only (ODM 1.3.2, CLDataType).
  const bool allowed =
      type && (node.name != "CodeList" || *type == DataType::kText || *type == DataType::kString ||
               *type == DataType::kInteger || *type == DataType::kFloat);
  if (allowed) return *type;
  return place.Refuse(
      ErrorCode::kMalformed, node.offset,
      "DataType " + Quoted(name) + " is not one ODM 1.3.2 knows for " + std::string(node.name));
}

template <class Table, class Entry>
Status AddTo(Table& table, Entry entry, const XmlPlace& place, const OdmNode& node,
             std::string_view key_attribute) {
  if (table.Add(std::move(entry))) return Ok();
  return place.Refuse(ErrorCode::kStudyDefinition, node.offset,
                      "a second " + std::string(node.name) + " has the " +
                          std::string(key_attribute) + " " + Quoted(node.Get(key_attribute)));
}

// What StudyEventDef, FormDef and ItemGroupDef have in common.
template <class Def>
Status ReadHead(const XmlPlace& place, const OdmNode& node, Def& out) {
  EDCSYNC_ASSIGN(out.oid, ReadOid(place, node, "OID"));
  EDCSYNC_ASSIGN(out.repeating, ReadYesNo(place, node, "Repeating"));
  out.name = node.Get("Name");
  return Ok();
}

bool Defines(const StudyDefinition& study, std::string_view element, std::string_view oid) {
  if (element == "StudyEventDef") return study.study_events.Contains(oid);
  if (element == "FormDef") return study.forms.Contains(oid);
  if (element == "ItemGroupDef") return study.item_groups.Contains(oid);
  if (element == "ItemDef") return study.items.Contains(oid);
  if (element == "CodeList") return study.code_lists.Contains(oid);
  return study.measurement_units.Contains(oid);
}

}  // namespace

Result<StudyDefinition> OdmVersionReader::Read(const OdmNode& study, const OdmNode& version) {
  StudyDefinition out;
  EDCSYNC_ASSIGN(out.study_oid, ReadOid(place_, study, "OID"));
  EDCSYNC_ASSIGN(out.metadata_version_oid, ReadOid(place_, version, "OID"));
  out.metadata_version_name = version.Get("Name");
  if (const OdmNode* globals = study.Child("GlobalVariables")) {
    if (const OdmNode* name = globals->Child("StudyName")) out.study_name = name->text;
  }
  if (out.study_name.empty()) {
    return place_.Refuse(ErrorCode::kMalformed, study.offset, "Study has no StudyName");
  }
  if (const OdmNode* basics = study.Child("BasicDefinitions")) {
    for (const OdmNode& unit : basics->children) EDCSYNC_TRY(ReadUnit(unit, out));
  }
  for (const OdmNode& node : version.children) EDCSYNC_TRY(ReadDefinition(node, out));
  return out;
}

Status OdmVersionReader::CheckReferences(const StudyDefinition& definition) const {
  for (const PendingReference& reference : references_) {
    if (Defines(definition, reference.target, reference.oid)) continue;
    return place_.Refuse(
        ErrorCode::kStudyDefinition, reference.offset,
        "no " + std::string(reference.target) + " has the OID " + Quoted(reference.oid));
  }
  return Ok();
}

Status OdmVersionReader::ReadDefinition(const OdmNode& node, StudyDefinition& out) {
  if (node.name == "Protocol") {
    return ReadRefs(node, "StudyEventRef", "StudyEventOID", "StudyEventDef", out.protocol);
  }
  if (node.name == "StudyEventDef") {
    StudyEventDef event;
    EDCSYNC_TRY(ReadHead(place_, node, event));
    EDCSYNC_TRY(ReadRefs(node, "FormRef", "FormOID", "FormDef", event.forms));
    return AddTo(out.study_events, std::move(event), place_, node, "OID");
  }
  if (node.name == "FormDef") {
    FormDef form;
    EDCSYNC_TRY(ReadHead(place_, node, form));
    EDCSYNC_TRY(ReadRefs(node, "ItemGroupRef", "ItemGroupOID", "ItemGroupDef", form.item_groups));
    return AddTo(out.forms, std::move(form), place_, node, "OID");
  }
  if (node.name == "ItemGroupDef") {
    ItemGroupDef group;
    EDCSYNC_TRY(ReadHead(place_, node, group));
    EDCSYNC_TRY(ReadRefs(node, "ItemRef", "ItemOID", "ItemDef", group.items));
    return AddTo(out.item_groups, std::move(group), place_, node, "OID");
  }
  if (node.name == "ItemDef") return ReadItem(node, out);
  if (node.name == "CodeList") return ReadCodeList(node, out);
  return Ok();  // The grammar's other elements have no part in our model (schema/odm-mapping.md).
}

Status OdmVersionReader::ReadRefs(const OdmNode& node, std::string_view element,
                                  std::string_view attribute, std::string_view target,
                                  RefTable& out) {
  for (const OdmNode& child : node.children) {
    if (child.name != element) continue;
    DefinitionRef ref;
    EDCSYNC_ASSIGN(ref.oid, ReadOid(place_, child, attribute));
    EDCSYNC_ASSIGN(ref.mandatory, ReadYesNo(place_, child, "Mandatory"));
    EDCSYNC_ASSIGN(ref.order_number, ReadOrderNumber(place_, child));
    references_.push_back({target, ref.oid, child.offset});
    EDCSYNC_TRY(AddTo(out, std::move(ref), place_, child, attribute));
  }
  out.Sort(ComesBefore<DefinitionRef>);
  return Ok();
}

Status OdmVersionReader::ReadItem(const OdmNode& node, StudyDefinition& out) {
  ItemDef item;
  EDCSYNC_ASSIGN(item.oid, ReadOid(place_, node, "OID"));
  item.name = node.Get("Name");
  EDCSYNC_ASSIGN(item.data_type, ReadDataType(place_, node));
  EDCSYNC_ASSIGN(item.length, ReadNumber<std::uint32_t>(place_, node, "Length", 1));
  EDCSYNC_ASSIGN(item.significant_digits,
                 ReadNumber<std::uint32_t>(place_, node, "SignificantDigits", 0));
  EDCSYNC_ASSIGN(item.question, ReadTexts(place_, node, "Question"));
  for (const OdmNode& unit : node.children) {
    if (unit.name != "MeasurementUnitRef") continue;
    EDCSYNC_ASSIGN(std::string oid, ReadOid(place_, unit, "MeasurementUnitOID"));
    references_.push_back({"MeasurementUnit", oid, unit.offset});
    item.measurement_unit_oids.push_back(std::move(oid));
  }
  if (const OdmNode* list = node.Child("CodeListRef")) {
    EDCSYNC_ASSIGN(item.code_list_oid, ReadOid(place_, *list, "CodeListOID"));
    references_.push_back({"CodeList", item.code_list_oid, list->offset});
  }
  return AddTo(out.items, std::move(item), place_, node, "OID");
}

Status OdmVersionReader::ReadCodeList(const OdmNode& node, StudyDefinition& out) const {
  CodeListDef list;
  EDCSYNC_ASSIGN(list.oid, ReadOid(place_, node, "OID"));
  list.name = node.Get("Name");
  EDCSYNC_ASSIGN(list.data_type, ReadDataType(place_, node));
  list.external = node.Child("ExternalCodeList") != nullptr;
  for (const OdmNode& child : node.children) {
    if (child.name != "CodeListItem" && child.name != "EnumeratedItem") continue;
    CodedValue coded;
    coded.value = child.Get("CodedValue");
    EDCSYNC_ASSIGN(coded.decode, ReadTexts(place_, child, "Decode"));
    EDCSYNC_ASSIGN(coded.order_number, ReadOrderNumber(place_, child));
    EDCSYNC_TRY(AddTo(list.values, std::move(coded), place_, child, "CodedValue"));
  }
  list.values.Sort(ComesBefore<CodedValue>);
  return AddTo(out.code_lists, std::move(list), place_, node, "OID");
}

Status OdmVersionReader::ReadUnit(const OdmNode& node, StudyDefinition& out) const {
  MeasurementUnitDef unit;
  EDCSYNC_ASSIGN(unit.oid, ReadOid(place_, node, "OID"));
  unit.name = node.Get("Name");
  EDCSYNC_ASSIGN(unit.symbol, ReadTexts(place_, node, "Symbol"));
  return AddTo(out.measurement_units, std::move(unit), place_, node, "OID");
}

Result<std::string> ReadOid(const XmlPlace& place, const OdmNode& node,
                            std::string_view attribute) {
  const std::string_view oid = node.Get(attribute);
  if (!oid.empty() && oid.size() <= limits::kOidBytesMax) return std::string(oid);
  return place.Refuse(
      ErrorCode::kMalformed, node.offset,
      Of(attribute, node) + " must have 1 to " + std::to_string(limits::kOidBytesMax) + " bytes");
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 80;
  if (text.size() <= kShownBytesMax) return "\"" + std::string(text) + "\"";
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "\"" + std::string(text.substr(0, end)) + "...\"";
}

}  // namespace edcsync
