// What an XML text from outside must satisfy before a parser is let at it: size, encoding, depth,
// number of nodes, no document type, only references XML itself defines. The parser used
// (pugixml) is lenient here: it passes an unknown "&entity;" on as text.
#pragma once

#include <cstddef>
#include <string_view>

#include "shared/base/status.h"

namespace edcsync {

struct XmlBounds {
  std::size_t size_bytes_max;
  std::size_t depth_max;
  std::size_t node_count_max;  // Elements and attributes.
};

// Fails with kTooLarge past a bound and with kMalformed for any other fault; the message names the
// line. That the tags match is left to the parser.
Status CheckXmlText(std::string_view xml, const XmlBounds& bounds);

// The line in which byte `offset` stands, from 1.
std::size_t LineOf(std::string_view xml, std::size_t offset);

}  // namespace edcsync
