#include "central-gateway/store/state_table.h"

#include "central-gateway/store/sql_values.h"

namespace edcsync::central {
namespace {

constexpr std::string_view kMarkKeyAdditional = "central mark key";

tl::unexpected<Error> NoState() {
  return Fail(ErrorCode::kCorrupt, "the central store has lost the row of its state");
}

}  // namespace

Status StateTable::Insert(const HistoryId& history, BytesView mark_key, WallTime now) {
  Bytes sealed;
  cipher_.Seal(mark_key, AsBytes(kMarkKeyAdditional), sealed);
  Statement statement = database_.Prepare(
      "INSERT INTO central_state (one, history_id, mark_key_sealed, registry_generation, "
      "duplicates, created_at_ms) VALUES (1, ?1, ?2, 1, 0, ?3)");
  EDCSYNC_TRY(
      statement.Bind(1, history.view()).Bind(2, BytesView(sealed)).Bind(3, now.ms).Run());
  return Ok();
}

Result<bool> StateTable::Exists() {
  return database_.Prepare("SELECT 1 FROM central_state").Step();
}

Result<HistoryId> StateTable::History() {
  Statement statement = database_.Prepare("SELECT history_id FROM central_state");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return NoState();
  return RandomIdAt<HistoryId>(statement, 0);
}

Status StateTable::SetHistory(const HistoryId& history) {
  Statement statement = database_.Prepare("UPDATE central_state SET history_id = ?1");
  EDCSYNC_ASSIGN(const std::int64_t changed, statement.Bind(1, history.view()).Run());
  if (changed != 1) return NoState();
  return Ok();
}

Result<Bytes> StateTable::MarkKey() {
  Statement statement = database_.Prepare("SELECT mark_key_sealed FROM central_state");
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return NoState();
  return cipher_.Open(statement.Blob(0), AsBytes(kMarkKeyAdditional));
}

Result<std::uint64_t> StateTable::Counter(std::string_view sql) {
  Statement statement = database_.Prepare(sql);
  EDCSYNC_ASSIGN(const bool found, statement.Step());
  if (!found) return NoState();
  return Unsigned(statement.Int(0));
}

Result<std::uint64_t> StateTable::RegistryGeneration() {
  return Counter("SELECT registry_generation FROM central_state");
}

Status StateTable::BumpRegistryGeneration() {
  EDCSYNC_TRY(database_
                  .Prepare("UPDATE central_state SET registry_generation = "
                           "registry_generation + 1")
                  .Run());
  return Ok();
}

Result<std::uint64_t> StateTable::Duplicates() {
  return Counter("SELECT duplicates FROM central_state");
}

Status StateTable::CountDuplicates(std::uint64_t more) {
  if (more == 0) return Ok();
  Statement statement =
      database_.Prepare("UPDATE central_state SET duplicates = duplicates + ?1");
  EDCSYNC_TRY(statement.Bind(1, Signed(more)).Run());
  return Ok();
}

}  // namespace edcsync::central
