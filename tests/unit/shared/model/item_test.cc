#include "shared/model/item.h"

#include <gtest/gtest.h>

namespace edcsync {
namespace {

const ItemGroupKey kVitals{ItemGroupOID("IG.VS"), RepeatKey("1")};
const ItemGroupKey kVitals2{ItemGroupOID("IG.VS"), RepeatKey("2")};
const ItemPath kPulse{kVitals, ItemOID("IT.PULSE")};

TEST(Items, ADiffTurnsOneFormIntoTheOther) {
  const FormItems from{{kVitals, {{ItemOID("IT.PULSE"), "70"}, {ItemOID("IT.TEMP"), "37.0"}}}};
  const FormItems to{{kVitals, {{ItemOID("IT.PULSE"), std::nullopt}, {ItemOID("IT.NEW"), ""}}},
                     {kVitals2, {{ItemOID("IT.PULSE"), "70"}}}};
  const auto changes = Diff(from, to);
  EXPECT_EQ(changes.size(), 4u);
  EXPECT_EQ(changes.at(kPulse), (ItemState{true, std::nullopt}));
  EXPECT_EQ(changes.at({kVitals, ItemOID("IT.TEMP")}), ItemState{});
  FormItems built = from;
  for (const auto& [path, state] : changes) SetState(built, path, state);
  EXPECT_EQ(built, to);
  EXPECT_TRUE(Diff(to, built).empty());
}

TEST(Items, NotDoneEmptyAndAbsentAreThreeDifferentThings) {
  const FormItems absent;
  const FormItems not_done{{kVitals, {{ItemOID("IT.PULSE"), std::nullopt}}}};
  const FormItems empty{{kVitals, {{ItemOID("IT.PULSE"), ""}}}};
  EXPECT_EQ(Diff(absent, not_done).size(), 1u);
  EXPECT_EQ(Diff(not_done, empty).size(), 1u);
  EXPECT_EQ(Diff(empty, absent).size(), 1u);
  EXPECT_EQ(ToString(kPulse), "IG.VS[1]/IT.PULSE");
}

TEST(Items, TheRefusalNamesTheItemAndNeverItsValue) {
  const auto check = [](std::string value) {
    return CheckFormItems({{kVitals, {{ItemOID("IT.PULSE"), std::move(value)}}}});
  };
  EXPECT_TRUE(check(std::string("with\0null\n", 10)).ok());
  EXPECT_TRUE(check(std::string(limits::kValueBytesMax, 'x')).ok());
  const Status large = check(std::string(limits::kValueBytesMax + 1, 'x'));
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  const Status latin1 = check("secret\xE9");
  EXPECT_EQ(latin1.error().code, ErrorCode::kFieldInvalid);
  EXPECT_NE(latin1.error().message.find("IT.PULSE"), std::string::npos);
  EXPECT_EQ(latin1.error().message.find("secret"), std::string::npos);
}

// Two forms that differ by an empty group only would be a conflict that shows no item.
TEST(Items, AGroupWithoutItemsIsRefused) {
  EXPECT_EQ(CheckFormItems({{kVitals, {}}}).error().code, ErrorCode::kFieldInvalid);
  EXPECT_TRUE(CheckFormItems({}).ok());
}

}  // namespace
}  // namespace edcsync
