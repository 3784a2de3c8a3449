// An edge's store on a simulated disk, for the tests that fail its calls.
#pragma once

#include "edge-agent/capture/capture.h"
#include "tests/fault/every_call.h"
#include "tests/fault/look.h"
#include "tests/support/manual_clock.h"

namespace edcsync::edge {

inline constexpr char kEdgePath[] = "/edge/edge.db";

inline Submission PulseOf(const std::string& subject, const std::string& value) {
  Submission submission;
  submission.key = {StudyOID("CDISCPILOT01"), SubjectKey(subject), StudyEventOID("SE.WEEK_2"),
                    RepeatKey("1"),           FormOID("F.VS"),     RepeatKey("1")};
  submission.site = SiteOID("SITE.702");
  submission.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.VS.PULSE")] = value;
  submission.user = "achieng";
  submission.reason_for_change = "read again";
  return submission;
}

// An edge's store on the disk; the operation comes with the class derived.
class EdgeFaultWorld : public testing::FaultWorld {
 public:
  EdgeFaultWorld(testing::SimDisk& disk, const testing::FaultFolder& folder, std::uint64_t seed = 2)
      : disk_(disk), random_(seed) {
    options_.path = kEdgePath;
    options_.key_file = folder.path + "/edge.key";
    options_.edge = EdgeId("kisumu-1");
    options_.site = SiteOID("SITE.702");
    options_.vfs = disk.vfs();
  }

  Status Open() override {
    EDCSYNC_ASSIGN(store_, EdgeStore::Open(options_, clock_, random_));
    return Ok();
  }
  void Close() override { store_.reset(); }
  std::string Look() override {
    return testing::LookAt(disk_, kEdgePath,
                  {"SELECT acknowledged_through, feed_cursor, last_edit_ms > 0 FROM checkpoint",
                   "SELECT current_version, length(heads) / 32, removed FROM record ORDER BY 1, 2",
                   "SELECT outcome, reason FROM outbox",
                   "SELECT action FROM audit ORDER BY number"});
  }
  Result<std::vector<std::string>> Check() override { return store_->Check({}); }

  Status Capture(const std::vector<Submission>& submissions) {
    std::vector<Result<Submission>> all(submissions.begin(), submissions.end());
    edge::Capture capture(*store_, {});
    for (const CaptureOutcome& outcome : capture.SubmitAll(std::move(all))) {
      // Sent again after an answer that was lost: it is there.
      if (outcome.kind == CaptureOutcome::Kind::kCaptured ||
          outcome.kind == CaptureOutcome::Kind::kUnchanged) {
        continue;
      }
      return tl::unexpected<Error>(outcome.reasons.at(0));
    }
    return Ok();
  }

  Status Operate() override { return Ok(); }
  testing::SimDisk& disk() { return disk_; }
  EdgeStore& store() { return *store_; }

 protected:
  testing::SimDisk& disk_;
  ManualClock clock_;
  SeededRandom random_;
  EdgeStoreOptions options_;
  std::unique_ptr<EdgeStore> store_;
};

class EdgeFault : public ::testing::Test {
 protected:
  // A store with three captured records, one of them changed once.
  testing::SimDisk::Files Begin(const std::function<void(EdgeFaultWorld&)>& more = {}) {
    testing::SimDisk disk("begin", 1);
    EdgeFaultWorld world(disk, folder_, 1);
    EXPECT_EQ(testing::Describe(world.Open()), "ok");
    EXPECT_EQ(testing::Describe(world.Capture({PulseOf("S1", "70"), PulseOf("S2", "71"),
                                               PulseOf("S1", "72"), PulseOf("S3", "73")})),
              "ok");
    if (more) more(world);
    world.Close();
    return disk.Copy();
  }

  template <class World>
  testing::EveryCall::MakeWorld Make() {
    return [this](testing::SimDisk& disk) { return std::make_unique<World>(disk, folder_); };
  }

  testing::FaultFolder folder_;
};

}  // namespace edcsync::edge
