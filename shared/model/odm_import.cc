#include "shared/model/odm_import.h"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <utility>

#include "shared/base/limits.h"
#include "shared/model/odm_grammar.h"
#include "shared/model/xml_text.h"

namespace edcsync {
namespace {

constexpr std::string_view kOdmNamespace = "http://www.cdisc.org/ns/odm/v1.3";
constexpr std::string_view kAnyOdmNamespace = "http://www.cdisc.org/ns/odm/";
constexpr std::size_t kOdmPrefixCountMax = 16;

bool IsElement(pugi::xml_node node) { return node.type() == pugi::node_element; }

std::string_view TrimSpace(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// All text directly under `node`: comments and CDATA sections split it into pieces.
std::string TextOf(pugi::xml_node node) {
  std::string text;
  for (pugi::xml_node piece : node.children()) {
    if (piece.type() == pugi::node_pcdata || piece.type() == pugi::node_cdata) {
      text += piece.value();
    }
  }
  return std::string(TrimSpace(text));
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 80;
  if (text.size() <= kShownBytesMax) return "\"" + std::string(text) + "\"";
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "\"" + std::string(text.substr(0, end)) + "...\"";
}

// Names an error by the line a node stands in.
class Place {
 public:
  explicit Place(std::string_view xml) : xml_(xml) {}

  tl::unexpected<Error> Refuse(ErrorCode code, pugi::xml_node node, std::string_view text) const {
    return RefuseAt(code, node.offset_debug(), text);
  }

  tl::unexpected<Error> RefuseAt(ErrorCode code, std::ptrdiff_t offset,
                                 std::string_view text) const {
    const std::size_t line = LineOf(xml_, offset < 0 ? 0 : static_cast<std::size_t>(offset));
    return Fail(code, "Line " + std::to_string(line) + ": " + std::string(text) + ".");
  }

 private:
  std::string_view xml_;
};

// The prefixes that mean ODM at one place in the file; "" is the default namespace.
class Scope {
 public:
  // Takes in the xmlns attributes of `node`. False if it binds too many prefixes to ODM.
  bool Enter(pugi::xml_node node) {
    for (pugi::xml_attribute attribute : node.attributes()) {
      const std::string_view name = attribute.name();
      if (name != "xmlns" && name.substr(0, 6) != "xmlns:") continue;
      const std::string prefix(name == "xmlns" ? std::string_view() : name.substr(6));
      std::erase(odm_prefixes_, prefix);
      if (attribute.value() == kOdmNamespace) odm_prefixes_.push_back(prefix);
    }
    return odm_prefixes_.size() <= kOdmPrefixCountMax;
  }

  // The name without prefix if the element is ODM's, otherwise nullopt.
  std::optional<std::string_view> OdmName(std::string_view name) const {
    const std::size_t colon = name.find(':');
    const bool prefixed = colon != std::string_view::npos;
    const std::string_view prefix = prefixed ? name.substr(0, colon) : std::string_view();
    for (const std::string& odm : odm_prefixes_) {
      if (odm == prefix) return prefixed ? name.substr(colon + 1) : name;
    }
    return std::nullopt;
  }

 private:
  std::vector<std::string> odm_prefixes_;
};

bool HasNamespaceAttribute(pugi::xml_node node) {
  for (pugi::xml_attribute attribute : node.attributes()) {
    if (std::strncmp(attribute.name(), "xmlns", 5) == 0) return true;
  }
  return false;
}

// Holds Study elements against the grammar and takes out of the tree what is not ODM's, so that
// the reader below meets plain ODM names only.
class Normalizer {
 public:
  explicit Normalizer(const Place& place) : place_(place) {}

  // REQUIRES: `node` is the ODM element `element`, its xmlns attributes are not yet in `outer`.
  Status Normalize(pugi::xml_node node, const OdmElement& element, const Scope& outer) {
    if (HasNamespaceAttribute(node)) {
      Scope inner = outer;
      if (!inner.Enter(node)) {
        return place_.Refuse(ErrorCode::kMalformed, node, "too many prefixes for one namespace");
      }
      return NormalizeIn(node, element, inner);
    }
    return NormalizeIn(node, element, outer);
  }

 private:
  Status NormalizeIn(pugi::xml_node node, const OdmElement& element, const Scope& scope) {
    node.set_name(std::string(element.name).c_str());  // In place: offset_debug() stays right.
    EDCSYNC_TRY(Attributes(node, element));
    for (pugi::xml_node child = node.first_child(), next; child; child = next) {
      next = child.next_sibling();
      if (!IsElement(child)) continue;
      Scope own = scope;
      if (HasNamespaceAttribute(child)) own.Enter(child);
      const auto name = own.OdmName(child.name());
      if (!name) {
        node.remove_child(child);  // A vendor's extension.
        continue;
      }
      if (!ListContains(element.children, *name)) return UnknownChild(child, element, *name);
      EDCSYNC_TRY(Normalize(child, *FindOdmElement(*name), scope));
    }
    return Ok();
  }

  Status UnknownChild(pugi::xml_node child, const OdmElement& element, std::string_view name) {
    const std::string_view meant = FindIgnoringCase(element.children, name);
    return place_.Refuse(ErrorCode::kMalformed, child,
                         "element " + Quoted(name) + " is not one ODM 1.3.2 knows in " +
                             std::string(element.name) +
                             (meant.empty() ? "" : "; it is written " + Quoted(meant)));
  }

  Status Attributes(pugi::xml_node node, const OdmElement& element) {
    for (pugi::xml_attribute attribute = node.first_attribute(), next; attribute;
         attribute = next) {
      next = attribute.next_attribute();
      const std::string_view name = attribute.name();
      if (ListContains(element.required_attributes, name) ||
          ListContains(element.optional_attributes, name)) {
        if (node.attribute(attribute.name()) != attribute) {
          return place_.Refuse(ErrorCode::kMalformed, node,
                               "attribute " + Quoted(name) + " stands twice");
        }
      } else if (name == "xmlns" || name.find(':') != std::string_view::npos) {
        node.remove_attribute(attribute);
      } else {
        return UnknownAttribute(node, element, name);
      }
    }
    std::string_view required = element.required_attributes;
    while (!required.empty()) {
      const std::size_t space = required.find(' ');
      const std::string name(required.substr(0, space));
      if (!node.attribute(name.c_str())) {
        return place_.Refuse(ErrorCode::kMalformed, node,
                             std::string(element.name) + " has no attribute " + Quoted(name));
      }
      required = space == std::string_view::npos ? std::string_view() : required.substr(space + 1);
    }
    return Ok();
  }

  Status UnknownAttribute(pugi::xml_node node, const OdmElement& element, std::string_view name) {
    std::string_view meant = FindIgnoringCase(element.required_attributes, name);
    if (meant.empty()) meant = FindIgnoringCase(element.optional_attributes, name);
    return place_.Refuse(ErrorCode::kMalformed, node,
                         "attribute " + Quoted(name) + " is not one ODM 1.3.2 knows on " +
                             std::string(element.name) +
                             (meant.empty() ? "" : "; it is written " + Quoted(meant)));
  }

  const Place& place_;
};

