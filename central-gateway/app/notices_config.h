// [notices] of central-gateway.toml. Every key is in README.md.
#pragma once

#include "central-gateway/notices/notice_service.h"
#include "shared/base/toml_file.h"

namespace edcsync::central {

// Relative files are relative to `dir`. What is wrong is remembered for `toml.Finish()`.
NoticesSettings ReadNotices(TomlFile& toml, const std::string& dir);

}  // namespace edcsync::central
