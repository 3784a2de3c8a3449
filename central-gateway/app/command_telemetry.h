// The spans of a command by which a person decides about a record: "decide", "propose", "withdraw",
// "reopen", "release", "reject", "lock", "unlock", "edit", in that record's trace, as the desk draws
// them (central-gateway/web/desk_telemetry.h). Nothing is drawn without [telemetry], and a command
// that did nothing draws none.
//
// Sent when this goes; a collector that does not answer holds a command up for two seconds at most.
//
// Threads: the command's.
#pragma once

#include "central-gateway/app/commands.h"
#include "shared/telemetry/telemetry_settings.h"

namespace edcsync::central {

class CommandTelemetry {
 public:
  // Begins now. After OpenStore; `context` outlives it.
  explicit CommandTelemetry(CommandContext& context);

  // What was done to `key` since the beginning, or the last span. `written`: the revision that it
  // wrote or proposes; `over`: those that it was decided upon.
  void Draw(const char* name, const RecordKey& key,
            const std::optional<RevisionId>& written = std::nullopt,
            const std::vector<RevisionId>& over = {});
  // Before a conflict is decided: its heads are what is decided upon, and others afterwards.
  void LookAt(CentralStore& store, SnowflakeId conflict);
  // The same of the record of the conflict looked at, of a revision's in quarantine. Nothing if there
  // is none.
  void DrawConflict(const char* name, const std::optional<RevisionId>& written = std::nullopt);
  void DrawQuarantined(const char* name, CentralStore& store, const RevisionId& revision);

 private:
  Telemetry telemetry_;
  std::int64_t begun_us_ = 0;
  std::optional<ConflictRow> conflict_;
};

}  // namespace edcsync::central
