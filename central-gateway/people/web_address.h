// Addresses and forms of HTTP, as far as an identity provider needs them. Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edcsync::central {

struct WebAddress {
  std::string base;  // "https://id.example.org:8443"
  std::string path;  // With the query; "/" at least.
  bool has_query = false;
};

// nullopt unless it is https, or http on a loopback address, of printable ASCII, without user,
// password or fragment.
std::optional<WebAddress> ParseWebAddress(std::string_view address);

using FormFields = std::vector<std::pair<std::string, std::string>>;
// "a=b%20c&d=e": of a query as of a form's body.
std::string EncodeForm(const FormFields& fields);
std::string EncodeFormText(std::string_view text);

// RFC 4648, 4: with padding.
std::string ToBase64(std::string_view bytes);

}  // namespace edcsync::central
