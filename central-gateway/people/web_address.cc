#include "central-gateway/people/web_address.h"

#include <algorithm>

#include "shared/crypto/jws.h"
#include "shared/http/listener.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kAddressBytesMax = 2000;

std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) {
    return authority.substr(1, authority.find(']') == std::string_view::npos
                                   ? 0
                                   : authority.find(']') - 1);
  }
  return authority.substr(0, authority.find(':'));
}

}  // namespace

std::optional<WebAddress> ParseWebAddress(std::string_view address) {
  const bool printable = std::all_of(address.begin(), address.end(),
                                     [](char c) { return c > ' ' && c < 0x7F && c != '\\'; });
  if (!printable || address.size() > kAddressBytesMax ||
      address.find('#') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::size_t begin = scheme + 3;
  const std::size_t end = std::min(address.find_first_of("/?", begin), address.size());
  const std::string_view authority = address.substr(begin, end - begin);
  const std::string_view host = HostOf(authority);
  if (host.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;
  const bool secure = address.starts_with("https://");
  if (!secure && !(address.starts_with("http://") && IsLoopback(std::string(host)))) {
    return std::nullopt;
  }
  WebAddress parsed;
  parsed.base = address.substr(0, end);
  parsed.path = address.substr(end);
  if (!parsed.path.starts_with('/')) parsed.path.insert(0, "/");
  parsed.has_query = parsed.path.find('?') != std::string::npos;
  return parsed;
}

std::string EncodeFormText(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                       (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return encoded;
}

std::string EncodeForm(const FormFields& fields) {
  std::string form;
  for (const auto& [name, value] : fields) {
    if (!form.empty()) form += '&';
    form += EncodeFormText(name) + "=" + EncodeFormText(value);
  }
  return form;
}

std::string ToBase64(std::string_view bytes) {
  std::string text = ToBase64Url(AsBytes(bytes));
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

}  // namespace edcsync::central
