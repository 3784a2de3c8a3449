#include "tests/bench/reconcile.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>

#include "central-gateway/reconcile/reconciler.h"
#include "central-gateway/reconcile/run.h"
#include "central-gateway/store/sqlite_central_store.h"
#include "edge-agent/downlink/reconciliation.h"
#include "edge-agent/store/record_writer.h"
#include "shared/crypto/revision_id.h"
#include "shared/wire/codec.h"
#include "tests/bench/service.h"

namespace edcsync::bench {
namespace {

constexpr std::uint64_t kRecordsAtOnce = 2'000;  // Records of one transaction.
constexpr int kItemCount = 25;

double SecondsOf(const std::function<void()>& run) {
  const auto begun = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

// Nothing is queued: what the site's half would post runs in its own turn.
class NoScheduler final : public Scheduler {
 public:
  explicit NoScheduler(const Clock& clock) : clock_(clock) {}
  void Post(Handler) override {}
  TimerId After(std::int64_t, Handler) override { return 0; }
  void Cancel(TimerId) override {}
  MonoTime Now() const override { return clock_.Mono(); }

 private:
  const Clock& clock_;
};

struct Identity {
  PrivateKey key;
  Certificate certificate;
};

Identity Issue(const CertificateAuthority& authority, const std::string& name,
               const std::string& unit, const Clock& clock, Random& random) {
  PrivateKey key = Need(PrivateKey::Generate());
  CertificateAuthority::Request request;
  request.common_name = name;
  request.organizational_unit = unit;
  request.not_before = clock.Wall();
  request.valid_days = 90;
  Certificate certificate = Need(authority.Issue(key, request, random));
  return {std::move(key), std::move(certificate)};
}

class Trial {
 public:
  explicit Trial(std::uint64_t record_count) : record_count_(record_count) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "edcsync-bench-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    OpenCentre();
    OpenSite();
    for (std::uint64_t first = 0; first < record_count_; first += kRecordsAtOnce) {
      AddBatch(first, std::min(kRecordsAtOnce, record_count_ - first));
    }
    Settle();
  }
  ~Trial() {
    site_.reset();
    centre_.reset();
    std::filesystem::remove_all(folder_);
  }

  nlohmann::ordered_json Compare();
  nlohmann::ordered_json Walk();

 private:
  void OpenCentre() {
    central::SqliteCentralStoreOptions options;
    options.path = folder_ + "/central.db";
    options.key_file = folder_ + "/central.key";
    options.start_writer = false;
    options.holder = "bench";
    Need(central::CreateSqliteCentralStore(options, clock_, random_));
    centre_ = Need(central::OpenSqliteCentralStore(options, clock_, random_));
  }
  void OpenSite() {
    edge::EdgeStoreOptions options;
    options.path = folder_ + "/edge.db";
    options.key_file = folder_ + "/edge.key";
    options.edge = kEdge;
    options.site = kSite;
    site_ = Need(edge::EdgeStore::Open(options, clock_, random_));
    HistoryId history;
    Need(centre_->Read([&](central::CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(history, reader.History());
      return Ok();
    }));
    Need(InSite([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
      incarnation_ = checkpoint.incarnation;
      checkpoint.history = history;
      return tables.checkpoint.Update(checkpoint);
    }));
    Need(centre_->Write([&](central::CentralWriter& writer) -> Status {
      central::EdgeRow row;
      row.edge = kEdge;
      row.site = kSite;
      row.added_at = clock_.Wall();
      EDCSYNC_TRY(writer.InsertEdge(row));
      return writer.SetIncarnation(kEdge, incarnation_);
    }));
  }
  Status InSite(const std::function<Status(edge::EdgeTables&)>& work) {
    return site_->writer().Run([&] { return work(site_->writer_tables()); });
  }
  KnownRevision Make(std::uint64_t number) {
    KnownRevision known;
    Revision& revision = known.revision;
    revision.key = {StudyOID("CDISCPILOT01"), SubjectKey("01-702-" + std::to_string(number)),
                    StudyEventOID("SE.WEEK_2"), RepeatKey("1"), FormOID("F.VS"), RepeatKey("1")};
    revision.site = kSite;
    revision.version = 1;
    revision.user = "nurse";
    revision.edge = kEdge;
    revision.edited_at = {clock_.Wall().ms, static_cast<std::uint32_t>(number)};
    random_.Fill(revision.salt);
    for (int i = 0; i < kItemCount; ++i) {
      revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.VS.ITEM" +
                                                                    std::to_string(i))] =
          std::to_string(random_.Next() % 10'000);
    }
    return known;
  }
  // Both sides get the same, as after a delivery.
  void AddBatch(std::uint64_t first, std::uint64_t count) {
    std::vector<KnownRevision> batch;
    std::vector<Bytes> canonical;
    for (std::uint64_t i = 0; i < count; ++i) {
      batch.push_back(Make(first + i));
      canonical.push_back(EncodeRevision(batch.back().revision));
      batch.back().id = IdOf(canonical.back());
    }
    Need(InSite([&](edge::EdgeTables& tables) -> Status {
      for (std::uint64_t i = 0; i < count; ++i) {
        EDCSYNC_ASSIGN(const std::int64_t row,
                       edge::AddRevision(tables, batch[i], canonical[i], clock_.Wall()));
        EDCSYNC_TRY(tables.outbox.Append(row, batch[i].id, clock_.Wall(), 0));
      }
      return Ok();
    }));
    Need(centre_->Write([&](central::CentralWriter& writer) -> Status {
      for (std::uint64_t i = 0; i < count; ++i) {
        central::CentralWriter::NewRevision added;
        added.row.received_at = writer.Now();
        added.row.known = batch[i];
        added.row.canonical = canonical[i];
        added.heads = {batch[i].id};
        added.current = batch[i].id;
        added.current_version = 1;
        added.origin_edge = kEdge;
        added.origin_incarnation = incarnation_;
        EDCSYNC_TRY(writer.InsertRevision(added));
        EDCSYNC_TRY(writer.InsertIntake(kEdge, incarnation_,
                                        {Sequence(first + i + 1), batch[i].id, Outcome::kApplied, 0}));
      }
      return writer.AdvanceEdge(kEdge, Sequence(first + count), Digest{}, clock_.Wall());
    }));
  }
  // The site knows that all is receipted, and has read the feed.
  void Settle() {
    FeedCursor head;
    Need(centre_->Read([&](central::CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(head, reader.FeedHead());
      return Ok();
    }));
    Need(InSite([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
      checkpoint.acknowledged_through = Sequence(record_count_);
      checkpoint.feed_cursor = head;
      return tables.checkpoint.Update(checkpoint);
    }));
  }

  inline static const EdgeId kEdge{"kisumu"};
  inline static const SiteOID kSite{"SITE.702"};
  const std::uint64_t record_count_;
  SystemClock clock_;
  SystemRandom random_;
  std::string folder_;
  std::unique_ptr<central::CentralStore> centre_;
  std::unique_ptr<edge::EdgeStore> site_;
  Incarnation incarnation_;
};

nlohmann::ordered_json Trial::Compare() {
  const CertificateAuthority authority =
      Need(CertificateAuthority::Create("CA", clock_.Wall(), 100, random_));
  const Identity centre = Issue(authority, "gateway", "", clock_, random_);
  const Identity site = Issue(authority, kEdge.str(), kSite.str(), clock_, random_);
  const Sealer centre_sealer = Need(Sealer::Create(centre.key, centre.certificate));
  const Sealer site_sealer = Need(Sealer::Create(site.key, site.certificate));
  NoScheduler scheduler(clock_);
  edge::FeedApplier applier(*site_, kSite);
  edge::Reconciliation answers(*site_, applier, scheduler, scheduler,
                               {kEdge, kSite, site_sealer, {centre.certificate}},
                               [](const wire::Frame&) { return Ok(); });
  const central::ReconcileIdentity identity{"gateway-1", centre_sealer};
  central::ReconciliationRow row;
  Need(centre_->Write([&](central::CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<central::EdgeRow> edge, writer.FindEdge(kEdge));
    EDCSYNC_ASSIGN(const SnowflakeId id,
                   central::AskForReconciliation(writer, *edge, "bench", ""));
    EDCSYNC_ASSIGN(const std::optional<central::ReconciliationRow> asked,
                   writer.FindReconciliation(id));
    row = *asked;
    return Ok();
  }));
  std::uint64_t down = 0, up = 0, frames = 0;
  double site_s = 0, centre_s = 0;
  ResetPeak(::getpid());
  const double before_mib = UsageOf(::getpid()).rss_mib;
  central::Run run(*centre_, clock_, identity, row);
  Need(run.Begin());
  while (!run.done()) {
    const Bytes asked = Need(wire::SealFrame(run.question(), centre_sealer, site.certificate));
    Bytes answered;
    site_s += SecondsOf([&] {
      const wire::Frame question = Need(wire::OpenFrame(asked, site_sealer, centre.certificate));
      answered = Need(wire::SealFrame(Need(answers.Answer(question)), site_sealer,
                                      centre.certificate));
    });
    centre_s += SecondsOf([&] {
      const wire::Frame answer = Need(wire::OpenFrame(answered, centre_sealer, site.certificate));
      Need(run.Take(answer, {site.certificate.ToPem()}));
    });
    down += asked.size();
    up += answered.size();
    if (++frames > 100 || run.not_yet()) Abandon("the comparison comes to no end");
  }
  const Usage after = UsageOf(::getpid());
  if (run.row().state != central::ReconciliationState::kEqual ||
      run.row().centre_revisions != record_count_) {
    Abandon("the two sides are not equal: " + run.row().step);
  }
  return {{"frames", 2 * frames},
          {"bytesDown", down},
          {"bytesUp", up},
          {"bytes", down + up},
          {"siteS", site_s},
          {"centreS", centre_s},
          {"memoryMib", after.peak_rss_mib - before_mib}};
}

// The better of two: the first fills the machine's cache, as whoever wrote the rows would have.
nlohmann::ordered_json Trial::Walk() {
  double counted_s = 0, walked_s = 0;
  for (int i = 0; i < 2; ++i) {
    std::uint64_t count = 0, bytes = 0;
    double walked = 0;
    const double counted = SecondsOf([&] {
      Need(site_->Read([&](edge::EdgeTables& tables) -> Status {
        walked = SecondsOf([&] {
          Statement walk = tables.database.Prepare(
              "SELECT k.subject_key, r.revision_id, r.sealed FROM record k CROSS JOIN revision r "
              "ON r.record_id = k.record_id WHERE k.site_oid = 'SITE.702'");
          while (Need(walk.Step())) bytes += walk.Text(0).size() + walk.Blob(2).size();
        });
        RevisionTree tree;
        EDCSYNC_TRY(ScanRevisions(tables.database, tables.revisions, kSite,
                                  [&](const ScannedRevision& scanned) {
                                    tree.Add(scanned.key_hash, scanned.id);
                                    return Ok();
                                  }));
        count = tree.count();
        return Ok();
      }));
    }) - walked;
    if (count != record_count_ || bytes == 0) Abandon("the walk missed rows");
    counted_s = i == 0 ? counted : std::min(counted, counted_s);
    walked_s = i == 0 ? walked : std::min(walked, walked_s);
  }
  return {{"countedS", counted_s},
          {"walkAloneS", walked_s},
          {"shareOfCeiling", counted_s > 0 ? walked_s / counted_s : 0}};
}

}  // namespace

nlohmann::ordered_json MeasureReconcile(std::uint64_t record_count) {
  Trial trial(record_count);
  nlohmann::ordered_json figures{{"records", record_count}};
  figures.update(trial.Walk());
  figures["equal"] = trial.Compare();
  return figures;
}

}  // namespace edcsync::bench
