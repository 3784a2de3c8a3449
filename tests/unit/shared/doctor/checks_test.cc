#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "shared/base/exit_code.h"
#include "shared/base/file.h"
#include "shared/doctor/clock_checks.h"
#include "shared/doctor/database_checks.h"
#include "shared/doctor/disk_checks.h"
#include "shared/doctor/file_checks.h"
#include "shared/doctor/finding.h"
#include "shared/doctor/support_bundle.h"
#include "shared/storage/database.h"

namespace edcsync::doctor {
namespace {

constexpr WallTime kNow{1'790'000'000'000};

class DoctorChecks : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(DoctorChecks, AWarningIsNoProblemUnlessAskedStrictly) {
  Diagnosis diagnosis;
  diagnosis.Add(Sound("a", "All is well."));
  EXPECT_EQ(diagnosis.ExitCode(true), kExitOk);
  diagnosis.Add(Warning("b", "Soon.", "Look."));
  EXPECT_EQ(diagnosis.ExitCode(false), kExitOk);
  EXPECT_EQ(diagnosis.ExitCode(true), kExitRefused);
  diagnosis.Add(Problem("c", "Now.", "Mend."));
  EXPECT_EQ(diagnosis.ExitCode(false), kExitRefused);
  diagnosis.SetUnconfigured();
  EXPECT_EQ(diagnosis.ExitCode(false), kExitUsage);
  EXPECT_EQ(diagnosis.ToJson()["checks"].size(), 3u);
  EXPECT_NE(diagnosis.ToText().find("-> Mend."), std::string::npos);
}

TEST_F(DoctorChecks, DriftIsSoundThenAWarningThenAProblem) {
  EXPECT_EQ(CheckDrift({}, kNow).verdict, Verdict::kNotChecked);
  EXPECT_EQ(CheckDrift({-300, kNow}, kNow).verdict, Verdict::kOk);
  EXPECT_EQ(CheckDrift({-20'000, kNow}, kNow).verdict, Verdict::kWarning);
  EXPECT_EQ(CheckDrift({400'000, kNow}, kNow).verdict, Verdict::kProblem);
  EXPECT_EQ(CheckDrift({0, WallTime{kNow.ms + 60'000}}, kNow).verdict, Verdict::kProblem);
}

TEST_F(DoctorChecks, AClockNobodyDisciplinesIsAWarning) {
  EXPECT_EQ(CheckKernelClock({}).verdict, Verdict::kNotChecked);
  EXPECT_EQ(CheckKernelClock({true, false, 0}).verdict, Verdict::kWarning);
  EXPECT_EQ(CheckKernelClock({true, true, 12}).verdict, Verdict::kOk);
}

TEST_F(DoctorChecks, CommitsAreMeasuredAndLeaveNoFile) {
  const SystemClock clock;
  const Result<CommitRate> rate = MeasureCommitRate(folder_, 50, clock);
  ASSERT_TRUE(rate.ok()) << rate.error().message;
  EXPECT_GT(rate->commits_per_s, 0);
  EXPECT_GE(rate->worst_us, rate->p50_us);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_EQ(CheckCommitRate("disk", CommitRate{3, 300'000, 400'000}).verdict, Verdict::kProblem);
  EXPECT_EQ(CheckCommitRate("disk", CommitRate{30, 30'000, 40'000}).verdict, Verdict::kWarning);
  EXPECT_EQ(CheckCommitRate("disk", CommitRate{3000, 300, 400}).verdict, Verdict::kOk);
  EXPECT_EQ(MeasureCommitRate(folder_ + "/absent", 1, clock).error().code, ErrorCode::kNotFound);
}

// Story: below the mark at which submissions are refused, the doctor spoke of a warning.
TEST_F(DoctorChecks, RoomIsJudgedByTheServicesMarksAndByFiles) {
  const std::uint64_t gib = 1ULL << 30;
  const auto verdict = [](std::uint64_t free_bytes, std::uint64_t free_files,
                          const DiskMarks& marks = {}) {
    const FileSystemRoom room{{free_bytes, 9 * gib}, free_files, free_files == 0 ? 0ULL : 2000};
    return CheckDiskRoom("d", "/d", room, marks).verdict;
  };
  EXPECT_EQ(verdict(5 * gib, 1000), Verdict::kOk);
  EXPECT_EQ(verdict(gib / 2, 1000), Verdict::kWarning);
  EXPECT_EQ(verdict(gib / 8, 1000), Verdict::kProblem);
  EXPECT_EQ(verdict(5 * gib, 1000, {6 * gib, 2 * gib, 100, 100}), Verdict::kWarning);
  EXPECT_EQ(verdict(gib, 1000, {6 * gib, 2 * gib, 100, 100}), Verdict::kProblem);
  EXPECT_EQ(verdict(5 * gib, 3), Verdict::kProblem);
  EXPECT_EQ(verdict(5 * gib, 0), Verdict::kOk);
}

TEST_F(DoctorChecks, ASecretIsItsOwnersAlone) {
  const std::string file = folder_ + "/secret";
  EXPECT_EQ(CheckSecret("s", "The secret", file, folder_).verdict, Verdict::kProblem);
  ASSERT_TRUE(WriteFile(file, "x", 0600, true).ok());
  EXPECT_EQ(CheckSecret("s", "The secret", file, folder_).verdict, Verdict::kOk);
  ::chmod(file.c_str(), 0604);
  const Finding others = CheckSecret("s", "The secret", file, folder_);
  EXPECT_EQ(others.verdict, Verdict::kProblem);
  EXPECT_NE(others.advice.find("chmod 0600 " + file), std::string::npos);
}

TEST_F(DoctorChecks, ABundleIsItsOwnersAloneAndReplacesNothing) {
  SupportBundle bundle;
  bundle.Add("a/b.txt", "content");
  bundle.AddJson("c.json", Result<Json>(Fail(ErrorCode::kNotFound, "nowhere")));
  const std::string file = folder_ + "/bundle.tar.gz";
  ASSERT_TRUE(bundle.WriteTo(file, "top", kNow).ok());
  EXPECT_EQ(static_cast<int>(std::filesystem::status(file).permissions()), 0600);
  EXPECT_EQ(bundle.WriteTo(file, "top", kNow).error().code, ErrorCode::kAlreadyExists);
}

// Story: a support bundle migrated the database that it was to describe, so that the former release
// could not be gone back to.
TEST_F(DoctorChecks, ADatabaseOfAnotherSchemaIsToldFromOneToOpen) {
  const std::string path = folder_ + "/data.db";
  DatabaseOptions options;
  options.path = path;
  ASSERT_TRUE(Database::Open(options).value()->Execute("PRAGMA user_version = 4").ok());
  EXPECT_TRUE(RequireSchemaVersion(path, 4).ok());
  EXPECT_EQ(RequireSchemaVersion(path, 3).error().code, ErrorCode::kSchemaTooNew);
  EXPECT_EQ(RequireSchemaVersion(path, 5).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(RequireSchemaVersion(folder_ + "/absent.db", 4).ok());
}

}  // namespace
}  // namespace edcsync::doctor
