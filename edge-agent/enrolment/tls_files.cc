#include "edge-agent/enrolment/tls_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "shared/base/file.h"
#include "shared/crypto/certificate_request.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kTlsFileBytesMax = 256 * 1024;

}  // namespace

std::string TlsFiles::Beside(const std::string& name) const {
  return (std::filesystem::path(key).parent_path() / name).string();
}

Result<EdgeCredentials> LoadCredentials(const TlsFiles& files) {
  EDCSYNC_TRY(SettleIdentity(files.pair()));
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Load(files.key));
  EDCSYNC_ASSIGN(Certificate certificate, Certificate::Load(files.certificate));
  EDCSYNC_ASSIGN(std::vector<Certificate> gateways, LoadCertificates(files.gateway));
  EDCSYNC_ASSIGN(Sealer sealer, Sealer::Create(std::move(key), std::move(certificate)));
  return EdgeCredentials{std::move(sealer), std::move(gateways)};
}

Result<bool> WriteIfChanged(const std::string& path, const std::string& bytes, std::uint32_t mode) {
  const Result<std::string> present = ReadFile(path, kTlsFileBytesMax);
  if (present.ok() && *present == bytes) return false;
  EDCSYNC_TRY(WriteFile(path, bytes, mode, /*exclusive=*/false));
  return true;
}

}  // namespace edcsync::edge
