// edge invite; certificate rotate; ca rotate, status, retire.
#pragma once

#include "central-gateway/app/commands.h"

namespace edcsync::central {

void AddInvite(CLI::App& edge, CommandContext& context);
void AddRotationCommands(CLI::App& app, CommandContext& context);

}  // namespace edcsync::central
