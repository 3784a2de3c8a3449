#include "shared/crypto/file_digest.h"

#include <openssl/evp.h>

#include <cstdio>
#include <memory>

#include "shared/base/check.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {

Result<Digest> Sha256OfFile(const std::string& path) {
  const auto close = [](std::FILE* file) { return file == nullptr ? 0 : std::fclose(file); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             close);
  if (file == nullptr) return Fail(ErrorCode::kNotFound, path + " cannot be opened");
  const DigestContextPtr context(EVP_MD_CTX_new());
  CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  Bytes block(1024 * 1024);
  while (const std::size_t size = std::fread(block.data(), 1, block.size(), file.get())) {
    CHECK(EVP_DigestUpdate(context.get(), block.data(), size) == 1);
  }
  if (std::ferror(file.get()) != 0) return Fail(ErrorCode::kIo, path + " cannot be read");
  Digest digest;
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 && size == digest.size());
  return digest;
}

}  // namespace edcsync
