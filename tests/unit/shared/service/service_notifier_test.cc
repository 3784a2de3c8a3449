#include "shared/service/service_notifier.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "tests/support/virtual_scheduler.h"

namespace edcsync {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

// The service manager's end of the notify socket.
class Notifier : public ::testing::Test {
 protected:
  Notifier() {
    std::string pattern = ::testing::TempDir() + "notify-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    const std::string path = folder_ + "/socket";
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "90000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  }
  ~Notifier() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    ::close(socket_);
    std::filesystem::remove_all(folder_);
  }

  std::vector<std::string> Heard() {
    std::vector<std::string> messages;
    char buffer[512];
    for (ssize_t size = 0; (size = ::recv(socket_, buffer, sizeof(buffer), 0)) >= 0;) {
      messages.emplace_back(buffer, static_cast<std::size_t>(size));
    }
    return messages;
  }

  std::string folder_;
  int socket_ = -1;
  testing::VirtualClock clock_;
  testing::VirtualScheduler loop_{clock_};
};

TEST_F(Notifier, ReadyIsToldOnceTheServiceSaysSo) {
  ServiceNotifier notifier(loop_);
  EXPECT_TRUE(Heard().empty());
  notifier.Ready("Captures for site SITE.702");
  EXPECT_EQ(Heard(), std::vector<std::string>{"READY=1\nSTATUS=Captures for site SITE.702"});
}

TEST_F(Notifier, TheLoopPingsThreeTimesInTheWatchdogsTime) {
  ServiceNotifier notifier(loop_);
  notifier.Ready("x");
  static_cast<void>(Heard());
  loop_.RunFor(90 * kSecondUs);
  EXPECT_EQ(Heard(), (std::vector<std::string>{"WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"}));
}

TEST_F(Notifier, ALoopThatRunsNothingPingsNothing) {
  ServiceNotifier notifier(loop_);
  notifier.Ready("x");
  static_cast<void>(Heard());
  clock_.MoveTo(600 * kSecondUs);  // Time passes, and no handler runs.
  EXPECT_TRUE(Heard().empty());
}

TEST_F(Notifier, StoppingIsToldOnceAndEndsThePings) {
  ServiceNotifier notifier(loop_);
  notifier.Ready("x");
  static_cast<void>(Heard());
  notifier.Stopping();
  notifier.Stopping();
  loop_.RunFor(600 * kSecondUs);
  EXPECT_EQ(Heard(), std::vector<std::string>{"STOPPING=1\nSTATUS=Stopping"});
}

TEST_F(Notifier, WithoutAServiceManagerNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  ServiceNotifier notifier(loop_);
  notifier.Ready("x");
  loop_.RunFor(600 * kSecondUs);
  notifier.Stopping();
  EXPECT_TRUE(Heard().empty());
}

}  // namespace
}  // namespace edcsync
