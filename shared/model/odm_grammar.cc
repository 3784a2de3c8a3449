#include "shared/model/odm_grammar.h"

#include <algorithm>
#include <cstddef>

namespace edcsync {
namespace {

#define EDCSYNC_REF_OPTIONS "OrderNumber CollectionExceptionConditionOID"

// Grouped as an ODM file nests them; none contains itself, so the depth is bounded.
constexpr OdmElement kElements[] = {
    {"Study", "OID", "", "GlobalVariables BasicDefinitions MetaDataVersion"},
    {"GlobalVariables", "", "", "StudyName StudyDescription ProtocolName"},
    {"StudyName", "", "", ""},
    {"StudyDescription", "", "", ""},
    {"ProtocolName", "", "", ""},
    {"BasicDefinitions", "", "", "MeasurementUnit"},
    {"MeasurementUnit", "OID Name", "", "Symbol Alias"},
    {"Symbol", "", "", "TranslatedText"},

    {"MetaDataVersion", "OID Name", "Description",
     "Include Protocol StudyEventDef FormDef ItemGroupDef ItemDef CodeList ImputationMethod "
     "Presentation ConditionDef MethodDef"},
    {"Include", "StudyOID MetaDataVersionOID", "", ""},
    {"Protocol", "", "", "Description StudyEventRef Alias"},
    {"StudyEventRef", "StudyEventOID Mandatory", EDCSYNC_REF_OPTIONS, ""},
    {"StudyEventDef", "OID Name Repeating Type", "Category", "Description FormRef Alias"},
    {"FormRef", "FormOID Mandatory", EDCSYNC_REF_OPTIONS, ""},
    {"FormDef", "OID Name Repeating", "", "Description ItemGroupRef ArchiveLayout Alias"},
    {"ArchiveLayout", "OID PdfFileName", "PresentationOID", ""},
    {"ItemGroupRef", "ItemGroupOID Mandatory", EDCSYNC_REF_OPTIONS, ""},
    {"ItemGroupDef", "OID Name Repeating",
     "IsReferenceData SASDatasetName Domain Origin Role Purpose Comment",
     "Description ItemRef Alias"},
    {"ItemRef", "ItemOID Mandatory",
     "KeySequence MethodOID ImputationMethodOID Role RoleCodeListOID " EDCSYNC_REF_OPTIONS, ""},

    {"ItemDef", "OID Name DataType",
     "Length SignificantDigits SASFieldName SDSVarName Origin Comment",
     "Description Question ExternalQuestion MeasurementUnitRef RangeCheck CodeListRef Role Alias"},
    {"Question", "", "", "TranslatedText"},
    {"ExternalQuestion", "", "Dictionary Version Code", ""},
    {"MeasurementUnitRef", "MeasurementUnitOID", "", ""},
    {"RangeCheck", "SoftHard", "Comparator",
     "CheckValue FormalExpression MeasurementUnitRef ErrorMessage"},
    {"CheckValue", "", "", ""},
    {"FormalExpression", "", "Context", ""},
    {"ErrorMessage", "", "", "TranslatedText"},
    {"CodeListRef", "CodeListOID", "", ""},
    {"Role", "", "", ""},

    {"CodeList", "OID Name DataType", "SASFormatName",
     "Description CodeListItem ExternalCodeList EnumeratedItem Alias"},
    {"CodeListItem", "CodedValue", "Rank OrderNumber", "Decode Alias"},
    {"Decode", "", "", "TranslatedText"},
    {"EnumeratedItem", "CodedValue", "Rank OrderNumber", "Alias"},
    {"ExternalCodeList", "", "Dictionary Version href ref", ""},

    {"ImputationMethod", "OID", "", ""},
    {"Presentation", "OID", "xml:lang", ""},
    {"ConditionDef", "OID Name", "", "Description FormalExpression Alias"},
    {"MethodDef", "OID Name", "Type", "Description FormalExpression Alias"},
    {"Description", "", "", "TranslatedText"},
    {"TranslatedText", "", "xml:lang", ""},
    {"Alias", "Context Name", "", ""},
};

#undef EDCSYNC_REF_OPTIONS

char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The first name of `list` for which `same` holds, or "".
template <class Same>
std::string_view FindInList(std::string_view list, Same same) {
  while (!list.empty()) {
    const std::size_t space = list.find(' ');
    const std::string_view name = list.substr(0, space);
    if (same(name)) return name;
    list = space == std::string_view::npos ? std::string_view() : list.substr(space + 1);
  }
  return {};
}

}  // namespace

const OdmElement* FindOdmElement(std::string_view name) {
  for (const OdmElement& element : kElements) {
    if (element.name == name) return &element;
  }
  return nullptr;
}

bool ListContains(std::string_view list, std::string_view name) {
  return !FindInList(list, [&](std::string_view entry) { return entry == name; }).empty();
}

std::string_view FindIgnoringCase(std::string_view list, std::string_view name) {
  return FindInList(list, [&](std::string_view entry) {
    return std::equal(entry.begin(), entry.end(), name.begin(), name.end(),
                      [](char a, char b) { return LowerCase(a) == LowerCase(b); });
  });
}

}  // namespace edcsync
