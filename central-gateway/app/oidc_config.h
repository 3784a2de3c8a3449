// [desk.oidc] of central-gateway.toml: the identity provider by which people log in at the desk.
// Every key is in README.md.
#pragma once

#include <optional>

#include "central-gateway/people/oidc_log_in.h"
#include "shared/base/toml_file.h"

namespace edcsync::central {

struct OidcConfig {
  OidcOptions options;             // Without the secret.
  std::string client_secret_file;  // Empty: a public client.
};

// nullopt: there is no [desk.oidc]. What is wrong is remembered for the file's Finish(). Relative
// paths begin in `dir`. Reads no other file.
std::optional<OidcConfig> ReadOidcConfig(TomlFile& toml, const std::string& dir);

// With the secret. kNotFound, kPermissions, kConfiguration name its file.
Result<OidcOptions> LoadOidcOptions(const OidcConfig& config);

}  // namespace edcsync::central
