// `certificate rotate`: what it leaves behind.
#include <sys/stat.h>

#include "tests/unit/central-gateway/app/command_fixture.h"

namespace edcsync::central {
namespace {

class RotationCommands : public CommandTest {};

// Root types the command, and the service runs under an account of its own: shut out of pki/former
// it opened no frame that an edge had sealed to the former certificate.
TEST_F(RotationCommands, TheFolderThatRootsRotationMakesIsTheServices) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  constexpr uid_t kService = 23456;  // Of no account here.
  const std::string pki = folder_ + "/gateway/pki";
  ASSERT_EQ(::chown(pki.c_str(), kService, kService), 0);
  ASSERT_EQ(Run({"certificate", "rotate"}).code, kExitOk);
  struct stat found {};
  ASSERT_EQ(::stat((pki + "/former").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, kService);
  EXPECT_EQ(found.st_mode & 07777, 0700u);
}

}  // namespace
}  // namespace edcsync::central
