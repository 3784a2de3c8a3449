// An ODM element as the importer sees it: names without prefix, vendor extensions left out, held
// against the grammar. Made by odm_import.cc, read by odm_reader.cc; it lives as long as the
// parsed document, into which it points.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/status.h"
#include "shared/model/xml_text.h"

namespace edcsync {

struct OdmNode {
  std::string_view name;
  std::size_t offset = 0;  // In the XML text.
  std::vector<std::pair<std::string_view, std::string_view>> attributes;
  std::vector<OdmNode> children;
  std::string text;  // Trimmed; "" where only elements stand.

  bool Has(std::string_view attribute) const {
    for (const auto& entry : attributes) {
      if (entry.first == attribute) return true;
    }
    return false;
  }

  // The attribute's value; "" if it is absent.
  std::string_view Get(std::string_view attribute) const {
    for (const auto& entry : attributes) {
      if (entry.first == attribute) return entry.second;
    }
    return {};
  }

  // The first child of this name, or nullptr.
  const OdmNode* Child(std::string_view child_name) const {
    for (const OdmNode& child : children) {
      if (child.name == child_name) return &child;
    }
    return nullptr;
  }
};

// Says where in an XML text an error is.
class XmlPlace {
 public:
  explicit XmlPlace(std::string_view xml) : xml_(xml) {}

  // "Line 14: <text>."
  tl::unexpected<Error> Refuse(ErrorCode code, std::size_t offset, std::string_view text) const {
    return Fail(code,
                "Line " + std::to_string(LineOf(xml_, offset)) + ": " + std::string(text) + ".");
  }

 private:
  std::string_view xml_;
};

// `text` in quotation marks, cut after 80 bytes so that a message stays readable.
std::string Quoted(std::string_view text);

}  // namespace edcsync
