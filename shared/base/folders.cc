#include "shared/base/folders.h"

#include <filesystem>

namespace edcsync {
namespace {

namespace fs = std::filesystem;

bool IsThere(const fs::path& path) {
  std::error_code unknown;  // Counts as absent.
  return fs::exists(path, unknown);
}

}  // namespace

std::string FindConfigFolder(const char* named, const std::string& file,
                             const std::string& installed) {
  if (named != nullptr && *named != '\0') return named;
  if (!IsThere(file) && IsThere(fs::path(installed) / file)) return installed;
  return ".";
}

std::string FolderForNewConfig(const char* named, const std::string& installed) {
  if (named != nullptr && *named != '\0') return named;
  return IsThere(installed) ? installed : ".";
}

std::string DefaultDataFolder(const std::string& config_folder, const std::string& program,
                              const std::string& otherwise) {
  const fs::path folder = fs::absolute(config_folder).lexically_normal();
  const bool installed = folder == kConfigFolder || folder == std::string(kConfigFolder) + "/";
  return installed ? std::string(kStateFolder) + "/" + program : otherwise;
}

}  // namespace edcsync
