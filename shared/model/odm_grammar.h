// Which elements and attributes ODM 1.3.2 allows within a Study, as a table. It is taken from
// ODM1-3-2-foundation.xsd; the order of elements and the types of values are not part of it.
#pragma once

#include <string_view>

namespace edcsync {

// Lists are names with one space between them.
struct OdmElement {
  std::string_view name;
  std::string_view required_attributes;
  std::string_view optional_attributes;
  std::string_view children;
};

// The rule of the element `name` (Study or an element within one), or nullptr.
const OdmElement* FindOdmElement(std::string_view name);

bool ListContains(std::string_view list, std::string_view name);

// The name in `list` that differs from `name` in case only; "" if there is none.
std::string_view FindIgnoringCase(std::string_view list, std::string_view name);

}  // namespace edcsync
