#include "central-gateway/app/oidc_config.h"

#include <algorithm>
#include <filesystem>

#include "central-gateway/people/web_address.h"
#include "shared/base/file.h"

namespace edcsync::central {
namespace {

constexpr char kSection[] = "desk.oidc";
constexpr std::size_t kSecretBytesMax = 4096;
constexpr std::size_t kLabelBytesMax = 80;

std::string In(const std::string& dir, const std::string& file) {
  return file.empty() ? file : (std::filesystem::path(dir) / file).string();
}

// RFC 6749, 3.3: words between single spaces; ours must ask for an ID token.
bool AreScopes(const std::string& scopes) {
  const bool printable = std::all_of(scopes.begin(), scopes.end(), [](char c) {
    return c >= ' ' && c < 0x7F && c != '"' && c != '\\';
  });
  return printable && (" " + scopes + " ").find(" openid ") != std::string::npos;
}

// "id.st-mary.org" of "https://id.st-mary.org:8443/realms/trials"; of no address, all of it.
std::string HostOf(const std::string& issuer) {
  const std::size_t scheme = issuer.find("://");
  if (scheme == std::string::npos) return issuer;  // Refused already.
  const std::size_t begin = scheme + 3;
  return issuer.substr(begin, issuer.find_first_of(":/", begin) - begin);
}

}  // namespace

std::optional<OidcConfig> ReadOidcConfig(TomlFile& toml, const std::string& dir) {
  if (!toml.HasSection(kSection)) return std::nullopt;
  OidcConfig config;
  OidcOptions& options = config.options;
  OidcProviderOptions& provider = options.provider;
  provider.issuer = toml.Text(kSection, "issuer", "");
  if (!CheckIssuer(provider.issuer).ok()) {
    toml.Refuse(kSection, "issuer",
                "the provider's https address without query (http on a loopback address only)");
  }
  provider.client_id = toml.Text(kSection, "client_id", "");
  if (provider.client_id.empty()) {
    toml.Refuse(kSection, "client_id", "the name under which the provider knows this gateway");
  }
  config.client_secret_file = In(dir, toml.Text(kSection, "client_secret_file", ""));
  provider.ca_file = In(dir, toml.Text(kSection, "ca_file", ""));
  provider.scopes = toml.Text(kSection, "scopes", provider.scopes);
  if (!AreScopes(provider.scopes)) {
    toml.Refuse(kSection, "scopes", "words with spaces between, openid among them");
  }
  options.user_claim = toml.Text(kSection, "user_claim", options.user_claim);
  if (options.user_claim.empty()) {
    toml.Refuse(kSection, "user_claim", "a claim of the ID token, such as preferred_username");
  }
  options.label = toml.Text(kSection, "label", HostOf(provider.issuer));
  if (options.label.empty() || options.label.size() > kLabelBytesMax) {
    toml.Refuse(kSection, "label", "the provider's name as people know it, 1 to 80 bytes");
  }
  provider.acr = toml.Text(kSection, "require_acr", "");
  provider.max_age_s = toml.Integer(kSection, "max_age", 0, 0, 600);
  options.local_passwords = toml.Flag(kSection, "local_passwords", true);
  return config;
}

Result<OidcOptions> LoadOidcOptions(const OidcConfig& config) {
  OidcOptions options = config.options;
  if (!config.options.provider.ca_file.empty()) {
    // Else it would be told at somebody's first log-in only.
    EDCSYNC_TRY(ReadFile(config.options.provider.ca_file, std::size_t{1024} * 1024));
  }
  if (config.client_secret_file.empty()) return options;
  EDCSYNC_ASSIGN(std::string secret, ReadSecretFile(config.client_secret_file, kSecretBytesMax));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.empty()) {
    return Fail(ErrorCode::kConfiguration, config.client_secret_file + " is empty");
  }
  options.provider.client_secret = std::move(secret);
  return options;
}

}  // namespace edcsync::central
