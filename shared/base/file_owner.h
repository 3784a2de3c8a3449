// Whose a file is that root makes for a service. A service runs under an account of its own;
// commands are typed by root, too, and what they leave in the service's folder must not be shut
// to the service. So root gives what it makes there to the folder's owner.
//
// Another account can write in such a folder, so nothing is given away that root did not just
// make: no link is followed, and neither a file with a second name nor one of another owner is
// touched. Not root: nothing happens. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/status.h"

namespace edcsync {

// Gives the file or folder `path`, just made, to the owner of the folder that it stands in.
// kNotFound, kPermissions, kIo.
Status GiveToFolderOwner(const std::string& path);

// Writes a configuration file in one step: its maker changes it, and the group that owns the
// folder `reader` may read it (mode 0640); without such a group of its own, the maker only (0600).
// kAlreadyExists if it is there, and what WriteFile fails with.
Status WriteConfigFor(const std::string& reader, const std::string& path, std::string_view text);

}  // namespace edcsync
