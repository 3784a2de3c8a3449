#include "central-gateway/admin/full_backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "central-gateway/admin/trust.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/json.h"
#include "shared/crypto/file_digest.h"

namespace edcsync::central {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmallFileBytesMax = 16 * 1024 * 1024;
constexpr char kManifest[] = "manifest.json";
constexpr char kConfig[] = "central-gateway.toml";
// Below the data folder: the second holds the centre's earlier identities, to which frames of edges
// may still be sealed, the third authorities under which something was signed.
constexpr const char* kPkiFolders[] = {"pki", "pki/former", "pki/retired"};

Status CopySmall(const std::string& from, const std::string& to, std::uint32_t mode) {
  EDCSYNC_ASSIGN(const std::string bytes, ReadFile(from, kSmallFileBytesMax));
  return WriteFile(to, bytes, mode, /*exclusive=*/true);
}

// Files of `folder` for which `wanted` holds, in order.
std::vector<std::string> NamesIn(const std::string& folder,
                                 const std::function<bool(const fs::path&)>& wanted) {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) {
    if (entry.is_regular_file() && wanted(entry.path())) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsKey(const fs::path& path) { return path.extension() == ".key"; }
bool IsPublic(const fs::path& path) {
  return path.extension() == ".crt" || path.extension() == ".untrusted" ||
         path.filename() == "crl.pem";
}
bool IsTemplate(const fs::path& path) { return path.extension() == ".txt"; }

// Copies the wanted files of one folder into another, which is made if there are any.
Status CopyWanted(const std::string& from, const std::string& to,
                  const std::function<bool(const fs::path&)>& wanted, std::uint32_t mode) {
  const std::vector<std::string> names = NamesIn(from, wanted);
  if (!names.empty()) EDCSYNC_TRY(MakeBackupFolder(to));
  for (const std::string& name : names) {
    EDCSYNC_TRY(CopySmall(from + "/" + name, to + "/" + name, mode));
  }
  return Ok();
}

std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::recursive_directory_iterator(folder, failed)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (entry.is_regular_file() && name != kManifest) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> DigestOf(const std::string& path) {
  EDCSYNC_ASSIGN(const Digest digest, Sha256OfFile(path));
  return ToHex(digest);
}

// The same content, or nothing there: then it is put there.
Status PutFile(const std::string& from, const std::string& to, std::uint32_t mode) {
  EDCSYNC_ASSIGN(const std::string bytes, ReadFile(from, kSmallFileBytesMax));
  const Result<std::string> there = ReadFile(to, kSmallFileBytesMax);
  if (there.ok() && *there == bytes) return Ok();
  if (there.ok()) {
    return Fail(ErrorCode::kAlreadyExists, to + " is there and is another than " + from +
                                               ": move it away if the backup's is to be used");
  }
  return WriteFile(to, bytes, mode, /*exclusive=*/true);
}

// A folder of the installation, for whoever owns the one that it stands in.
Status MakeInstalledFolder(const std::string& folder) {
  if (fs::exists(folder)) return Ok();
  std::error_code reason;
  fs::create_directories(fs::path(folder).parent_path(), reason);
  EDCSYNC_TRY(MakeBackupFolder(folder));
  return GiveToFolderOwner(folder);
}

Status PutBackPki(const Installation& installation, const std::string& folder,
                  const std::function<bool(const fs::path&)>& wanted, std::uint32_t mode) {
  for (const std::string pki : kPkiFolders) {
    const std::vector<std::string> names = NamesIn(folder + "/" + pki, wanted);
    const std::string there = installation.dir + "/" + pki;
    if (!names.empty()) EDCSYNC_TRY(MakeInstalledFolder(there));
    for (const std::string& name : names) {
      // A younger list of the revoked is the better one.
      if (name == "crl.pem" && fs::exists(there + "/crl.pem")) continue;
      EDCSYNC_TRY(PutFile(folder + "/" + pki + "/" + name, there + "/" + name, mode));
    }
  }
  return Ok();
}

}  // namespace

Status MakeBackupFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return Ok();
  return Fail(ErrorCode::kIo, "Cannot make the folder " + folder + ": " +
                                  std::generic_category().message(errno));
}

Status CopyWithoutKeys(const Installation& installation, const std::string& folder) {
  EDCSYNC_TRY(SettleTrust(installation));
  EDCSYNC_TRY(CopySmall(installation.Config(), folder + "/" + kConfig, 0600));
  for (const std::string pki : kPkiFolders) {
    EDCSYNC_TRY(CopyWanted(installation.dir + "/" + pki, folder + "/" + pki, IsPublic, 0644));
  }
  return CopyWanted(installation.dir + "/notices", folder + "/notices", IsTemplate, 0644);
}

Status CopyKeys(const Installation& installation, const std::string& key_file,
                const std::string& folder) {
  EDCSYNC_TRY(SettleTrust(installation));
  EDCSYNC_TRY(MakeBackupFolder(folder));
  if (!key_file.empty()) EDCSYNC_TRY(CopySmall(key_file, folder + "/central.key", 0600));
  for (const std::string pki : kPkiFolders) {
    EDCSYNC_TRY(CopyWanted(installation.dir + "/" + pki, folder + "/" + pki, IsKey, 0600));
  }
  return Ok();
}

Status CheckPairs(const std::string& folder, const std::string& keys_folder) {
  for (const std::string pki : kPkiFolders) {
    for (const std::string& name : NamesIn(keys_folder + "/" + pki, IsKey)) {
      const std::string stem = pki + "/" + fs::path(name).stem().string();
      if (!fs::exists(folder + "/" + stem + ".crt")) continue;
      EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Load(keys_folder + "/" + pki + "/" + name));
      EDCSYNC_ASSIGN(const Certificate certificate,
                     Certificate::Load(folder + "/" + stem + ".crt"));
      if (Belongs(key, certificate)) continue;
      return Fail(ErrorCode::kBusy,
                  stem + ".key and .crt are no pair: a rotation changed them while they were copied; "
                         "back up again");
    }
  }
  return Ok();
}

Status WriteManifest(const std::string& folder, WallTime now) {
  Json json = {{"madeAt", FormatUtc(now)}, {"files", Json::object()}};
  for (const std::string& name : FilesBelow(folder)) {
    EDCSYNC_ASSIGN(json["files"][name], DigestOf(folder + "/" + name));
  }
  return WriteFile(folder + "/" + kManifest, json.dump(2) + "\n", 0600, /*exclusive=*/true);
}

Status VerifyManifest(const std::string& folder) {
  EDCSYNC_ASSIGN(const std::string text, ReadFile(folder + "/" + kManifest, kSmallFileBytesMax));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("files") || !json["files"].is_object()) {
    return Fail(ErrorCode::kCorrupt, folder + "/" + kManifest + " is no manifest");
  }
  for (const auto& [name, digest] : json["files"].items()) {
    const Result<std::string> found = DigestOf(folder + "/" + name);
    if (!found.ok() || digest != *found) {
      return Fail(ErrorCode::kCorrupt,
                  folder + "/" + name + (found.ok() ? " was altered" : " is absent"));
    }
  }
  for (const std::string& name : FilesBelow(folder)) {
    if (!json["files"].contains(name)) {
      return Fail(ErrorCode::kCorrupt, folder + "/" + name + " is not in the manifest");
    }
  }
  return Ok();
}

Status PutBack(const Installation& installation, const std::string& key_file,
               const std::string& folder, const std::string& keys_folder) {
  for (const std::string& made :
       {installation.ConfigFolder(), installation.dir, installation.dir + "/notices"}) {
    EDCSYNC_TRY(MakeInstalledFolder(made));
  }
  EDCSYNC_TRY(PutBackPki(installation, folder, IsPublic, 0644));
  for (const std::string& name : NamesIn(folder + "/notices", IsTemplate)) {
    EDCSYNC_TRY(PutFile(folder + "/notices/" + name, installation.dir + "/notices/" + name, 0644));
  }
  if (keys_folder.empty()) return Ok();
  if (fs::exists(keys_folder + "/central.key")) {
    EDCSYNC_TRY(PutFile(keys_folder + "/central.key", key_file, 0600));
  }
  return PutBackPki(installation, keys_folder, IsKey, 0600);
}

}  // namespace edcsync::central
