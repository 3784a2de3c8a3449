#include "tests/simulation/people.h"

#include "central-gateway/admin/study_admin.h"

namespace edcsync::simulation {
namespace {

// After these, what was handed in is certainly not stored; after others nobody knows.
bool IsDefinite(ErrorCode code) {
  switch (code) {
    case ErrorCode::kWrongSite:
    case ErrorCode::kLocked:
    case ErrorCode::kReasonRequired:
    case ErrorCode::kNotFound:
    case ErrorCode::kStale:
    case ErrorCode::kClaimed:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFieldMissing:
    case ErrorCode::kFieldInvalid:
      return true;
    default:
      return false;
  }
}

std::optional<KnownRevision> CurrentAtCentre(central::CentralStore& store, const RecordKey& key) {
  std::optional<KnownRevision> current;
  (void)store.Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto record, reader.FindRecord(key));
    if (!record) return Ok();
    EDCSYNC_ASSIGN(const auto row, reader.FindRevision(record->current));
    if (row) current = row->known;
    return Ok();
  });
  return current;
}

}  // namespace

People::People(World& world, const std::vector<std::string>& real_lines)
    : world_(world), claims_(world), real_lines_(real_lines) {}

void People::Act() {
  EdgeMachine* machine = world_.Running();
  // A clone is worked with too, by somebody who does not know that it is one.
  if (!world_.clones.empty() && world_.Chance(30)) {
    EdgeMachine* clone = world_.OneOf(world_.clones).get();
    if (clone->running()) machine = clone;
  }
  if (machine != nullptr && world_.Chance(40) && Endorse(*machine)) return;
  const std::uint64_t roll = world_.random.Below(100);
  if (roll < 55) {
    if (machine != nullptr) SubmitAtSite(*machine);
  } else if (roll < 60) {
    if (machine != nullptr) Burst(*machine);
  } else if (roll < 66) {
    if (machine != nullptr && !real_lines_.empty()) SubmitReal(*machine);
  } else if (roll < 77) {
    EditOnline();
  } else if (roll < 90) {
    Resolve();
  } else if (roll < 93) {
    Lock();
  } else if (roll < 96) {
    Unlock();
  } else {
    DecideQuarantine();
  }
}

RecordKey People::SomeRecord(const std::string& site) {
  const SubjectKey subject(site + "-" + std::to_string(world_.random.Below(2)));
  const char* form = world_.Chance(40) ? kMergedForm : "F.VS";
  return {StudyOID(kStudyOID), subject,       StudyEventOID("SE.WEEK_2"),
          RepeatKey("1"),      FormOID(form), RepeatKey("1")};
}

Submission People::Compose(const RecordKey& key, const std::optional<KnownRevision>& current) {
  static const char* const kItems[] = {"IT.PULSE", "IT.SYSBP", "IT.DIABP", "IT.TEMP"};
  Submission submission;
  submission.key = key;
  submission.site = SiteOf(key.subject);
  submission.user = world_.Chance(50) ? "achieng" : "okello";
  const ItemGroupKey group{ItemGroupOID("IG.VS"), RepeatKey("1")};
  if (current && !current->revision.removed) submission.items = current->revision.items;
  const std::uint64_t roll = world_.random.Below(100);
  if (current && roll < 8) return submission;  // Saved again as it is.
  if (current && roll < 15) {
    submission.remove = true;
    submission.items.clear();
    return submission;
  }
  const std::uint64_t changes = roll < 80 ? 1 : 3;
  for (std::uint64_t i = 0; i < changes; ++i) {
    ItemValue& value =
        submission.items[group][ItemOID(kItems[world_.random.Below(std::size(kItems))])];
    value = std::to_string(60 + world_.random.Below(4));
    if (world_.Chance(5)) value = std::nullopt;
  }
  if (current && world_.Chance(15)) {
    submission.base_revision = current->id;
    if (world_.Chance(50) && !current->revision.parents.empty()) {
      submission.base_revision = current->revision.parents.front();  // Read too long ago.
    }
  }
  return submission;
}

std::uint64_t People::Write(const EdgeId& edge, const std::string& machine,
                            Submission& submission) {
  Written written;
  written.edge = edge;
  written.machine = machine;
  written.submission = submission;
  const std::uint64_t number = world_.history.Add(std::move(written));
  submission.reason_for_change = "#" + std::to_string(number);
  world_.history.written(number).submission.reason_for_change = submission.reason_for_change;
  return number;
}

void People::Told(std::uint64_t number, const CaptureOutcome& outcome, bool answer_lost) {
  Written& written = world_.history.written(number);
  const std::string key = ToString(written.submission.key);
  const std::string name = "#" + std::to_string(number) + " at " +
                           (written.machine.empty() ? "the centre" : written.machine);
  if (answer_lost) return world_.Note(name + ": the answer is lost", key);
  switch (outcome.kind) {
    case CaptureOutcome::Kind::kCaptured:
      written.told = Written::Told::kCaptured;
      written.revision = outcome.revision;
      world_.history.Reached("captured");
      return world_.Note(name + " captured as version " + std::to_string(outcome.version) + ", " +
                             outcome.revision.ToHex().substr(0, 12),
                         key);
    case CaptureOutcome::Kind::kUnchanged:
    case CaptureOutcome::Kind::kStale:
      written.told = Written::Told::kRefused;
      world_.history.Reached(std::string(ToString(outcome.kind)));
      return;
    case CaptureOutcome::Kind::kRefused: break;
  }
  const Error& why = outcome.reasons.at(0);
  if (IsDefinite(why.code)) written.told = Written::Told::kRefused;
  world_.history.Reached("refused");
  world_.Note(name + " refused: " + why.ToString(), key);
}

void People::HandIn(EdgeMachine& machine, Submission submission) {
  const std::uint64_t number = Write(machine.edge(), machine.name(), submission);
  const CaptureOutcome outcome = machine.Submit(std::move(submission));
  Told(number, outcome, machine.disk.dead());
}

void People::SubmitAtSite(EdgeMachine& machine) {
  // Now and then somebody takes the wrong site's form.
  const std::string site = world_.Chance(3) ? world_.OneOf(world_.sites) : machine.site().str();
  const RecordKey key = SomeRecord(site);
  HandIn(machine, Compose(key, machine.Current(key)));
}

void People::SubmitReal(EdgeMachine& machine) {
  const Result<Submission> parsed =
      ParseSubmission(real_lines_[world_.random.Below(real_lines_.size())]);
  CHECK(parsed.ok());
  Submission submission = *parsed;
  submission.site = machine.site();
  submission.key.subject = SubjectKey(machine.site().str() + "-" + submission.key.subject.str());
  HandIn(machine, std::move(submission));
}

void People::Burst(EdgeMachine& machine) {
  for (int i = 0; i < 12 && machine.running() && !machine.disk.dead(); ++i) {
    if (machine.loop().hanging()) return;
    SubmitAtSite(machine);
    world_.Pass(2'000);
  }
}

void People::EditOnline() {
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  const RecordKey key = SomeRecord(world_.OneOf(world_.sites));
  Submission submission = Compose(key, CurrentAtCentre(*store, key));
  const std::uint64_t number = Write(EdgeId(), "", submission);
  SeededRandom random(world_.random.Next());
  const central::CentreWriter writer{world_.centre.clock, random};
  std::vector<Result<Submission>> one;
  one.emplace_back(std::move(submission));
  const auto outcomes = central::SubmitOnline(*store, writer, std::move(one), "editor");
  if (outcomes.at(0).kind == CaptureOutcome::Kind::kCaptured) {
    world_.history.Reached("edited online");
  }
  Told(number, outcomes.at(0), world_.centre.disk.dead());
}

void People::Resolve() {
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  std::vector<central::ConflictRow> open;
  (void)store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(open, reader.ListConflicts({}));
    return Ok();
  });
  central::Decision decision;
  std::uint64_t number = 0;
  if (put_off_ && world_.Chance(50)) {
    decision = *std::exchange(put_off_, std::nullopt);
    number = put_off_number_;
  } else if (!open.empty()) {
    const central::ConflictRow& conflict = world_.OneOf(open);
    decision.conflict = conflict.id;
    decision.seen_heads = conflict.heads;
    decision.user = world_.Chance(50) ? "dm" : "dm.2";
    Submission submission = Compose(conflict.key, CurrentAtCentre(*store, conflict.key));
    submission.base_revision.reset();
    if (world_.Chance(70)) {
      decision.take = conflict.heads[world_.random.Below(conflict.heads.size())];
    } else if (!submission.remove) {
      decision.items = submission.items;
    } else {
      return;
    }
    number = Write(EdgeId(), "", submission);
    decision.reason = submission.reason_for_change;
    if (decision.take) {  // The content is the head's, whatever it is: not compared.
      world_.history.written(number).submission.items.clear();
    }
    if (world_.Chance(50) && !Claim(*store, decision)) return;
    if (world_.Chance(70)) decision.signing = central::Signing{"Data Manager", "decided"};
    const bool away = decision.fencing_token && world_.Chance(8);
    if (away || world_.Chance(20)) {
      put_off_ = decision;
      put_off_number_ = number;
      if (away) LetRunOut(std::move(decision));
      return;
    }
  } else {
    return;
  }
  SeededRandom random(world_.random.Next());
  const central::CentreWriter writer{world_.centre.clock, random};
  if (world_.Chance(40)) return Propose(*store, writer, decision, number);
  const Result<RevisionId> resolved = central::Resolve(*store, writer, decision);
  Written& written = world_.history.written(number);
  const std::string key = ToString(written.submission.key);
  if (world_.centre.disk.dead() || (!resolved.ok() && !IsDefinite(resolved.error().code))) {
    claims_.Unknown(decision.conflict);
  }
  if (world_.centre.disk.dead()) return;
  if (resolved.ok()) {
    claims_.Decided(decision.conflict, decision.user, decision.fencing_token);
    if (decision.signing) written.signed_by = decision.user;
    written.told = Written::Told::kCaptured;
    written.revision = *resolved;
    world_.history.Reached("conflicts resolved");
    world_.Note("resolved by #" + std::to_string(number) + ", " + resolved->ToHex().substr(0, 12),
                key);
  } else {
    if (IsDefinite(resolved.error().code)) written.told = Written::Told::kRefused;
    world_.Note("not resolved: " + resolved.error().ToString(), key);
  }
}

// Who claimed is away until the claim counts no more; somebody else may take it over.
void People::LetRunOut(central::Decision decision) {
  world_.Pass((central::kClaimMs + 1'000) * 1'000);
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  decision.user = decision.user == "dm" ? "dm.2" : "dm";
  (void)Claim(*store, decision);
}

bool People::Claim(central::CentralStore& store, central::Decision& decision) {
  const auto claim = central::ClaimConflict(store, decision.conflict, decision.user);
  if (world_.centre.disk.dead()) {
    claims_.Unknown(decision.conflict);
    return false;
  }
  claims_.Asked(decision.conflict, decision.user, claim);
  if (claim.ok()) decision.fencing_token = claim->fencing_token;
  // Some try all the same, by a command that asks for no claim.
  if (!claim.ok()) return world_.Chance(30);
  if (!world_.Chance(10)) return true;
  if (central::ReleaseClaim(store, decision.conflict, decision.user).ok()) {
    claims_.Released(decision.conflict);
  } else {
    claims_.Unknown(decision.conflict);
  }
  return world_.Chance(50);
}

// Nothing is stored yet: whether it ever will be, the site decides.
void People::Propose(central::CentralStore& store, const central::CentreWriter& writer,
                     const central::Decision& decision, std::uint64_t number) {
  if (world_.Chance(10)) (void)central::WithdrawProposal(store, decision.conflict, "dm");
  const Result<central::Proposed> proposed = central::Propose(store, writer, decision);
  if (world_.centre.disk.dead() || (!proposed.ok() && !IsDefinite(proposed.error().code))) {
    claims_.Unknown(decision.conflict);
  }
  if (world_.centre.disk.dead()) return;
  Written& written = world_.history.written(number);
  const std::string key = ToString(written.submission.key);
  if (proposed.ok()) {
    claims_.Decided(decision.conflict, decision.user, decision.fencing_token);
    if (decision.signing) {
      written.signed_by = decision.user;
      written.proposed = proposed->revision;
    }
    world_.history.Reached("proposals");
    world_.Note("proposed by #" + std::to_string(number) + ", " +
                    proposed->revision.ToHex().substr(0, 12),
                key);
    return;
  }
  const ErrorCode why = proposed.error().code;
  if (IsDefinite(why)) written.told = Written::Told::kRefused;
  world_.Note("not proposed: " + proposed.error().ToString(), key);
}

bool People::Endorse(EdgeMachine& machine) {
  const std::vector<std::uint64_t> waiting = machine.Proposals();
  if (waiting.empty() || machine.disk.dead()) return false;
  const std::uint64_t proposal = waiting[world_.random.Below(waiting.size())];
  const bool accepted = world_.Chance(70);
  const Status answered = machine.Answer(proposal, accepted);
  const std::string word = accepted ? "endorsed" : "rejected";
  if (answered.ok()) world_.history.Reached("proposals " + word);
  world_.Note("proposal " + std::to_string(proposal) +
                  (answered.ok() ? " " + word : " not answered: " + answered.error().ToString()),
              machine.name());
  return true;
}

void People::Lock() {
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  const RecordKey key = SomeRecord(world_.OneOf(world_.sites));
  central::LockRow lock;
  lock.study = StudyOID(kStudyOID);
  lock.set_by = "dm";
  lock.reason = "under review";
  switch (world_.random.Below(3)) {
    case 0:
      lock.scope = central::LockScope::kForm;
      lock.object = ToString(key);
      break;
    case 1:
      lock.scope = central::LockScope::kSubject;
      lock.object = key.subject.str();
      break;
    default:
      lock.scope = central::LockScope::kSite;
      lock.object = SiteOf(key.subject).str();
  }
  if (!central::SetLock(*store, lock).ok()) return;
  world_.history.Reached("locks");
  world_.Note("locked", lock.object);
}

void People::Unlock() {
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  std::vector<central::LockRow> locks;
  (void)store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(locks, reader.ListLocks());
    return Ok();
  });
  if (locks.empty()) return;
  const central::LockRow& lock = world_.OneOf(locks);
  (void)central::ClearLock(*store, lock, "dm", "reviewed");
  world_.Note("unlocked", lock.object);
}

void People::DecideQuarantine() {
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return;
  std::vector<central::QuarantineRow> waiting;
  (void)store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(waiting, reader.ListQuarantine(false, 100));
    return Ok();
  });
  if (waiting.empty()) return;
  const central::QuarantineRow& row = world_.OneOf(waiting);
  const std::string id = row.revision.ToHex().substr(0, 12);
  if (world_.Chance(70)) {
    const auto released = central::ReleaseQuarantine(*store, row.revision, "dm", "it is right");
    if (released.ok()) world_.history.Reached("quarantine released");
    world_.Note("quarantined " + id + (released.ok() ? " released" : " not released"));
  } else if (!row.missing_parent) {
    const Status rejected = central::RejectQuarantine(*store, row.revision, "dm", "it is wrong");
    if (rejected.ok()) world_.history.Reached("quarantine rejected");
    world_.Note("quarantined " + id + (rejected.ok() ? " rejected" : " not rejected"));
  }
}

}  // namespace edcsync::simulation
