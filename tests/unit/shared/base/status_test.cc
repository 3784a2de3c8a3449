#include "shared/base/status.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace edcsync {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Fail(ErrorCode::kFieldInvalid, "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  EDCSYNC_ASSIGN(const int half, Half(value));
  EDCSYNC_ASSIGN(const int quarter, Half(half));
  return quarter;
}

TEST(Result, AnErrorTravelsThroughAssignUnchanged) {
  EXPECT_EQ(*Quarter(8), 2);
  ASSERT_FALSE(Quarter(6).ok());
  EXPECT_EQ(Quarter(6).error().code, ErrorCode::kFieldInvalid);
  EXPECT_EQ(Quarter(6).error().message, "odd");
}

TEST(Result, TryReturnsTheFirstErrorAndGoesNoFurther) {
  int calls = 0;
  const auto run = [&](bool fails) -> Status {
    EDCSYNC_TRY(fails ? Status(Fail(ErrorCode::kBusy, "busy")) : Ok());
    ++calls;
    return Ok();
  };
  EXPECT_EQ(run(true).error().code, ErrorCode::kBusy);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(run(false).ok());
  EXPECT_EQ(calls, 1);
}

TEST(Errors, AreReadAsSentencesWithNumberAndAdvice) {
  const Error error{ErrorCode::kOutboxFull, "1000000 revisions wait"};
  EXPECT_EQ(error.ToString(),
            "outbox_full (201): 1000000 revisions wait. Restore the link so that the outbox "
            "drains.");
}

TEST(Errors, NumbersRiseAndNamesAreUnique) {
  std::set<std::string_view> names;
  unsigned last = 0;
  for (const ErrorInfo& info : AllErrors()) {
    const auto number = static_cast<unsigned>(info.code);
    EXPECT_GT(number, last);
    last = number;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_GE(info.http_status, 400);
    EXPECT_LT(info.http_status, 600);
    EXPECT_EQ(FindError(static_cast<std::uint16_t>(number)), &info);
  }
  EXPECT_EQ(FindError(0), nullptr);
  EXPECT_EQ(FindError(65535), nullptr);
}

TEST(Errors, TheDocumentListsExactlyTheErrorsOfTheCode) {
  std::vector<std::string> expected;
  for (const ErrorInfo& info : AllErrors()) {
    expected.push_back("| " + std::to_string(static_cast<unsigned>(info.code)) + " | " +
                       std::string(info.name) + " | " + std::string(ToString(info.retry)) + " | " +
                       std::to_string(info.http_status) + " | " + std::string(info.advice) + " |");
  }
  std::ifstream file(EDCSYNC_SOURCE_DIR "/schema/errors.md");
  ASSERT_TRUE(file.is_open());
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.size() > 2 && line[0] == '|' && line[2] >= '0' && line[2] <= '9') rows.push_back(line);
  }
  ASSERT_EQ(rows.size(), expected.size());
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], expected[i]);
}

}  // namespace
}  // namespace edcsync
