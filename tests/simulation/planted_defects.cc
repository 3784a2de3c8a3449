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
      {"commit-not-synced", "I1", "a commit is answered before the disk has it", 1},
      {"receipt-before-commit", "I1", "the gateway sends the receipt before its commit", 3},
      {"settled-by-guess", "I1", "a receipt settles all that was sent, not what it names", 3},
      {"feed-cursor-first", "I2", "the feed's cursor is stored before its page, apart from it", 2},
      {"sequence-gap-taken", "I2", "a push that leaves out sequences is taken", 3},
      {"epoch-unchecked", "I2", "a gateway commits for a session it has lost", 1},
      {"loser-not-stored", "I3", "a revision that loses a conflict is not stored", 2},
      {"damage-uncounted", "I3", "a reconciliation compares ids and looks at no content", 1},
      {"wrong-tie-break", "I4", "of equal versions the earlier edit wins", 2},
      {"merge-drops-head", "I4", "in a conflict the losing head is no head any more", 2},
      {"clock-runs-back", "I4", "edit times follow a clock that was set back", 3},
      {"soft-conflict-missed", "I5", "a soft conflict is not queued", 2},
      {"fast-forward-flagged", "I5", "a change of the only head leaves that a head", 1},
      {"proposal-outlives-conflict", "I5", "a proposal still waits when its record has moved on", 3},
      {"claim-unchecked", "I5", "a conflict is decided whoever has claimed it", 5},
      {"signature-dropped", "I6", "a decision is stored without its signature", 2},
      {"audit-entry-skipped", "I6", "the end of a conflict has no audit entry", 2},
      {"quarantine-blocks", "I7", "a revision for quarantine fails the whole push", 15},
      {"site-unchecked", "I8", "an edge may write another site's records", 18},
      {"feed-of-every-site", "I8", "the feed does not ask whose site it is", 3},
      {"revoked-accepted", "I8", "a revoked edge goes on", 24},
      {"mark-unchecked", "I8", "an offered revision needs no mark of the centre", 18},
      {"window-unbounded", "I9", "the uplink sends whatever the credit", 1},
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
