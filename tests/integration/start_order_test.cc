// Broker, gateway and edge start in any sequence, and each goes and comes back later: they find each
// other by themselves, and what was captured at any moment arrives once.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/site_network.h"

namespace edcsync::testing {
namespace {

class Parts {
 public:
  Parts(Trial& trial, Site& site) : trial_(trial), site_(site) {}

  void Start(char part) {
    if (part == 'b') {
      broker_ = std::make_unique<Process>(
          std::vector<std::string>{"/usr/sbin/mosquitto", "-c",
                                   trial_.GatewayDir() + "/broker/mosquitto.conf"},
          trial_.LogOf("broker"));
    } else if (part == 'g') {
      gateway_ = std::make_unique<Process>(trial_.CommandLine({"run", "--outside-broker"}),
                                           trial_.LogOf("gateway"));
    } else {
      site_.Start();
    }
  }
  void Kill(char part) {
    if (part == 'b') broker_.reset();
    if (part == 'g') gateway_.reset();
    if (part == 'e') site_.Kill();
  }

 private:
  Trial& trial_;
  Site& site_;
  std::unique_ptr<Process> broker_, gateway_;
};

TEST(StartOrder, AnySequenceComesTogetherAndEachPartMayGoAndComeBack) {
  Trial trial;
  Site& tororo = trial.AddSite("tororo", "SITE.703");
  trial.StartGateway();  // Writes the broker's files.
  trial.StopGateway();
  const Lines lines = RecordsOf("SITE.703", 3);
  std::size_t taken = 0;
  const auto capture = [&](std::size_t count) {
    ASSERT_LE(taken + count, lines.size());
    tororo.Capture(Slice(lines, taken, count));
    taken += count;
  };
  std::string order = "beg";
  std::sort(order.begin(), order.end());
  do {
    SCOPED_TRACE("started in the order " + order);
    Parts parts(trial, tororo);
    for (const char part : order) {
      parts.Start(part);
      if (tororo.IsRunning()) capture(5);
    }
    tororo.AwaitDelivered();
    for (const char part : order) {  // Each goes, while the site captures, and comes back.
      parts.Kill(part);
      if (part != 'e') capture(5);
      parts.Start(part);
      capture(5);
      tororo.AwaitDelivered();
    }
    tororo.Stop();
  } while (std::next_permutation(order.begin(), order.end()));
  trial.StartGateway();
  tororo.Start();
  trial.ExpectEverythingOnce();
}

}  // namespace
}  // namespace edcsync::testing
