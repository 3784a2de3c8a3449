#include "tests/simulation/planted_defects.h"

#include <algorithm>

#include "shared/base/check.h"
#include "shared/base/planted_defect.h"

namespace edcsync::simulation {
namespace {

std::string planted;      // One thread; a world's whole process has the one defect.
std::uint64_t met = 0;

}  // namespace

const std::vector<PlantedDefect>& PlantedDefects() {
  static const std::vector<PlantedDefect> defects{
      {"commit-not-synced", "I1", "a commit is answered before the disk has it"},
      {"receipt-before-commit", "I1", "the gateway sends the receipt before its commit"},
      {"settled-by-guess", "I1", "a receipt settles all that was sent, not what it names"},
      {"feed-cursor-first", "I2", "the feed's cursor is stored before its page, apart from it"},
      {"sequence-gap-taken", "I2", "a push that leaves out sequences is taken"},
      {"epoch-unchecked", "I2", "a gateway commits for a session it has lost"},
      {"loser-not-stored", "I3", "a revision that loses a conflict is not stored"},
      {"wrong-tie-break", "I4", "of equal versions the earlier edit wins"},
      {"merge-drops-head", "I4", "in a conflict the losing head is no head any more"},
      {"clock-runs-back", "I4", "edit times follow a clock that was set back"},
      {"soft-conflict-missed", "I5", "a soft conflict is not queued"},
      {"fast-forward-flagged", "I5", "a change of the only head leaves that a head"},
      {"proposal-outlives-conflict", "I5", "a proposal goes on waiting when its record has moved on"},
      {"audit-entry-skipped", "I6", "the end of a conflict has no audit entry"},
      {"quarantine-blocks", "I7", "a revision for quarantine fails the whole push"},
      {"site-unchecked", "I8", "an edge may write another site's records"},
      {"feed-of-every-site", "I8", "the feed does not ask whose site it is"},
      {"revoked-accepted", "I8", "a revoked edge goes on"},
      {"mark-unchecked", "I8", "an offered revision needs no mark of the centre"},
      {"window-unbounded", "I9", "the uplink sends whatever the credit"},
  };
  return defects;
}

void PlantDefect(const std::string& name) {
  const auto& all = PlantedDefects();
  CHECK(name.empty() || std::any_of(all.begin(), all.end(), [&](const PlantedDefect& defect) {
          return defect.name == name;
        }));
  planted = name;
  met = 0;
}

std::uint64_t DefectMet() { return met; }

}  // namespace edcsync::simulation

namespace edcsync {

bool DefectPlanted(std::string_view name) {
  if (simulation::planted.empty() || simulation::planted != name) return false;
  ++simulation::met;
  return true;
}

}  // namespace edcsync
