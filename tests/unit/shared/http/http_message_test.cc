#include "shared/http/http_message.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace edcsync {
namespace {

TEST(Problem, CarriesTheErrorAsRfc9457Says) {
  const HttpResponse response = Problem({ErrorCode::kLocked, "Record 701-1015 \"AE\" is locked"});
  EXPECT_EQ(response.status, 423);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body, (nlohmann::json{{"type", "urn:edcsync:error:locked"},
                                  {"title", std::string(Describe(ErrorCode::kLocked).advice)},
                                  {"status", 423},
                                  {"detail", "Record 701-1015 \"AE\" is locked"},
                                  {"code", 110}}));
}

TEST(Problem, AMessageThatIsNotUtf8StillMakesValidJson) {
  const HttpResponse response = Problem({ErrorCode::kMalformed, "byte \xFF here"});
  EXPECT_TRUE(nlohmann::json::accept(response.body));
}

TEST(PercentDecode, DecodesEitherCaseAndLeavesPlusAlone) {
  EXPECT_EQ(PercentDecode("a%2Fb%2fc+d"), "a/b/c+d");
  EXPECT_EQ(PercentDecode("%00"), std::string(1, '\0'));
  EXPECT_EQ(PercentDecode(""), "");
}

TEST(PercentDecode, BrokenEscapesAreRefused) {
  for (const char* text : {"%", "%2", "a%", "a%2", "%G0", "%0G", "%%41", "% 1", "%+1"}) {
    EXPECT_EQ(PercentDecode(text), std::nullopt) << text;
  }
}

TEST(HttpRequest, GivesTheFirstOfSeveralValuesAndNothingForNone) {
  HttpRequest request;
  request.query = {{"state", "open"}, {"state", "closed"}};
  EXPECT_EQ(request.Query("state"), "open");
  EXPECT_EQ(request.Query("stat"), "");
  EXPECT_EQ(request.Header("accept"), "");
}

}  // namespace
}  // namespace edcsync
