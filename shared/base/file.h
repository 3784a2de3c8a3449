// Small files, whole: keys, certificates, tokens, bundles. What stands under a name is always a
// complete file: bytes go to a temporary file beside it, are fsynced, and only then take the name;
// the folder is fsynced after that, so that a power cut does not take the name away again.
//
// Failures: kNotFound, kAlreadyExists, kPermissions, kDiskFull, kTooLarge, kIo. Messages name the
// path and the system's reason, never the content. Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/status.h"

namespace edcsync {

// The content of the regular file `path`. Fails with kNotFound if absent, kTooLarge if it holds
// more than `size_bytes_max`.
Result<std::string> ReadFile(const std::string& path, std::size_t size_bytes_max);

// As ReadFile, for a secret. Fails with kPermissions if the file's group or others may use it.
Result<std::string> ReadSecretFile(const std::string& path, std::size_t size_bytes_max);

// Writes `bytes` with exactly `mode` (0600 for a secret), whatever the umask. With `exclusive` an
// existing file is kept and kAlreadyExists returned; without, it is replaced in one step.
Status WriteFile(const std::string& path, std::string_view bytes, std::uint32_t mode,
                 bool exclusive);

// Makes durable which names the folder of `path` holds: after link() and rename() by others.
Status SyncFolderOf(const std::string& path);

}  // namespace edcsync
