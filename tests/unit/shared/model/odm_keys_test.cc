#include "shared/model/odm_keys.h"

#include <gtest/gtest.h>

#include "shared/base/limits.h"

namespace edcsync {
namespace {

RecordKey Key(std::string event, std::string event_repeat, std::string form,
              std::string form_repeat) {
  return {StudyOID("CDISCPILOT01"),   SubjectKey("01-702-1082"),
          StudyEventOID(event),       RepeatKey(event_repeat),
          FormOID(form),              RepeatKey(form_repeat)};
}

TEST(RecordKey, IsWrittenWithItsRepeatsOnlyWhereTheyAreNotOne) {
  EXPECT_EQ(ToString(Key("SE.WEEK_2", "1", "F.VS", "1")),
            "CDISCPILOT01/01-702-1082/SE.WEEK_2/F.VS");
  EXPECT_EQ(ToString(Key("SE.UNS", "3", "F.AE", "12")),
            "CDISCPILOT01/01-702-1082/SE.UNS:3/F.AE:12");
  EXPECT_EQ(ToString(Key("A/B:C%", "a b", "F", "\xC3\xA9")),
            "CDISCPILOT01/01-702-1082/A%2FB%3AC%25:a%20b/F:%C3%A9");
}

TEST(RecordKey, AnyBytePairInAPartSurvivesTheTextForm) {
  for (int first = 0x20; first < 0x7F; ++first) {
    for (int second = 0x20; second < 0x7F; ++second) {
      const std::string part{static_cast<char>(first), static_cast<char>(second)};
      RecordKey key = Key(part, part, part, part);
      key.study = StudyOID(part);
      key.subject = SubjectKey(part);
      const auto parsed = ParseRecordKey(ToString(key));
      ASSERT_TRUE(parsed.ok()) << part << ": " << parsed.error().ToString();
      ASSERT_EQ(*parsed, key) << part;
    }
  }
}

TEST(RecordKey, TextThatIsNoneIsRefused) {
  for (const char* text : {"", "S", "S/U/E", "S/U/E/F/X", "S//E/F", "S/U/E/", "S/U/E:/F",
                           "S/U/E/F%", "S/U/E/F%4", "S/U/E/F%zz", "S/U/E/F%0A", "S/U/E/F%00",
                           "S/U/E/F%FF", "S/U/E/F%ED%A0%80", "/U/E/F"}) {
    EXPECT_FALSE(ParseRecordKey(text).ok()) << text;
  }
  EXPECT_FALSE(ParseRecordKey("S/U/E/" + std::string(limits::kOidBytesMax + 1, 'F')).ok());
  EXPECT_TRUE(ParseRecordKey("S/U/E/" + std::string(limits::kOidBytesMax, 'F')).ok());
}

}  // namespace
}  // namespace edcsync
