#include "shared/model/odm_import.h"

#include <algorithm>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <utility>

#include "shared/model/odm_grammar.h"
#include "shared/model/odm_node.h"
#include "shared/model/odm_reader.h"
#include "shared/model/xml_text.h"

namespace edcsync {
namespace {

constexpr std::string_view kOdmNamespace = "http://www.cdisc.org/ns/odm/v1.3";
constexpr std::string_view kAnyOdmNamespace = "http://www.cdisc.org/ns/odm/v";
constexpr std::string_view kRootChildren = "Study AdminData ReferenceData ClinicalData Association";
constexpr std::size_t kOdmPrefixCountMax = 16;
constexpr std::size_t kVersionBytesMax = 16;  // Longer is no version of ODM.

std::size_t OffsetOf(pugi::xml_node node) {
  const std::ptrdiff_t offset = node.offset_debug();
  return offset < 0 ? 0 : static_cast<std::size_t>(offset);
}

// All text directly under `node`, trimmed: comments and CDATA sections split it into pieces.
std::string TextOf(pugi::xml_node node) {
  std::string text;
  for (pugi::xml_node piece : node.children()) {
    if (piece.type() == pugi::node_pcdata || piece.type() == pugi::node_cdata) {
      text += piece.value();
    }
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// The prefixes that mean ODM at one place in the file; "" is the default namespace.
class Scope {
 public:
  static bool IsDeclaration(std::string_view attribute) {
    return attribute == "xmlns" || attribute.substr(0, 6) == "xmlns:";
  }

  static bool DeclaresAny(pugi::xml_node node) {
    const auto attributes = node.attributes();
    return std::any_of(attributes.begin(), attributes.end(), [](pugi::xml_attribute attribute) {
      return IsDeclaration(attribute.name());
    });
  }

  // Takes in the declarations of `node`. False if they bind too many prefixes to ODM.
  bool Enter(pugi::xml_node node) {
    for (pugi::xml_attribute attribute : node.attributes()) {
      const std::string_view name = attribute.name();
      if (!IsDeclaration(name)) continue;
      const std::string prefix(name == "xmlns" ? std::string_view() : name.substr(6));
      std::erase(odm_prefixes_, prefix);
      if (attribute.value() != kOdmNamespace) continue;
      if (odm_prefixes_.size() == kOdmPrefixCountMax) return false;
      odm_prefixes_.push_back(prefix);
    }
    return true;
  }

  // The name without prefix if the element is ODM's, otherwise nullopt.
  std::optional<std::string_view> OdmName(std::string_view name) const {
    const std::size_t colon = name.find(':');
    const bool prefixed = colon != std::string_view::npos;
    const std::string_view prefix = prefixed ? name.substr(0, colon) : std::string_view();
    if (std::find(odm_prefixes_.begin(), odm_prefixes_.end(), prefix) == odm_prefixes_.end()) {
      return std::nullopt;
    }
    return prefixed ? name.substr(colon + 1) : name;
  }

 private:
  std::vector<std::string> odm_prefixes_;
};

// Turns the parsed document into OdmNodes: holds elements and attributes against the grammar and
// leaves out what is not ODM's.
class Converter {
 public:
  explicit Converter(const XmlPlace& place) : place_(place) {}

  // The Study elements of the file. REQUIRES: `root` is ODM 1.3's root element.
  Result<std::vector<OdmNode>> Studies(pugi::xml_node root) const {
    std::vector<OdmNode> studies;
    Scope scope;
    if (!scope.Enter(root)) return TooManyPrefixes(root);
    for (pugi::xml_node child : root.children()) {
      if (child.type() != pugi::node_element) continue;
      Scope own;
      EDCSYNC_ASSIGN(const Scope* inner, ScopeOf(child, scope, own));
      const auto name = inner->OdmName(child.name());
      if (!name) continue;
      if (!ListContains(kRootChildren, *name))
        return Unknown(child, "element", *name, "ODM", kRootChildren);
      if (*name != "Study") continue;
      EDCSYNC_ASSIGN(OdmNode study, Convert(child, *FindOdmElement(*name), *inner));
      studies.push_back(std::move(study));
    }
    return studies;
  }

 private:
  // The recursion ends because no element of the grammar contains itself.
  Result<OdmNode> Convert(pugi::xml_node node, const OdmElement& element,
                          const Scope& scope) const {
    OdmNode out;
    out.name = element.name;
    out.offset = OffsetOf(node);
    EDCSYNC_TRY(ConvertAttributes(node, element, out));
    if (element.children.empty()) out.text = TextOf(node);
    for (pugi::xml_node child : node.children()) {
      if (child.type() != pugi::node_element) continue;
      Scope own;
      EDCSYNC_ASSIGN(const Scope* inner, ScopeOf(child, scope, own));
      const auto name = inner->OdmName(child.name());
      if (!name) continue;  // A vendor's extension.
      if (!ListContains(element.children, *name)) {
        return Unknown(child, "element", *name, element.name, element.children);
      }
      EDCSYNC_ASSIGN(OdmNode converted, Convert(child, *FindOdmElement(*name), *inner));
      out.children.push_back(std::move(converted));
    }
    return out;
  }

  Status ConvertAttributes(pugi::xml_node node, const OdmElement& element, OdmNode& out) const {
    for (pugi::xml_attribute attribute : node.attributes()) {
      const std::string_view name = attribute.name();
      if (ListContains(element.required_attributes, name) ||
          ListContains(element.optional_attributes, name)) {
        if (out.Has(name)) {
          return place_.Refuse(ErrorCode::kMalformed, out.offset,
                               "attribute " + Quoted(name) + " stands twice");
        }
        out.attributes.emplace_back(name, attribute.value());
      } else if (name != "xmlns" && name.find(':') == std::string_view::npos) {
        return Unknown(node, "attribute", name, element.name,
                       std::string(element.required_attributes) + " " +
                           std::string(element.optional_attributes));
      }
    }
    for (std::string_view rest = element.required_attributes; !rest.empty();) {
      const std::string_view name = rest.substr(0, rest.find(' '));
      if (!out.Has(name)) {
        return place_.Refuse(ErrorCode::kMalformed, out.offset,
                             std::string(element.name) + " has no attribute " + Quoted(name));
      }
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return Ok();
  }

  // `outer`, or `own` made of it if the element declares namespaces itself.
  Result<const Scope*> ScopeOf(pugi::xml_node node, const Scope& outer, Scope& own) const {
    if (!Scope::DeclaresAny(node)) return &outer;
    own = outer;
    if (own.Enter(node)) return &own;
    return TooManyPrefixes(node);
  }

  tl::unexpected<Error> TooManyPrefixes(pugi::xml_node node) const {
    return place_.Refuse(ErrorCode::kMalformed, OffsetOf(node),
                         "too many prefixes for ODM's namespace");
  }

  tl::unexpected<Error> Unknown(pugi::xml_node node, std::string_view what, std::string_view name,
                                std::string_view parent, std::string_view known) const {
    const std::string_view meant = FindIgnoringCase(known, name);
    return place_.Refuse(ErrorCode::kMalformed, OffsetOf(node),
                         std::string(what) + " " + Quoted(name) +
                             " is not one ODM 1.3.2 knows in " + std::string(parent) +
                             (meant.empty() ? "" : "; it is written " + Quoted(meant)));
  }

  const XmlPlace& place_;
};

// Fails unless `root` is the ODM element of a 1.3 file.
Status CheckRoot(const XmlPlace& place, pugi::xml_node root) {
  const std::string_view name = root.name();
  const std::size_t colon = name.find(':');
  const bool prefixed = colon != std::string_view::npos;
  const std::string_view local = prefixed ? name.substr(colon + 1) : name;
  const std::string declaration =
      prefixed ? "xmlns:" + std::string(name.substr(0, colon)) : std::string("xmlns");
  const std::string_view uri = root.attribute(declaration.c_str()).value();
  const std::string_view version = root.attribute("ODMVersion").value();
  const auto refuse = [&](const std::string& what) -> Status {
    return place.Refuse(ErrorCode::kStudyDefinition, OffsetOf(root), what);
  };
  if (local != "ODM") return refuse("the root element is " + Quoted(name) + ", not ODM");
  if (uri == kOdmNamespace) {
    if (version.empty() || version == "1.3" || version.substr(0, 4) == "1.3.") return Ok();
    return refuse("ODMVersion is " + Quoted(version) + "; ODM 1.3 is accepted");
  }
  if (uri.substr(0, kAnyOdmNamespace.size()) == kAnyOdmNamespace) {
    const std::string_view number = uri.substr(kAnyOdmNamespace.size());
    return refuse("the file is ODM " +
                  (number.size() <= kVersionBytesMax ? std::string(number) : Quoted(number)) +
                  "; convert it to ODM 1.3");
  }
  if (uri.empty()) {
    return refuse(
        "the ODM element has no namespace, as in ODM 1.1 and earlier; convert it to "
        "ODM 1.3");
  }
  return refuse("the namespace " + Quoted(uri) + " is not ODM's");
}

// The MetaDataVersions of a file, each merged with what it includes.
class Versions {
 public:
  explicit Versions(const XmlPlace& place) : place_(place) {}

  // REQUIRES: `studies` outlives this.
  Status Collect(const std::vector<OdmNode>& studies, std::size_t file_bytes) {
    std::size_t copies = 0;
    for (const OdmNode& study : studies) {
      if (!study_oids_.emplace(study.Get("OID"), &study).second) {
        return place_.Refuse(ErrorCode::kStudyDefinition, study.offset,
                             "a second Study has the OID " + Quoted(study.Get("OID")));
      }
      for (const OdmNode& node : study.children) {
        if (node.name != "MetaDataVersion") continue;
        copies += node.Child("Include") == nullptr ? 1 : 2;
        const auto key = std::make_pair(study.Get("OID"), node.Get("OID"));
        if (!index_.emplace(key, versions_.size()).second) {
          return place_.Refuse(ErrorCode::kStudyDefinition, node.offset,
                               "a second MetaDataVersion has the OID " + Quoted(key.second));
        }
        versions_.push_back({&study, &node, State::kNew, {}});
      }
    }
    if (versions_.empty()) {
      return place_.Refuse(ErrorCode::kStudyDefinition, 0, "the file has no MetaDataVersion");
    }
    if ((copies - 1) * file_bytes > kOdmExpandedBytesMax) {
      return Fail(ErrorCode::kTooLarge,
                  "The file's MetaDataVersions and Includes stand for more "
                  "than " +
                      std::to_string(kOdmExpandedBytesMax) + " bytes.");
    }
    return Ok();
  }

  Result<std::vector<StudyDefinition>> Build() {
    for (std::size_t i = 0; i < versions_.size(); ++i) EDCSYNC_TRY(Build(i));
    std::vector<StudyDefinition> definitions;
    for (Version& version : versions_) definitions.push_back(std::move(version.definition));
    return definitions;
  }

 private:
  enum class State { kNew, kBuilding, kBuilt };
  struct Version {
    const OdmNode* study;
    const OdmNode* node;
    State state;
    StudyDefinition definition;
  };

  Status Build(std::size_t place) {
    Version& version = versions_[place];
    if (version.state == State::kBuilt) return Ok();
    version.state = State::kBuilding;
    OdmVersionReader reader(place_);
    EDCSYNC_ASSIGN(StudyDefinition own, reader.Read(*version.study, *version.node));
    if (const OdmNode* include = version.node->Child("Include")) {
      EDCSYNC_ASSIGN(const StudyDefinition* included, Included(*include));
      own = MergeIncluded(std::move(own), *included);
    }
    EDCSYNC_TRY(reader.CheckReferences(own));
    version.definition = std::move(own);
    version.state = State::kBuilt;
    return Ok();
  }

  Result<const StudyDefinition*> Included(const OdmNode& include) {
    const std::string_view oid = include.Get("MetaDataVersionOID");
    const auto found = index_.find({include.Get("StudyOID"), oid});
    if (found == index_.end()) {
      return place_.Refuse(ErrorCode::kStudyDefinition, include.offset,
                           "Include names MetaDataVersion " + Quoted(oid) + " of Study " +
                               Quoted(include.Get("StudyOID")) +
                               ", which is not in this file; export both into one file");
    }
    if (versions_[found->second].state == State::kBuilding) {
      return place_.Refuse(ErrorCode::kStudyDefinition, include.offset,
                           "MetaDataVersion " + Quoted(oid) + " includes itself");
    }
    EDCSYNC_TRY(Build(found->second));
    return &versions_[found->second].definition;
  }

  const XmlPlace& place_;
  std::map<std::string_view, const OdmNode*> study_oids_;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> index_;
  std::vector<Version> versions_;
};

}  // namespace

Result<std::vector<StudyDefinition>> ImportOdm(std::string_view xml) {
  EDCSYNC_TRY(CheckXmlText(xml, {kOdmBytesMax, kOdmDepthMax, kOdmNodeCountMax}));
  const XmlPlace place(xml);
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) {
    return place.Refuse(ErrorCode::kMalformed,
                        static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0)),
                        std::string("not well-formed XML: ") + parsed.description());
  }
  const pugi::xml_node root = document.document_element();
  EDCSYNC_TRY(CheckRoot(place, root));
  EDCSYNC_ASSIGN(const std::vector<OdmNode> studies, Converter(place).Studies(root));
  Versions versions(place);
  EDCSYNC_TRY(versions.Collect(studies, xml.size()));
  return versions.Build();
}

}  // namespace edcsync
