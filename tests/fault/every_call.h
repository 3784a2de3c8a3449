// Runs one operation of a store again and again, each time with a fault at another call to its
// disk: the first, the second, and so on until the operation ends without having been struck.
//
//   an error once, a full disk once      the process goes on
//   an error for good                    the process ends in it, and is started anew
//   a power cut (by two seeds), a kill   the machine is started anew; not at reads, where the disk
//                                        is as at the next call that changes it
//
// The calls of closing the store afterwards count too.
//
// After each: what was told done is done; what was told failed is done wholly or not at all; the
// store opens; its own check finds nothing; and repeating the operation has its effect once.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>

#include "shared/base/check.h"
#include "shared/base/status.h"
#include "tests/support/sim_disk.h"
#include "tests/support/slowdown.h"

namespace edcsync::testing {

// A machine with one store on the disk given, and the operation upon it.
class FaultWorld {
 public:
  virtual ~FaultWorld() = default;
  virtual Status Open() = 0;
  virtual void Close() = 0;
  // Ok: its effect is durable. It may be repeated, by whatever way its user would repeat it.
  virtual Status Operate() = 0;
  // All the operation changes, without what differs from run to run (ids, salts).
  virtual std::string Look() = 0;
  // What the store's own check finds.
  virtual Result<std::vector<std::string>> Check() = 0;
  // False: the operation asks the disk for no space, so that a full one is not met.
  virtual bool NeedsSpace() const { return true; }
  // Where the operation is more than one transaction: whether Look() may show this between them.
  virtual bool IsBetween(const std::string&) { return false; }
};

// As World, but the operation begins with the start of the program. The store's member is
// `store_`.
template <class World>
class FromItsStart : public World {
 public:
  using World::World;
  Status Open() override { return Ok(); }
  Status Operate() override {
    if (this->store_ == nullptr) {
      const Status opened = World::Open();
      if (!opened.ok()) {
        this->Close();
        return opened;
      }
    }
    return World::Operate();
  }
  Result<std::vector<std::string>> Check() override {
    if (this->store_ == nullptr) return std::vector<std::string>{};
    return World::Check();
  }
};

// The folder of what does not lie on the simulated disk: keys.
class FaultFolder {
 public:
  FaultFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~FaultFolder() { std::filesystem::remove_all(path); }
  FaultFolder(const FaultFolder&) = delete;
  FaultFolder& operator=(const FaultFolder&) = delete;

  std::string path;
};

inline std::string Describe(const Status& status) {
  return status.ok() ? "ok" : status.error().ToString();
}

class EveryCall {
 public:
  using Fault = SimDisk::Fault;
  using MakeWorld = std::function<std::unique_ptr<FaultWorld>(SimDisk&)>;
  static constexpr std::uint64_t kPowerCutSeeds = kSlowdown > 1 ? 1 : 2;

  // `make` gives a closed world on the disk it is given; `begin` is that disk's content.
  EveryCall(MakeWorld make, SimDisk::Files begin)
      : make_(std::move(make)), begin_(std::move(begin)) {}

  void Run() {
    ASSERT_NO_FATAL_FAILURE(RunClean());
    struct Kind {
      const char* name;
      Fault fault;
      bool goes_on;  // In the same process, once the fault is over.
      std::uint64_t seeds;
    };
    std::uint64_t covered_sum = 0;
    for (const Kind& kind : {Kind{"error once", Fault::kErrorOnce, true, 1},
                             Kind{"error for good", Fault::kErrorForGood, false, 1},
                             Kind{"full once", Fault::kFullOnce, true, 1},
                             Kind{"kill", Fault::kKill, false, 1},
                             Kind{"power cut", Fault::kPowerCut, false, kPowerCutSeeds}}) {
      covered_ = 0;
      for (std::uint64_t seed = 1; seed <= kind.seeds; ++seed) {
        // Under a sanitizer only some of the calls, other ones for each seed.
        for (std::uint64_t n = 1 + (seed - 1) % kSlowdown;; n += kSlowdown) {
          SCOPED_TRACE(std::string(kind.name) + " at call " + std::to_string(n) + ", seed " +
                       std::to_string(seed));
          bool struck = false;
          RunOnce(kind.fault, kind.goes_on, seed, n, struck);
          if (::testing::Test::HasFailure()) return;
          if (!struck) break;
        }
      }
      EXPECT_EQ(covered_ > 0, kind.fault != Fault::kFullOnce || needs_space_) << kind.name;
      std::printf("  %-16s struck %5llu times\n", kind.name,
                  static_cast<unsigned long long>(covered_));
      covered_sum += covered_;
    }
    ::testing::Test::RecordProperty("fault_points", static_cast<int>(covered_sum));
  }

 private:
  void RunClean() {
    SimDisk disk("fault", 1);
    disk.Put(begin_);
    const std::unique_ptr<FaultWorld> world = make_(disk);
    ASSERT_EQ(Describe(world->Open()), "ok");
    needs_space_ = world->NeedsSpace();
    before_ = world->Look();
    ASSERT_EQ(Describe(world->Operate()), "ok");
    after_ = world->Look();
    ExpectSound(*world);
    world->Close();
    ASSERT_NE(before_, after_);
  }

  void RunOnce(Fault fault, bool goes_on, std::uint64_t seed, std::uint64_t n, bool& struck) {
    SimDisk disk("fault", seed * 100'000 + n);
    disk.Put(begin_);
    const std::unique_ptr<FaultWorld> world = make_(disk);
    ASSERT_EQ(Describe(world->Open()), "ok");
    disk.FailCall(n, fault);
    const Status done = world->Operate();
    // Closing writes too, and may be struck; then there is no going on.
    const bool restarts = !goes_on || !disk.fault_struck();
    if (restarts) world->Close();
    struck = disk.fault_struck();
    disk.Mend();
    if (!struck) {
      EXPECT_EQ(Describe(done), "ok");
      return;
    }
    // The disk is as it is before the next call that changes it, which has a run of its own.
    if (disk.dead() && disk.struck_call() == SimDisk::Call::kRead) return;
    ++covered_;
    if (restarts) {
      disk.Restart();
      ASSERT_EQ(Describe(world->Open()), "ok");
    }
    ExpectDoneOnce(*world, done);
    world->Close();
    if (restarts) return;
    // What the process went on with is what another finds.
    ASSERT_EQ(Describe(world->Open()), "ok");
    EXPECT_EQ(world->Look(), after_);
    ExpectSound(*world);
    world->Close();
  }

  void ExpectDoneOnce(FaultWorld& world, const Status& done) {
    const std::string seen = world.Look();
    if (done.ok()) {
      EXPECT_EQ(seen, after_) << "it was told done";
    } else if (seen != before_ && seen != after_) {
      EXPECT_TRUE(world.IsBetween(seen))
          << "half done: " << seen << "\nbefore: " << before_ << "\nafter:  " << after_
          << "\ntold:   " << Describe(done);
    }
    ExpectSound(world);
    EXPECT_EQ(Describe(world.Operate()), "ok") << "the repeat, after " << Describe(done);
    EXPECT_EQ(world.Look(), after_) << "after the repeat";
    ExpectSound(world);
  }

  static void ExpectSound(FaultWorld& world) {
    const Result<std::vector<std::string>> findings = world.Check();
    ASSERT_TRUE(findings.ok()) << findings.error().ToString();
    EXPECT_EQ(*findings, std::vector<std::string>{});
  }

  MakeWorld make_;
  SimDisk::Files begin_;
  std::string before_, after_;
  bool needs_space_ = true;
  std::uint64_t covered_ = 0;  // Of the kind that runs.
};

}  // namespace edcsync::testing
