// The section [keys] of both programs' configuration: where the key-encryption key comes from. What
// is set for a source counts also while another is chosen: `key rotate --to` moves between them, and
// a database whose keys are of another source than the chosen one still opens, with a warning.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "shared/base/toml_file.h"

namespace edcsync {

enum class KeySource : std::uint8_t { kFile, kCredential, kPkcs11 };
std::string_view ToString(KeySource source);
Result<KeySource> ParseKeySource(std::string_view text);  // kUsage.

struct Pkcs11Settings {
  std::string module;          // The token's PKCS#11 library; empty: no token is used.
  std::string token;           // Its label.
  std::string label;           // CKA_LABEL of this installation's keys.
  std::string pin_file;        // Mode 0600, or
  std::string pin_credential;  // the name of a systemd credential.
  // Log in once also if the token says that a wrong PIN was given last: a person decides that.
  bool try_pin_again = false;
};

struct KeySettings {
  KeySource source = KeySource::kFile;
  std::string file;
  std::string credential;             // Name; empty: none.
  std::string credential_next;        // The one to rotate to.
  std::string credentials_directory;  // Where systemd puts them; empty: $CREDENTIALS_DIRECTORY.
  Pkcs11Settings pkcs11;

  // The path of a credential. kKeyMissing if there is no folder of credentials.
  Result<std::string> CredentialPath(const std::string& name) const;
};

// Asks `toml` for every key of [keys]; what is wrong is told by its Finish(). `resolve` makes a
// path absolute; `file` is the key file's default.
KeySettings ReadKeySettings(TomlFile& toml, const std::string& file,
                            const std::function<std::string(const std::string&)>& resolve);

}  // namespace edcsync
