#include "central-gateway/store/account_table.h"

#include "schema/migrations.h"
#include "shared/storage/migration.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

class Accounts : public CentralStoreTest {
 protected:
  AccountRow Nakato() const {
    AccountRow account;
    account.user = "Nakato.R";
    account.full_name = "Rose Nakato";
    account.password_hash = "$argon2id$first";
    account.created_at = clock_.Wall();
    account.rights = {{Role::kDataManager, StudyOID("CDISCPILOT01"), SiteOID("Kisumu"), false},
                      {Role::kMonitor, StudyOID(), SiteOID("Tororo"), true}};
    return account;
  }

  using CentralStoreTest::Insert;
  void Insert(const AccountRow& account) {
    ExpectOk(store_->Write([&](CentralWriter& writer) { return writer.InsertAccount(account); }));
  }

  AccountRow Read(const std::string& user) {
    AccountRow account;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const std::optional<AccountRow> found, reader.FindAccount(user));
      if (!found) return Fail(ErrorCode::kNotFound, user);
      account = *found;
      return Ok();
    }));
    return account;
  }

  // What `sql` gives, each row's columns joined by "|".
  std::vector<std::string> Rows(const std::string& sql, const std::string& file = "central.db") {
    std::vector<std::string> rows;
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open((folder_ + "/" + file).c_str(), &raw), SQLITE_OK);
    const auto take = [](void* into, int count, char** texts, char**) {
      std::string row;
      for (int i = 0; i < count; ++i) {
        row += (i == 0 ? "" : "|") + std::string(texts[i] == nullptr ? "NULL" : texts[i]);
      }
      static_cast<std::vector<std::string>*>(into)->push_back(row);
      return 0;
    };
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), take, &rows, &message), SQLITE_OK) << message;
    sqlite3_free(message);
    sqlite3_close(raw);
    return rows;
  }

  // The database itself refuses, whoever asks.
  void ExpectAborted(const std::string& sql, const std::string& why) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/central.db").c_str(), &raw), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, &message), SQLITE_CONSTRAINT) << sql;
    EXPECT_EQ(std::string(message == nullptr ? "" : message), why) << sql;
    sqlite3_free(message);
    sqlite3_close(raw);
  }
};

TEST_F(Accounts, AnAccountIsReadBackWithItsRightsWhateverTheCaseOfItsName) {
  Insert(Nakato());
  const AccountRow account = Read("nakato.r");
  EXPECT_EQ(account.user, "Nakato.R");
  EXPECT_EQ(account.full_name, "Rose Nakato");
  EXPECT_EQ(account.password_hash, "$argon2id$first");
  EXPECT_TRUE(account.earlier_hashes.empty());
  EXPECT_TRUE(account.must_change_password);
  EXPECT_TRUE(account.active);
  EXPECT_EQ(account.failed_count, 0u);
  EXPECT_FALSE(account.locked_until);
  EXPECT_FALSE(account.last_log_in_at);
  EXPECT_EQ(account.created_at, clock_.Wall());
  EXPECT_EQ(account.credential_generation, 1u);
  EXPECT_EQ(account.rights, Nakato().rights);
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EXPECT_EQ(Must(reader.CredentialGeneration("NAKATO.R")), 1u);
    EXPECT_FALSE(Must(reader.CredentialGeneration("nobody")));
    EXPECT_FALSE(Must(reader.FindAccount("nobody")));
    EXPECT_EQ(Must(reader.ListAccounts()).size(), 1u);
    return Ok();
  }));
}

TEST_F(Accounts, WhatChangesIsStored) {
  Insert(Nakato());
  AccountRow changed = Nakato();
  changed.full_name = "Rose Nakato Okello";
  changed.password_hash = "$argon2id$second";
  changed.earlier_hashes = {"$argon2id$first", "$argon2id$zeroth"};
  changed.must_change_password = false;
  changed.active = false;
  changed.failed_count = 6;
  changed.locked_until = WallTime{clock_.Wall().ms + 120'000};
  changed.last_log_in_at = clock_.Wall();
  changed.credential_generation = 2;
  ExpectOk(store_->Write([&](CentralWriter& writer) { return writer.UpdateAccount(changed); }));
  const AccountRow account = Read("Nakato.R");
  EXPECT_EQ(account.full_name, changed.full_name);
  EXPECT_EQ(account.password_hash, changed.password_hash);
  EXPECT_EQ(account.earlier_hashes, changed.earlier_hashes);
  EXPECT_FALSE(account.must_change_password);
  EXPECT_FALSE(account.active);
  EXPECT_EQ(account.failed_count, 6u);
  EXPECT_EQ(account.locked_until, changed.locked_until);
  EXPECT_EQ(account.last_log_in_at, changed.last_log_in_at);
  EXPECT_EQ(account.credential_generation, 2u);
}

TEST_F(Accounts, ANameThatDiffersInItsCaseOnlyIsRefused) {
  Insert(Nakato());
  AccountRow twin = Nakato();
  twin.user = "nakato.R";
  const Status refused =
      store_->Write([&](CentralWriter& writer) { return writer.InsertAccount(twin); });
  EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
}

TEST_F(Accounts, TheGenerationNeverFalls) {
  AccountRow account = Nakato();
  account.credential_generation = 5;
  Insert(account);
  account.credential_generation = 4;
  const Status refused =
      store_->Write([&](CentralWriter& writer) { return writer.UpdateAccount(account); });
  EXPECT_EQ(refused.error().code, ErrorCode::kInvariant);
  ExpectAborted("UPDATE account SET credential_generation = 4",
                "an account keeps its name, and its generation only rises");
}

TEST_F(Accounts, ARightThatEndsStaysReadableAndOneThatStaysIsNotTouched) {
  Insert(Nakato());
  const std::int64_t began = clock_.Wall().ms;
  clock_.Advance(1000);
  const RightRow kept = Nakato().rights[0];
  const RightRow added{Role::kOperator, StudyOID(), SiteOID(), false};
  ExpectOk(store_->Write([&](CentralWriter& writer) {
    return writer.SetRights("nakato.r", {kept, added});
  }));
  EXPECT_EQ(Read("Nakato.R").rights, (std::vector{kept, added}));
  const std::string then = std::to_string(began), now = std::to_string(began + 1000);
  EXPECT_EQ(
      Rows("SELECT role, study_oid, site_oid, sees_blinded, from_ms, ended_at_ms "
           "FROM account_right ORDER BY right_rowid"),
      (std::vector<std::string>{"1|CDISCPILOT01|Kisumu|0|" + then + "|NULL",
                                "2||Tororo|1|" + then + "|" + now, "3|||0|" + now + "|NULL"}));
}

TEST_F(Accounts, ARightIsStoredOnceOnly) {
  AccountRow account = Nakato();
  account.rights.push_back(account.rights[0]);
  const Status refused =
      store_->Write([&](CentralWriter& writer) { return writer.InsertAccount(account); });
  EXPECT_EQ(refused.error().code, ErrorCode::kFieldInvalid);
}

TEST_F(Accounts, SavedViewsAreReplacedInTheirOrder) {
  Insert(Nakato());
  const std::vector<SavedViewRow> first{{"Mine", "assignee=me"}, {"Hard", "severity=hard"}};
  const std::vector<SavedViewRow> second{{"Kisumu", "site=Kisumu"}};
  for (const auto& views : {first, second}) {
    ExpectOk(store_->Write(
        [&](CentralWriter& writer) { return writer.PutSavedViews("nakato.r", views); }));
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EXPECT_EQ(Must(reader.ListSavedViews("Nakato.R")), views);
      EXPECT_TRUE(Must(reader.ListSavedViews("nobody")).empty());
      return Ok();
    }));
  }
}

TEST_F(Accounts, WhatIsNotThereIsNotFound) {
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EXPECT_EQ(writer.UpdateAccount(Nakato()).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(writer.SetRights("nobody", {}).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(writer.PutSavedViews("nobody", {}).error().code, ErrorCode::kNotFound);
    return Ok();
  }));
}

TEST_F(Accounts, TheDatabaseKeepsAccountsAndRightsWhoeverAsks) {
  Insert(Nakato());
  ExpectAborted("DELETE FROM account", "accounts are deactivated, never removed");
  ExpectAborted("UPDATE account SET user = 'other'",
                "an account keeps its name, and its generation only rises");
  ExpectAborted("DELETE FROM account_right", "rights end, and are kept");
  ExpectAborted("UPDATE account_right SET role = 4",
                "a right stands as it was given until it ends");
  ExpectAborted(
      "UPDATE account_right SET ended_at_ms = 1; "
      "UPDATE account_right SET ended_at_ms = NULL",
      "a right stands as it was given until it ends");
  for (const char* name : {"", "a b", "a/b", "\u00e9"}) {
    ExpectAborted("INSERT INTO account VALUES (NULL, '" + std::string(name) +
                      "', 'x', 'x', '', 1, 1, 0, NULL, NULL, 1, 1)",
                  "CHECK constraint failed: length(user) BETWEEN 1 AND 64\n"
                  "                               AND user NOT GLOB '*[^A-Za-z0-9._@-]*'");
  }
}

TEST_F(Accounts, ALinkToAProviderIsBoundOnceEndsOnceAndIsKept) {
  Insert(Nakato());
  const auto write = [&](const CentralStore::Work& work) { return store_->Write(work); };
  ExpectOk(write([](CentralWriter& writer) {
    return writer.LinkAccount("nakato.r", "https://id.example", "R.Nakato");
  }));
  EXPECT_EQ(Read("nakato.r").identity->subject, "");
  ExpectOk(write([](CentralWriter& writer) { return writer.BindAccount("NAKATO.R", "sub-1"); }));
  const AccountRow bound = Read("nakato.r");
  EXPECT_EQ(bound.identity->subject, "sub-1");
  EXPECT_EQ(bound.identity->bound_at, clock_.Wall());
  const Status twice =
      write([](CentralWriter& writer) { return writer.BindAccount("nakato.r", "sub-2"); });
  EXPECT_EQ(twice.error().code, ErrorCode::kStale);
  AccountRow other = Nakato();
  other.user = "okello";
  Insert(other);
  const Status same_name = write([](CentralWriter& writer) {
    return writer.LinkAccount("okello", "https://id.example", "r.nakato");
  });
  EXPECT_EQ(same_name.error().code, ErrorCode::kAlreadyExists);
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    const std::string issuer = "https://id.example";
    EXPECT_EQ(Must(reader.FindAccountBySubject(issuer, "sub-1"))->user, "Nakato.R");
    EXPECT_EQ(Must(reader.FindAccountByProviderName(issuer, "r.NAKATO"))->user, "Nakato.R");
    EXPECT_FALSE(Must(reader.FindAccountBySubject(issuer, "SUB-1")));
    EXPECT_FALSE(Must(reader.FindAccountBySubject("https://elsewhere.example", "sub-1")));
    return Ok();
  }));
  ExpectAborted("UPDATE account_identity SET subject = 'sub-2'",
                "a link is bound once, and ends once");
  ExpectAborted("UPDATE account_identity SET name = 'x'", "a link is bound once, and ends once");
  ExpectAborted("DELETE FROM account_identity", "links end, and are kept");
  ExpectOk(write([](CentralWriter& writer) { return writer.UnlinkAccount("nakato.r"); }));
  EXPECT_FALSE(Read("nakato.r").identity);
  ExpectAborted("UPDATE account_identity SET ended_at_ms = NULL",
                "a link is bound once, and ends once");
  // Its subject may be bound anew, for an account that is linked anew.
  ExpectOk(write([](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.LinkAccount("okello", "https://id.example", "r.nakato"));
    return writer.BindAccount("okello", "sub-1");
  }));
  EXPECT_EQ(Rows("SELECT count(*) FROM account_identity"), std::vector<std::string>{"2"});
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

// The store of release 0.1.0 has the tables of 0001_initial.sql only.
class FirstRelease : public Accounts {
 protected:
  // Takes away what later migrations made, and shows that what is left is what 0001 makes.
  void MakeOfFirstRelease() {
    store_.reset();
    Damage(
        "DROP TABLE edge_credential; DROP TABLE invitation; "
        "DROP TABLE reconciliation_difference; DROP TABLE reconciliation; "
        "DROP INDEX record_of_site; "
        "DROP TABLE notice_delivery; DROP TABLE notice_message; DROP TABLE notice; "
        "DROP TABLE notice_state; DROP TABLE notice_channel; DROP TABLE notice_edge; "
        "DROP TABLE reopening; DROP TABLE proposal; DROP TABLE study_setting; DROP TABLE signature; "
        "DROP INDEX conflict_of_record; "
        "DROP TRIGGER conflict_opens; DROP TRIGGER conflict_changes; DROP TRIGGER conflict_ends; "
        "DROP TABLE open_conflict; "
        "DROP TABLE conflict_work; "
        "DROP TABLE saved_view; DROP TABLE account_right; DROP TABLE account_identity; "
        "DROP TABLE account; "
        "ALTER TABLE data_key DROP COLUMN wrapped_by; "
        "ALTER TABLE data_key DROP COLUMN wrapped_at_ms; "
        "PRAGMA user_version = 1;");
    {
      DatabaseOptions options;
      options.path = folder_ + "/first.db";
      const auto database = Database::Open(options);
      ASSERT_TRUE(database.ok());
      ExpectOk(Migrate(**database, schema::CentralMigrations().first(1)));
    }
    const std::string schema = "SELECT type, name, sql FROM sqlite_master ORDER BY name";
    EXPECT_EQ(Rows(schema), Rows(schema, "first.db"));
    EXPECT_EQ(Rows("PRAGMA user_version", "first.db"), std::vector<std::string>{"1"});
  }
};

TEST_F(FirstRelease, AStoreOfItIsMigratedKeepsEverythingAndTakesAccounts) {
  const KnownRevision first = Make("702-1082", "F.VS", {}, 1, "72");
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(Insert(writer, first));
    EDCSYNC_TRY(Insert(writer, Make("702-1082", "F.VS", {}, 1, "73")));
    EDCSYNC_TRY(ConflictOver(writer, first.revision.key, {"IG.VS/IT.PULSE"}));
    return Ok();
  }));
  MakeOfFirstRelease();
  const std::vector<std::string> tables =
      Rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  std::map<std::string, std::vector<std::string>> before;
  const auto all_of = [](const std::string& table) {
    return table != "data_key" ? "SELECT * FROM " + table
                               : "SELECT data_key_id, wrapped, uses_reserved, created_at_ms FROM "
                                 "data_key";
  };
  for (const std::string& table : tables) before[table] = Rows(all_of(table));
  ASSERT_EQ(before["revision"].size(), 2u);

  store_ = OpenStore("gateway-1");
  EXPECT_EQ(Rows("PRAGMA user_version"),
            std::vector<std::string>{std::to_string(schema::CentralMigrations().size())});
  for (const std::string& table : tables) {
    EXPECT_EQ(Rows(all_of(table)), before[table]) << table;
  }
  EXPECT_EQ(Findings(), std::vector<std::string>{});
  EXPECT_EQ(Rows("SELECT subject_key || severity FROM open_conflict"),
            std::vector<std::string>{"702-10822"});
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EXPECT_EQ(Must(reader.FindRevision(first.id))->known.revision, first.revision);
    return Ok();
  }));
  Accounts::Insert(Nakato());
  EXPECT_EQ(Read("nakato.r").user, "Nakato.R");
  EXPECT_EQ(Findings(), std::vector<std::string>{});
}

}  // namespace
}  // namespace edcsync::central
