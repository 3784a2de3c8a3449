#include "shared/doctor/redaction.h"

#include <gtest/gtest.h>

namespace edcsync::doctor {
namespace {

bool Holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Redaction, OfAConfigurationKeepsNamesAddressesAndNumbersOnly) {
  const std::string shown = RedactConfiguration(R"(
# the old password was hunter2
[edge]
id = "kisumu"          # hunter2
passwrod = "hunter2"
[http]
port = 8470
[[notices.webhook]]
url = "https://me:hunter2@chat.example.org:444/hooks/hunter2?token=hunter2"
secret_file = "hook.secret"
[keys]
uri = "pkcs11:token=edcsync;object=kek?pin-value=hunter2"
)");
  EXPECT_FALSE(Holds(shown, "hunter2")) << shown;
  for (const char* kept : {"kisumu", "8470", "https://chat.example.org:444/(left out)", "hook.secret",
                           "pkcs11:token=edcsync;object=kek"}) {
    EXPECT_TRUE(Holds(shown, kept)) << kept << "\n" << shown;
  }
}

TEST(Redaction, OfWhatIsNoTomlKeepsNothing) {
  const std::string shown = RedactConfiguration("[edge\npassword = hunter2");
  EXPECT_FALSE(Holds(shown, "hunter2"));
  EXPECT_TRUE(Holds(shown, "line 1")) << shown;
}

TEST(Redaction, OfALogDropsSubjectsUsersAndForeignLines) {
  const std::string shown = RedactJsonLog(
      R"({"event":"capture.done","subject_key":"01-702","ms":3,"error":{"user":"nurse","code":5}})"
      "\nvalue 136 of somebody\n"
      R"({"event":"x","why":"There is no record S/01-702/E:1/F:1 in /var/lib/edcsync/a/b.db"})" "\n",
      100'000);
  EXPECT_FALSE(Holds(shown, "01-702")) << shown;
  EXPECT_FALSE(Holds(shown, "nurse"));
  EXPECT_FALSE(Holds(shown, "136"));
  for (const char* kept : {"capture.done", "\"ms\":3", "\"code\":5", "(record)",
                           "/var/lib/edcsync/a/b.db", "\"left_out_lines\":1"}) {
    EXPECT_TRUE(Holds(shown, kept)) << kept << "\n" << shown;
  }
}

TEST(Redaction, OfALongLogKeepsItsLastWholeLines) {
  std::string log;
  for (int i = 0; i < 1000; ++i) log += "{\"event\":\"e" + std::to_string(i) + "\"}\n";
  const std::string shown = RedactJsonLog(log, 100);
  EXPECT_LE(shown.size(), 100u);
  EXPECT_TRUE(Holds(shown, "e999"));
  EXPECT_FALSE(Holds(shown, "left_out"));
}

TEST(Redaction, OfABrokersLogDropsLinesAboutMessages) {
  const std::string shown = RedactBrokerLog(
      "1: New client connected from 127.0.0.1:1 as kisumu-1 (p5, c1, k60, u'kisumu').\n"
      "2: Sending PUBLISH to kisumu (d0, q1, 'edcsync/v1/down/kisumu', ... (99 bytes))\n", 10'000);
  EXPECT_TRUE(Holds(shown, "New client connected"));
  EXPECT_FALSE(Holds(shown, "PUBLISH"));
}

}  // namespace
}  // namespace edcsync::doctor
