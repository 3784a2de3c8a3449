// Where an installed program finds its files (Filesystem Hierarchy Standard): configuration in
// /etc/edcsync, state in /var/lib/edcsync/PROGRAM. A folder of one's own, with everything in it,
// does as well: --dir names it.
//
// Threads: any.
#pragma once

#include <string>

namespace edcsync {

inline constexpr char kConfigFolder[] = "/etc/edcsync";
inline constexpr char kStateFolder[] = "/var/lib/edcsync";

// The folder whose `file` a command means that was given no --dir: `named` (an environment
// variable, may be null or empty), else the current folder if `file` is there, else `installed`
// if it is there, else the current one.
std::string FindConfigFolder(const char* named, const std::string& file,
                             const std::string& installed = kConfigFolder);

// Likewise for a command that makes `file`: `installed` if that folder is there at all.
std::string FolderForNewConfig(const char* named, const std::string& installed = kConfigFolder);

// Where data lie whose place the configuration file in `config_folder` does not tell: for an
// installed `program` in its state folder, for any other in `otherwise`.
std::string DefaultDataFolder(const std::string& config_folder, const std::string& program,
                              const std::string& otherwise);

}  // namespace edcsync
