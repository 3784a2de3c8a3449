#include "shared/crypto/identity_files.h"

#include <openssl/err.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "shared/base/file.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

std::string Next(const std::string& path) { return path + ".next"; }

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status TakeName(const std::string& path) {
  // Somebody else who loads the pair may have been faster.
  if (std::rename(Next(path).c_str(), path.c_str()) == 0 || errno == ENOENT) return Ok();
  return Fail(ErrorCode::kIo, "Cannot replace " + path + ": " + std::strerror(errno));
}

}  // namespace

bool Belongs(const PrivateKey& key, const Certificate& certificate) {
  const bool same =
      X509_check_private_key(certificate.impl().x509.get(), key.impl().key.get()) == 1;
  ERR_clear_error();
  return same;
}

Status ReplaceIdentity(const IdentityFiles& files, const PrivateKey& key,
                       const Certificate& certificate) {
  if (!Belongs(key, certificate)) {
    return Fail(ErrorCode::kCertificate, "the certificate of '" + certificate.CommonName() +
                                             "' is not for the key made for it");
  }
  EDCSYNC_TRY(SettleIdentity(files));
  EDCSYNC_TRY(WriteFile(Next(files.key_file), key.ToPem(), 0600, /*exclusive=*/false));
  EDCSYNC_TRY(WriteFile(Next(files.certificate_file), certificate.ToPem(), 0644,
                        /*exclusive=*/false));
  return SettleIdentity(files);
}

Status SettleIdentity(const IdentityFiles& files) {
  // Not decided: the former pair stands, and a key alone is written over by the next attempt.
  if (!Exists(Next(files.certificate_file))) return Ok();
  EDCSYNC_TRY(TakeName(files.key_file));
  return TakeName(files.certificate_file);
}

}  // namespace edcsync
