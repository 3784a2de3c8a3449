// A central store with people, whose passwords are hashed cheaply.
#pragma once

#include <gmock/gmock.h>

#include <iterator>

#include "central-gateway/people/accounts.h"
#include "central-gateway/people/authentication.h"
#include "central-gateway/people/sessions.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {

inline PasswordHasherOptions Cheap() {
  PasswordHasherOptions options;
  options.passes = 1;
  options.memory_bytes = 8192;
  return options;
}

inline const RightRow kAdministratorRight{Role::kAdministrator, StudyOID(), SiteOID(), false};
inline const RightRow kKisumuManager{Role::kDataManager, StudyOID(), SiteOID("Kisumu"), false};

// Of a result that must be an error.
template <class T>
ErrorCode CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result.ok());
  return result.ok() ? ErrorCode::kInternal : result.error().code;
}

// A store where something else is committed just before the next write, as by another process.
class Overtaken final : public CentralStore {
 public:
  Overtaken(CentralStore& store, std::function<void()> first)
      : store_(store), first_(std::move(first)) {}

  Status Submit(Work work, Done done, std::size_t bytes) override {
    return store_.Submit(std::move(work), std::move(done), bytes);
  }
  Status Write(Work work) override {
    if (const auto first = std::exchange(first_, nullptr)) first();
    return store_.Write(std::move(work));
  }
  Status Read(const std::function<Status(CentralReader&)>& read) override {
    return store_.Read(read);
  }
  Result<std::size_t> RewrapKeys(WrappingKey& next, const std::string& actor,
                                 const std::string& detail) override {
    return store_.RewrapKeys(next, actor, detail);
  }
  Result<FieldCipher::Keys> DescribeKeys() override { return store_.DescribeKeys(); }
  Status Backup(const std::string& path, const std::function<void(int)>& progress) override {
    return store_.Backup(path, progress);
  }
  Result<std::vector<std::string>> Check(
      const std::function<void(std::string_view, int)>& progress) override {
    return store_.Check(progress);
  }
  Result<std::vector<std::string>> VerifyAudit(
      std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) override {
    return store_.VerifyAudit(entry_count, progress);
  }

 private:
  CentralStore& store_;
  std::function<void()> first_;
};

class PeopleTest : public CentralStoreTest {
 protected:
  // Returns the first password.
  std::string Add(const std::string& user, std::vector<RightRow> rights = {kKisumuManager}) {
    return Must(AddAccount(*store_, hasher_, random_, {user, "Full Name", std::move(rights)},
                           "root"))
        .password;
  }

  AccountRow Read(const std::string& user) { return Must(FindAccount(*store_, user)); }

  struct Told {
    std::string actor, action, object, detail;
    friend bool operator==(const Told&, const Told&) = default;
  };
  // The audit entries about `object`, oldest first.
  std::vector<Told> AuditOf(const std::string& object) {
    std::vector<Told> told;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      for (const AuditEntry& entry : Must(reader.ListAudit(object, 0, 1000))) {
        told.push_back({entry.actor, entry.action, entry.object, entry.detail});
      }
      return Ok();
    }));
    return told;
  }
  std::vector<std::string> ActionsOn(const std::string& object) {
    std::vector<std::string> actions;
    for (const Told& told : AuditOf(object)) actions.push_back(told.action);
    return actions;
  }

  // Whether `text` stands anywhere in the files of the store.
  bool StandsOnDisk(const std::string& text) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(file), {}};
      if (content.find(text) != std::string::npos) return true;
    }
    return false;
  }

  PasswordHasher hasher_{Cheap()};
};

}  // namespace edcsync::central
