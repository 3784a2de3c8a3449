#include "shared/keys/key_settings.h"

#include <unistd.h>

#include <cstdlib>

namespace edcsync {
namespace {

constexpr char kSection[] = "keys";

bool IsCredentialName(const std::string& name) {
  return name.empty() || (name.find('/') == std::string::npos && name != "." && name != "..");
}

void CheckCredential(TomlFile& toml, const char* key, const std::string& name) {
  if (!IsCredentialName(name)) toml.Refuse(kSection, key, "a credential's name, without a folder");
}

}  // namespace

std::string_view ToString(KeySource source) {
  switch (source) {
    case KeySource::kFile: return "file";
    case KeySource::kCredential: return "credential";
    case KeySource::kPkcs11: return "pkcs11";
  }
  return "";
}

Result<KeySource> ParseKeySource(std::string_view text) {
  for (const KeySource source : {KeySource::kFile, KeySource::kCredential, KeySource::kPkcs11}) {
    if (text == ToString(source)) return source;
  }
  return Fail(ErrorCode::kUsage, "a key's source is file, credential or pkcs11");
}

Result<std::string> KeySettings::CredentialPath(const std::string& name) const {
  const char* given = std::getenv("CREDENTIALS_DIRECTORY");
  const std::string own = given == nullptr ? "" : std::string(given) + "/" + name;
  const std::string named =
      credentials_directory.empty() ? "" : credentials_directory + "/" + name;
  // A unit is shut out from the credentials of every other one, though the configuration that they
  // share may name that folder.
  const bool is_there = !named.empty() && ::access(named.c_str(), F_OK) == 0;
  if (!named.empty() && (is_there || own.empty())) return named;
  if (!own.empty()) return own;
  return Fail(ErrorCode::kKeyMissing,
              "there is no folder of credentials: start the program by systemd with "
              "LoadCredentialEncrypted=" + name +
                  ", or name the folder in [keys] credentials_directory "
                  "(/run/credentials/UNIT.service while the service runs)");
}

KeySettings ReadKeySettings(TomlFile& toml, const std::string& file,
                            const std::function<std::string(const std::string&)>& resolve) {
  KeySettings keys;
  const auto source = ParseKeySource(toml.Text(kSection, "source", "file"));
  if (!source.ok()) toml.Refuse(kSection, "source", "\"file\", \"credential\" or \"pkcs11\"");
  if (source.ok()) keys.source = *source;
  keys.file = resolve(toml.Text(kSection, "file", file));
  keys.credential = toml.Text(kSection, "credential", "");
  keys.credential_next = toml.Text(kSection, "credential_next", "");
  keys.credentials_directory = resolve(toml.Text(kSection, "credentials_directory", ""));
  keys.pkcs11.module = toml.Text(kSection, "pkcs11_module", "");
  keys.pkcs11.token = toml.Text(kSection, "pkcs11_token", "");
  keys.pkcs11.label = toml.Text(kSection, "pkcs11_label", "edcsync");
  keys.pkcs11.pin_file = resolve(toml.Text(kSection, "pkcs11_pin_file", ""));
  keys.pkcs11.pin_credential = toml.Text(kSection, "pkcs11_pin_credential", "");
  CheckCredential(toml, "credential", keys.credential);
  CheckCredential(toml, "credential_next", keys.credential_next);
  CheckCredential(toml, "pkcs11_pin_credential", keys.pkcs11.pin_credential);
  if (keys.source == KeySource::kCredential && keys.credential.empty()) {
    toml.Refuse(kSection, "credential", "the name of a systemd credential, for source = "
                                        "\"credential\"");
  }
  const Pkcs11Settings& token = keys.pkcs11;
  if (keys.source == KeySource::kPkcs11 && token.module.empty()) {
    toml.Refuse(kSection, "pkcs11_module", "the token's PKCS#11 library, for source = \"pkcs11\"");
  }
  if (!token.module.empty() && token.token.empty()) {
    toml.Refuse(kSection, "pkcs11_token", "the token's label");
  }
  if (!token.module.empty() && token.pin_file.empty() == token.pin_credential.empty()) {
    toml.Refuse(kSection, "pkcs11_pin_file", "a file (0600) with the token's PIN; or else "
                                             "pkcs11_pin_credential");
  }
  return keys;
}

}  // namespace edcsync
