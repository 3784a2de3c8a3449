#include "central-gateway/store/sqlite_central_store.h"

#include <mutex>

#include "central-gateway/store/sqlite_access.h"
#include "central-gateway/store/sqlite_files.h"
#include "central-gateway/store/store_check.h"
#include "shared/base/log.h"
#include "shared/storage/group_commit.h"

namespace edcsync::central {
namespace {

class SqliteCentralStore final : public CentralStore {
 public:
  SqliteCentralStore(SqliteCentralStoreOptions options, const Clock& clock, OpenedFiles files)
      : options_(std::move(options)),
        clock_(clock),
        files_(std::move(files)),
        tables_(*files_.writer, *files_.cipher, clock, options_.holder, true),
        commit_(*files_.writer, Hooks()) {
    if (options_.start_writer) commit_.Start();
  }
  ~SqliteCentralStore() override;

  Status Submit(Work work, Done done, std::size_t bytes) override;
  Status Write(Work work) override;
  std::size_t WorksWaiting() const override { return commit_.waiting(); }
  Status Read(const std::function<Status(CentralReader&)>& read) override;
  Result<std::size_t> RewrapKeys(WrappingKey& next, const std::string& actor,
                                 const std::string& detail) override;
  Result<FieldCipher::Keys> DescribeKeys() override { return files_.cipher->Describe(); }
  Status Backup(const std::string& path, const std::function<void(int)>& progress) override;
  Result<std::vector<std::string>> Check(
      const std::function<void(std::string_view, int)>& progress) override;
  Result<std::vector<std::string>> VerifyAudit(
      std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) override;

 private:
  static constexpr std::size_t kIdleReaderCountMax = 8;

  struct Reader {
    std::unique_ptr<Database> database;
    std::unique_ptr<CentralTables> tables;
  };

  GroupCommitHooks Hooks();
  Status Begun();
  void WorkRolledBack();
  void Ended(bool committed);
  GroupCommit::Work Wrap(Work work);
  void RunWaiting();

  Result<Reader> TakeReader();
  Status WithReader(const std::function<Status(CentralTables&)>& read);

  SqliteCentralStoreOptions options_;
  const Clock& clock_;
  OpenedFiles files_;
  CentralTables tables_;

  // The writer's: what stood when its transaction, or the work in it, began.
  std::int64_t data_version_ = -1;
  std::uint64_t seals_ = 0;
  AuditTable::Tail tail_before_work_;
  bool running_inline_ = false;  // Without a writer's thread: a work or a Done runs.

  std::mutex readers_mutex_;
  std::vector<Reader> idle_readers_;
  GroupCommit commit_;  // Last: it stops before what its works use goes.
};

SqliteCentralStore::~SqliteCentralStore() {
  commit_.Stop();
  if (!tables_.ids.holds_lease()) return;
  // Only a courtesy to the next process: without it the lease runs out by itself.
  const Status released = [this]() -> Status {
    EDCSYNC_ASSIGN(WriteTransaction transaction, WriteTransaction::Begin(*files_.writer));
    EDCSYNC_TRY(tables_.ids.Release());
    return transaction.Commit();
  }();
  if (!released.ok()) {
    Log(LogLevel::kWarn, "central.lease_not_released", {{"error", released.error().ToString()}});
  }
}

GroupCommitHooks SqliteCentralStore::Hooks() {
  GroupCommitHooks hooks;
  hooks.begun = [this] { return Begun(); };
  hooks.work_started = [this] { tail_before_work_ = tables_.audit.tail(); };
  hooks.work_rolled_back = [this] { WorkRolledBack(); };
  hooks.ended = [this](bool committed) { Ended(committed); };
  return options_.watch == nullptr ? hooks : options_.watch->Around(std::move(hooks));
}

Status SqliteCentralStore::Begun() {
  EDCSYNC_ASSIGN(const std::int64_t version, files_.writer->DataVersion());
  if (version != data_version_) {
    tables_.audit.Forget();
    tables_.ForgetCaches();
    data_version_ = version;
  }
  seals_ = 0;
  files_.keys->ClearTouched();
  return files_.cipher->Reserve(SqliteAccess::kSealCountMax, clock_.Wall());
}

void SqliteCentralStore::WorkRolledBack() {
  tables_.audit.Restore(tail_before_work_);
  tables_.ForgetCaches();
}

void SqliteCentralStore::Ended(bool committed) {
  tables_.ids.Ended(committed);
  if (committed) return;
  tables_.audit.Forget();
  tables_.ForgetCaches();
  // A reservation of an earlier transaction stands; giving it up at every refusal would use up
  // data keys.
  if (files_.keys->touched()) files_.cipher->Forget();
}

GroupCommit::Work SqliteCentralStore::Wrap(Work work) {
  return [this, work = std::move(work)]() -> Status {
    SqliteAccess access(tables_, clock_.Wall(), seals_);
    EDCSYNC_TRY(work(access));
    return tables_.ids.Save();
  };
}

Status SqliteCentralStore::Submit(Work work, Done done, std::size_t bytes) {
  EDCSYNC_TRY(commit_.Submit(Wrap(std::move(work)), std::move(done), bytes));
  if (!options_.start_writer) RunWaiting();
  return Ok();
}

// What a work or a Done submits while one runs is taken by the run that goes on.
void SqliteCentralStore::RunWaiting() {
  if (running_inline_) return;
  running_inline_ = true;
  commit_.Drain();
  running_inline_ = false;
}

Status SqliteCentralStore::Write(Work work) {
  if (options_.start_writer) return commit_.Run(Wrap(std::move(work)), Turn::kNext);
  running_inline_ = true;
  Status status = commit_.Run(Wrap(std::move(work)));
  running_inline_ = false;
  RunWaiting();
  return status;
}

Result<SqliteCentralStore::Reader> SqliteCentralStore::TakeReader() {
  {
    const std::lock_guard lock(readers_mutex_);
    if (!idle_readers_.empty()) {
      Reader reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  Reader reader;
  EDCSYNC_ASSIGN(reader.database, OpenReader(options_));
  reader.tables = std::make_unique<CentralTables>(*reader.database, *files_.cipher, clock_,
                                                  options_.holder, false);
  return reader;
}

Status SqliteCentralStore::WithReader(const std::function<Status(CentralTables&)>& read) {
  EDCSYNC_ASSIGN(Reader reader, TakeReader());
  EDCSYNC_TRY(reader.database->BeginRead());
  Status status = read(*reader.tables);
  reader.database->Rollback();
  const std::lock_guard lock(readers_mutex_);
  if (idle_readers_.size() < kIdleReaderCountMax) idle_readers_.push_back(std::move(reader));
  return status;
}

Status SqliteCentralStore::Read(const std::function<Status(CentralReader&)>& read) {
  return WithReader([&](CentralTables& tables) {
    std::uint64_t seals = 0;
    SqliteAccess access(tables, clock_.Wall(), seals);
    return read(access);
  });
}

Result<std::size_t> SqliteCentralStore::RewrapKeys(WrappingKey& next, const std::string& actor,
                                                   const std::string& detail) {
  std::size_t count = 0;
  EDCSYNC_TRY(Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(count, files_.cipher->Rewrap(next, writer.Now()));
    return writer.AppendAudit(actor, "key.rotated", next.id().ToHex(), detail);
  }));
  return count;
}

Status SqliteCentralStore::Backup(const std::string& path,
                                  const std::function<void(int)>& progress) {
  EDCSYNC_ASSIGN(const std::unique_ptr<Database> reader, OpenReader(options_));
  return reader->BackupTo(path, progress);
}

Result<std::vector<std::string>> SqliteCentralStore::Check(
    const std::function<void(std::string_view, int)>& progress) {
  std::vector<std::string> findings;
  EDCSYNC_TRY(WithReader([&](CentralTables& tables) -> Status {
    EDCSYNC_ASSIGN(findings, CheckStore(tables, progress));
    return Ok();
  }));
  return findings;
}

Result<std::vector<std::string>> SqliteCentralStore::VerifyAudit(
    std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) {
  std::vector<std::string> findings;
  EDCSYNC_TRY(WithReader([&](CentralTables& tables) -> Status {
    EDCSYNC_ASSIGN(findings, tables.audit.Verify(entry_count, progress));
    return Ok();
  }));
  return findings;
}

}  // namespace

Result<std::unique_ptr<CentralStore>> OpenSqliteCentralStore(
    const SqliteCentralStoreOptions& options, const Clock& clock, Random& random) {
  EDCSYNC_ASSIGN(OpenedFiles files, OpenFiles(options, random));
  return std::unique_ptr<CentralStore>(
      std::make_unique<SqliteCentralStore>(options, clock, std::move(files)));
}

}  // namespace edcsync::central
