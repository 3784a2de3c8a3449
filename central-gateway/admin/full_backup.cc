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

Status MakeBackupFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return Ok();
  return Fail(ErrorCode::kIo, "Cannot make the folder " + folder + ": " +
                                  std::generic_category().message(errno));
}

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

// Of DIR/pki, each with the files of its own that `wanted` holds for.
constexpr const char* kPkiFolders[] = {"", "/former", "/retired"};

Status CopyPki(const Installation& installation, const std::string& folder, std::uint32_t mode,
               const std::function<bool(const fs::path&)>& wanted) {
  EDCSYNC_TRY(MakeBackupFolder(folder + "/pki"));
  const std::string pki = fs::path(installation.Pki("ca.crt")).parent_path().string();
  for (const std::string part : kPkiFolders) {
    const std::vector<std::string> names = NamesIn(pki + part, wanted);
    if (!names.empty()) EDCSYNC_TRY(MakeBackupFolder(folder + "/pki" + part));
    for (const std::string& name : names) {
      const std::string file = part + "/" + name;
      EDCSYNC_TRY(CopySmall(pki + file, folder + "/pki" + file, mode));
    }
  }
  return Ok();
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

Status PutPkiBack(const std::string& folder, const std::string& pki, std::uint32_t mode,
                  const std::function<bool(const fs::path&)>& wanted) {
  for (const std::string part : kPkiFolders) {
    const std::vector<std::string> names = NamesIn(folder + "/pki" + part, wanted);
    if (!names.empty() && !fs::exists(pki + part)) {
      EDCSYNC_TRY(MakeBackupFolder(pki + part));
      EDCSYNC_TRY(GiveToFolderOwner(pki + part));
    }
    for (const std::string& name : names) {
      const std::string file = part + "/" + name;
      // A younger list of the revoked is the better one.
      if (name == "crl.pem" && fs::exists(pki + file)) continue;
      EDCSYNC_TRY(PutFile(folder + "/pki" + file, pki + file, mode));
    }
  }
  return Ok();
}

}  // namespace

Status CopyWithoutKeys(const Installation& installation, const std::string& folder) {
  EDCSYNC_TRY(MakeBackupFolder(folder));
  EDCSYNC_TRY(CopySmall(installation.Config(), folder + "/" + kConfig, 0600));
  EDCSYNC_TRY(SettleTrust(installation));  // A pair half replaced is copied as the new one.
  EDCSYNC_TRY(CopyPki(installation, folder, 0644, IsPublic));
  const std::string notices = installation.dir + "/notices";
  const std::vector<std::string> templates = NamesIn(notices, IsTemplate);
  if (!templates.empty()) EDCSYNC_TRY(MakeBackupFolder(folder + "/notices"));
  for (const std::string& name : templates) {
    EDCSYNC_TRY(CopySmall(notices + "/" + name, folder + "/notices/" + name, 0644));
  }
  return Ok();
}

Status CopyKeys(const Installation& installation, const std::string& key_file,
                const std::string& folder) {
  EDCSYNC_TRY(MakeBackupFolder(folder));
  if (fs::exists(key_file)) EDCSYNC_TRY(CopySmall(key_file, folder + "/central.key", 0600));
  return CopyPki(installation, folder, 0600, IsKey);
}

Status CheckPairs(const std::string& folder, const std::string& keys_folder) {
  for (const std::string part : kPkiFolders) {
    const std::string keys = keys_folder + "/pki" + part;
    for (const std::string& name : NamesIn(keys, IsKey)) {
      const fs::path certificate_file =
          fs::path(folder + "/pki" + part + "/" + name).replace_extension(".crt");
      // A key alone: what a retirement that was broken off left.
      if (!fs::exists(certificate_file)) continue;
      EDCSYNC_ASSIGN(const PrivateKey key, PrivateKey::Load(keys + "/" + name));
      EDCSYNC_ASSIGN(const Certificate certificate, Certificate::Load(certificate_file.string()));
      if (Belongs(key, certificate)) continue;
      return Fail(ErrorCode::kBusy, keys + "/" + name + " is another key than that of " +
                                        certificate_file.string() +
                                        ": a certificate was rotated meanwhile. Remove what was "
                                        "made and back up again");
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
  const std::string pki = fs::path(installation.Pki("ca.crt")).parent_path().string();
  for (const std::string& made : {fs::path(installation.DatabaseFile()).parent_path().string(), pki,
                                  installation.dir + "/notices"}) {
    if (fs::exists(made)) continue;
    EDCSYNC_TRY(MakeBackupFolder(made));
    EDCSYNC_TRY(GiveToFolderOwner(made));
  }
  EDCSYNC_TRY(PutPkiBack(folder, pki, 0644, IsPublic));
  for (const std::string& name : NamesIn(folder + "/notices", IsTemplate)) {
    EDCSYNC_TRY(PutFile(folder + "/notices/" + name, installation.dir + "/notices/" + name, 0644));
  }
  if (keys_folder.empty()) return Ok();
  if (fs::exists(keys_folder + "/central.key")) {
    EDCSYNC_TRY(PutFile(keys_folder + "/central.key", key_file, 0600));
  }
  return PutPkiBack(keys_folder, pki, 0600, IsKey);
}

}  // namespace edcsync::central
