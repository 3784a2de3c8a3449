#include "tests/support/long_queue.h"

#include <algorithm>

#include "shared/crypto/revision_id.h"

namespace edcsync::testing {
namespace {

using central::CentralWriter;

constexpr std::uint64_t kBatch = 2'000;
constexpr int kSites = 40;

KnownRevision Head(const Clock& clock, Random& random, std::uint64_t number,
                   const std::string& value) {
  KnownRevision known;
  Revision& revision = known.revision;
  revision.key = {StudyOID("CDISCPILOT01"), SubjectKey("S" + std::to_string(number / 8)),
                  StudyEventOID("SE.WEEK_" + std::to_string(number % 4)), RepeatKey("1"),
                  FormOID(number % 8 < 4 ? "F.VS" : "F.LB"), RepeatKey("1")};
  revision.site = SiteOID("SITE." + std::to_string(number / 8 % kSites));
  revision.origin = Origin::kOnline;
  revision.edited_at = {clock.Wall().ms, 0};
  random.Fill(revision.salt);
  revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.VS.PULSE")] = value;
  known.id = IdOf(EncodeRevision(revision));
  return known;
}

Status Add(CentralWriter& writer, const Clock& clock, Random& random, std::uint64_t number) {
  std::vector<KnownRevision> heads{Head(clock, random, number, "70"),
                                   Head(clock, random, number, "71")};
  std::int64_t record_id = 0;
  std::vector<RevisionId> ids;
  for (const KnownRevision& head : heads) {
    ids.push_back(head.id);
    std::sort(ids.begin(), ids.end());
    CentralWriter::NewRevision added;
    added.row.record_id = record_id;
    added.row.received_at = writer.Now();
    added.row.known = head;
    added.row.canonical = EncodeRevision(head.revision);
    added.heads = ids;
    added.current = ids.back();
    added.current_version = 1;
    EDCSYNC_ASSIGN(record_id, writer.InsertRevision(added));
  }
  central::ConflictRow conflict;
  EDCSYNC_ASSIGN(conflict.id, writer.NewId());
  conflict.record_id = record_id;
  conflict.key = heads.front().revision.key;
  conflict.site = heads.front().revision.site;
  conflict.severity = number % 3 == 0 ? Severity::kSoft : Severity::kHard;
  conflict.heads = ids;
  conflict.items = {"IG.VS[1]/IT.VS.PULSE"};
  conflict.opened_at = {writer.Now().ms - static_cast<std::int64_t>(number % 5000) * 600'000};
  EDCSYNC_TRY(writer.InsertConflict(conflict));
  if (number % 2 == 0) return Ok();
  return writer.PutWork({conflict.id, number % 4 == 1 ? "dm.okello" : "dm.weber", "", {}, 0});
}

}  // namespace

Status AddOpenConflicts(central::CentralStore& store, const Clock& clock, Random& random,
                        std::uint64_t count) {
  for (std::uint64_t done = 0; done < count; done += kBatch) {
    EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
      for (std::uint64_t i = done; i < std::min(count, done + kBatch); ++i) {
        EDCSYNC_TRY(Add(writer, clock, random, i));
      }
      return Ok();
    }));
  }
  return Ok();
}

}  // namespace edcsync::testing
