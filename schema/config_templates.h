// The commented configuration files of schema/config, embedded at build time: every key there is,
// with what it means, its default, its unit and the reason. `init`, `edge add` and enrolment make
// a machine's own file of them (shared/base/toml_template.h); the manual's pages about the files
// come from them, too. That they name exactly the keys that the programs take, tests hold.
#pragma once

#include <string_view>

namespace edcsync::schema {

std::string_view EdgeConfigTemplate();
std::string_view CentralConfigTemplate();

}  // namespace edcsync::schema
