// A run against the edge's own half, both on real databases, without a network between them: the
// answers go straight back. What was taken from either side at random must be named exactly, and be
// there afterwards.
#include "central-gateway/reconcile/run.h"

#include <gtest/gtest.h>

#include "central-gateway/merge/merger.h"
#include "central-gateway/reconcile/reconciler.h"
#include "edge-agent/downlink/reconciliation.h"
#include "edge-agent/store/record_writer.h"
#include "shared/crypto/digest.h"
#include "tests/support/edge_world.h"
#include "tests/support/virtual_scheduler.h"
#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

// A test has a Run() of its own.
using Reconciling = Run;

// Passes all on, but for one write, which fails: before it is done, or after, so that it is done and
// nobody knows.
class FaultyStore final : public CentralStore {
 public:
  enum class Fault { kBefore, kAfter };
  FaultyStore(CentralStore& store, std::uint64_t fails_at, Fault fault)
      : store_(store), fails_at_(fails_at), fault_(fault) {}
  bool failed() const { return writes_ >= fails_at_; }

  Status Write(Work work) override {
    if (++writes_ != fails_at_) return store_.Write(std::move(work));
    if (fault_ == Fault::kAfter) EDCSYNC_TRY(store_.Write(std::move(work)));
    return Fail(ErrorCode::kDiskFull, "no room");
  }
  Status Read(const std::function<Status(CentralReader&)>& read) override {
    return store_.Read(read);
  }
  Status Submit(Work work, Done done, std::size_t bytes) override {
    return store_.Submit(std::move(work), std::move(done), bytes);
  }
  Result<std::size_t> RewrapKeys(WrappingKey& next, const std::string& actor,
                                 const std::string& detail) override {
    return store_.RewrapKeys(next, actor, detail);
  }
  Result<FieldCipher::Keys> DescribeKeys() override { return store_.DescribeKeys(); }
  Status Backup(const std::string& path, const std::function<void(int)>& progress) override {
    return store_.Backup(path, progress);
  }
  Result<std::vector<std::string>> Check(
      const std::function<void(std::string_view, int)>& progress) override {
    return store_.Check(progress);
  }
  Result<std::vector<std::string>> VerifyAudit(
      std::uint64_t& entry_count, const std::function<void(std::uint64_t)>& progress) override {
    return store_.VerifyAudit(entry_count, progress);
  }

 private:
  CentralStore& store_;
  const std::uint64_t fails_at_;
  const Fault fault_;
  std::uint64_t writes_ = 0;
};

class RunTest : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    site_.options.edge = kisumu_;
    site_.options.site = SiteOID("Kisumu");
    ExpectOk(site_.Open());
    Result<CertificateAuthority> authority =
        CertificateAuthority::Create("CA", clock_.Wall(), 100, random_);
    ASSERT_TRUE(authority.ok());
    authority_.emplace(std::move(*authority));
    Issue("gateway", "", centre_key_, centre_certificate_);
    Issue(kisumu_.str(), "Kisumu", site_key_, site_certificate_);
    identity_.emplace(ReconcileIdentity{
        "gateway-1", Must(Sealer::Create(*centre_key_, *centre_certificate_))});
    OpenSite();
    HistoryId history;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(history, reader.History());
      return Ok();
    }));
    ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
      incarnation_here_ = checkpoint.incarnation;
      checkpoint.history = history;
      return tables.checkpoint.Update(checkpoint);
    }));
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(writer.SetIncarnation(kisumu_, Incarnation()));
      return writer.SetIncarnation(kisumu_, incarnation_here_);
    }));
  }
  void TearDown() override {
    answers_.reset();
    applier_.reset();
    CentralStoreTest::TearDown();
  }
  void Issue(const std::string& name, const std::string& unit, std::optional<PrivateKey>& key,
             std::optional<Certificate>& certificate) {
    key.emplace(Must(PrivateKey::Generate()));
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = unit;
    request.not_before = clock_.Wall();
    request.valid_days = 90;
    certificate.emplace(Must(authority_->Issue(*key, request, random_)));
  }
  void OpenSite() {
    applier_ = std::make_unique<edge::FeedApplier>(site_.store(), SiteOID("Kisumu"));
    answers_ = std::make_unique<edge::Reconciliation>(
        site_.store(), *applier_, scheduler_, scheduler_,
        edge::ReconciliationIdentity{kisumu_, SiteOID("Kisumu"), 
                                     Must(Sealer::Create(*site_key_, *site_certificate_)),
                                     {*centre_certificate_}},
        [](const wire::Frame&) { return Ok(); });
  }
  Status InEdge(const std::function<Status(edge::EdgeTables&)>& work) {
    return site_.store().writer().Run([&] { return work(site_.store().writer_tables()); });
  }

  // Captured at the site: in its outbox, and at the centre only if it is delivered.
  KnownRevision Capture(const std::string& subject, const std::vector<KnownRevision>& parents,
                        bool delivered = true) {
    std::vector<RevisionId> ids;
    std::uint32_t version = 1;
    for (const KnownRevision& parent : parents) {
      ids.push_back(parent.id);
      version = std::max(version, parent.revision.version + 1);
    }
    const KnownRevision known = Make(subject, "F.VS", ids, version, "70");
    const Bytes canonical = EncodeRevision(known.revision);
    ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(const std::int64_t row,
                     edge::AddRevision(tables, known, canonical, clock_.Wall()));
      EDCSYNC_TRY(tables.outbox.Append(row, known.id, clock_.Wall(), 0));
      EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
      if (delivered) checkpoint.acknowledged_through = Sequence(++sequence_);
      return tables.checkpoint.Update(checkpoint);
    }));
    if (!delivered) return known;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(Insert(writer, known));
      EDCSYNC_TRY(writer.InsertIntake(kisumu_, incarnation_here_,
                                      {Sequence(sequence_), known.id, Outcome::kApplied, 0}));
      return Advance(writer, known.id);
    }));
    return known;
  }
  Status Advance(CentralWriter& writer, const RevisionId& id) {
    chain_ = ChainDigest(chain_, id.view());
    return writer.AdvanceEdge(kisumu_, Sequence(sequence_), chain_, clock_.Wall());
  }
  // Made at the centre, and read by the site from its feed if `fed`.
  KnownRevision Decide(const KnownRevision& parent, bool fed = true) {
    KnownRevision known = Make(parent.revision.key.subject.str(), "F.VS", {parent.id},
                               parent.revision.version + 1, "71");
    known.revision.origin = Origin::kOnline;
    known.revision.edge = EdgeId();
    known.id = IdOf(EncodeRevision(known.revision));
    Digest mark{};
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(Insert(writer, known, /*from_edge=*/false));
      EDCSYNC_ASSIGN(const Bytes mark_key, writer.MarkKey());
      mark = HmacSha256(mark_key, known.id.view());
      return Ok();
    }));
    unread_.push_back({known, mark});
    if (fed) ReadFeed();
    return known;
  }
  void ReadFeed() {
    for (const Unread& unread : std::exchange(unread_, {})) {
      ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
        EDCSYNC_ASSIGN(const std::int64_t row,
                       edge::AddRevision(tables, unread.known,
                                         EncodeRevision(unread.known.revision), clock_.Wall()));
        return tables.marks.Put(row, unread.mark);
      }));
    }
    FeedCursor head;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(head, reader.FeedHead());
      return Ok();
    }));
    ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
      checkpoint.feed_cursor = head;
      return tables.checkpoint.Update(checkpoint);
    }));
  }

  void LoseAtSite(const std::vector<RevisionId>& ids) { TamperAtSite(Deletion(ids)); }
  static std::string Deletion(const std::vector<RevisionId>& ids) {
    std::string sql =
        "PRAGMA foreign_keys = OFF; DROP TRIGGER IF EXISTS revision_is_never_removed;";
    for (const RevisionId& id : ids) {
      sql += " DELETE FROM revision WHERE revision_id = x'" + id.ToHex() + "';";
    }
    return sql;
  }

  Reconciling NewRun(RunLimits limits = {}) { return NewRun(*store_, limits); }
  Reconciling NewRun(CentralStore& store, RunLimits limits = {}) {
    SnowflakeId id;
    ReconciliationRow row;
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_ASSIGN(const std::optional<EdgeRow> edge, writer.FindEdge(kisumu_));
      EDCSYNC_ASSIGN(id, AskForReconciliation(writer, *edge, "operator", ""));
      EDCSYNC_ASSIGN(const std::optional<ReconciliationRow> asked, writer.FindReconciliation(id));
      row = *asked;
      return Ok();
    }));
    return Reconciling(store, clock_, *identity_, std::move(row), limits);
  }
  // To its end; `between` runs after every answer.
  ReconciliationRow Reconcile(const std::function<void()>& between = [] {},
                              RunLimits limits = {}) {
    Reconciling run = NewRun(limits);
    ExpectOk(run.Begin());
    for (int i = 0; i < 500 && !run.done(); ++i) {
      if (run.not_yet()) ReadFeed();
      const Result<wire::Frame> answer = answers_->Answer(run.question());
      EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().ToString());
      if (!answer.ok()) break;
      ExpectOk(run.Take(*answer, {"no certificate", site_certificate_->ToPem()}));
      between();
    }
    EXPECT_TRUE(run.done()) << run.row().step;
    return run.row();
  }
  std::map<RevisionId, DifferenceKind> Found(const ReconciliationRow& row) {
    std::map<RevisionId, DifferenceKind> found;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const std::vector<DifferenceRow> rows,
                     reader.ListDifferences(row.id, nullptr, 100'000));
      for (const DifferenceRow& one : rows) {
        found[one.revision] = one.kind;
        EXPECT_EQ(one.outcome, DifferenceOutcome::kBroughtBack) << one.detail;
      }
      return Ok();
    }));
    return found;
  }
  // The content of these no longer opens, as after a disk flipped bits.
  static std::string Flip(const std::vector<RevisionId>& ids) {
    std::string sql = "DROP TRIGGER IF EXISTS revision_is_never_altered;";
    for (const RevisionId& id : ids) {
      sql += " UPDATE revision SET sealed = zeroblob(length(sealed)) WHERE revision_id = x'" +
             id.ToHex() + "';";
    }
    // As the schema has it: what mends must get along with it.
    return sql +
           " CREATE TRIGGER revision_is_never_altered BEFORE UPDATE ON revision "
           "BEGIN SELECT RAISE(ABORT, 'revision: never altered'); END;";
  }
  void TamperAtSite(const std::string& sql) {
    answers_.reset();
    applier_.reset();
    site_.Close();
    site_.Tamper(sql);
    ExpectOk(site_.Open());
    OpenSite();
  }
  std::map<RevisionId, DifferenceRow> Differences(const ReconciliationRow& row) {
    std::map<RevisionId, DifferenceRow> found;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const std::vector<DifferenceRow> rows,
                     reader.ListDifferences(row.id, nullptr, 100'000));
      for (const DifferenceRow& one : rows) found[one.revision] = one;
      return Ok();
    }));
    return found;
  }
  Bytes AtSite(const RevisionId& id) {
    Bytes canonical;
    ExpectOk(site_.store().Read([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(const std::optional<StoredRevision> row, tables.revisions.Find(id));
      if (row) canonical = row->canonical;
      return Ok();
    }));
    return canonical;
  }
  Bytes AtCentre(const RevisionId& id) {
    Bytes canonical;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(const std::optional<RevisionRow> row, reader.FindRevision(id));
      if (row) canonical = row->canonical;
      return Ok();
    }));
    return canonical;
  }
  void ExpectCentreSound() {
    EXPECT_EQ(Findings(), std::vector<std::string>{});
  }
  void ExpectSiteSound() {
    const auto findings = Must(site_.store().Check([](std::string_view, int) {}));
    EXPECT_EQ(findings, std::vector<std::string>{});
  }

  edge::EdgeWorld site_{"Kisumu", 5};
  testing::VirtualClock virtual_clock_;
  testing::VirtualScheduler scheduler_{virtual_clock_};
  std::optional<CertificateAuthority> authority_;
  std::optional<PrivateKey> centre_key_, site_key_;
  std::optional<Certificate> centre_certificate_, site_certificate_;
  std::optional<ReconcileIdentity> identity_;
  std::unique_ptr<edge::FeedApplier> applier_;
  std::unique_ptr<edge::Reconciliation> answers_;
  Incarnation incarnation_here_;
  std::uint64_t sequence_ = 0;
  Digest chain_{};
  struct Unread {
    KnownRevision known;
    Digest mark;
  };
  std::vector<Unread> unread_;
};

TEST_F(RunTest, NamesExactlyWhatEitherSideLostAndBringsItBack) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SeededRandom draw(seed);
    std::vector<KnownRevision> all;
    for (int record = 0; record < 12; ++record) {
      const std::string subject = std::to_string(seed) + "-" + std::to_string(record);
      KnownRevision last = Capture(subject, {});
      all.push_back(last);
      for (std::uint64_t more = draw.Next() % 4; more > 0; --more) {
        last = draw.Next() % 3 == 0 ? Decide(last) : Capture(subject, {last});
        all.push_back(last);
      }
    }
    // An edge whose last captured revision is gone does not start: a person must look first.
    Capture(std::to_string(seed) + "-last", {});
    ReadFeed();
    std::vector<RevisionId> at_site, at_centre;
    std::map<RevisionId, DifferenceKind> expected;
    for (const KnownRevision& known : all) {
      const std::uint64_t chance = draw.Next() % 8;
      if (chance == 0) {
        at_site.push_back(known.id);
        expected[known.id] = DifferenceKind::kMissingAtSite;
      } else if (chance == 1) {
        at_centre.push_back(known.id);
        expected[known.id] = DifferenceKind::kMissingAtCentre;
      }
    }
    LoseAtSite(at_site);
    Damage(Deletion(at_centre));
    const ReconciliationRow row = Reconcile();
    EXPECT_EQ(Found(row), expected) << "seed " << seed;
    EXPECT_EQ(row.state,
              expected.empty() ? ReconciliationState::kEqual : ReconciliationState::kMended);
    EXPECT_EQ(row.site_revisions, row.centre_revisions);
    EXPECT_EQ(row.step, "signed by both sides");
    ExpectSiteSound();
    const ReconciliationRow again = Reconcile();
    EXPECT_EQ(again.state, ReconciliationState::kEqual);
    EXPECT_EQ(again.rounds, 1u);
  }
}

TEST_F(RunTest, WhatIsCapturedDeliveredOrDecidedMeanwhileIsNoDifference) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 20; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  ReadFeed();
  LoseAtSite({all[3].id});
  int moment = 0;
  const ReconciliationRow row = Reconcile([&] {
    ++moment;
    Capture("L" + std::to_string(moment), {});
    if (moment == 2) Decide(all[5]);
    if (moment == 3) Decide(all[6], /*fed=*/false);
  });
  EXPECT_EQ(Found(row),
            (std::map<RevisionId, DifferenceKind>{{all[3].id, DifferenceKind::kMissingAtSite}}));
  EXPECT_EQ(row.state, ReconciliationState::kMended);
}

// A disk that flips a bit leaves the row and its id: sides that compare ids alone would be equal.
TEST_F(RunTest, WhatIsDamagedAtTheSiteIsNamedAndMendedFromTheCentre) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 10; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  all.push_back(Decide(all[2]));
  Capture("last", {});
  ReadFeed();
  TamperAtSite(Flip({all[2].id, all[5].id, all[10].id}));
  const ReconciliationRow row = Reconcile();
  EXPECT_EQ(row.state, ReconciliationState::kMended);
  EXPECT_EQ(Found(row), (std::map<RevisionId, DifferenceKind>{
                            {all[2].id, DifferenceKind::kDamagedAtSite},
                            {all[5].id, DifferenceKind::kDamagedAtSite},
                            {all[10].id, DifferenceKind::kDamagedAtSite}}));
  for (const std::size_t i : {2, 5, 10}) {
    EXPECT_EQ(AtSite(all[i].id), EncodeRevision(all[i].revision)) << i;
  }
  ExpectSiteSound();
  EXPECT_EQ(Reconcile().state, ReconciliationState::kEqual);
}

TEST_F(RunTest, WhatIsDamagedAtTheCentreIsNamedAndMendedFromTheSite) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 10; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  all.push_back(Decide(all[2]));
  ReadFeed();
  Damage(Flip({all[2].id, all[5].id, all[10].id}));
  EXPECT_GT(Findings().size(), 1u);
  const ReconciliationRow row = Reconcile();
  EXPECT_EQ(row.state, ReconciliationState::kMended);
  EXPECT_EQ(Found(row), (std::map<RevisionId, DifferenceKind>{
                            {all[2].id, DifferenceKind::kDamagedAtCentre},
                            {all[5].id, DifferenceKind::kDamagedAtCentre},
                            {all[10].id, DifferenceKind::kDamagedAtCentre}}));
  for (const std::size_t i : {2, 5, 10}) {
    EXPECT_EQ(AtCentre(all[i].id), EncodeRevision(all[i].revision)) << i;
  }
  ExpectCentreSound();
  EXPECT_EQ(Reconcile().state, ReconciliationState::kEqual);
}

TEST_F(RunTest, WhatNobodyHasWholeIsNamedAsSuchAndNeverSent) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 6; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  Capture("last", {});
  ReadFeed();
  // 0: damaged at both; 1: damaged at the site, gone at the centre; 2: the other way round.
  TamperAtSite(Flip({all[0].id, all[1].id}) + Deletion({all[2].id}));
  Damage(Flip({all[0].id, all[2].id}) + Deletion({all[1].id}));
  const ReconciliationRow row = Reconcile();
  EXPECT_EQ(row.state, ReconciliationState::kDifferent);
  EXPECT_EQ(row.rounds, 1u);
  const auto found = Differences(row);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found.at(all[0].id).kind, DifferenceKind::kDamagedAtCentre);
  EXPECT_EQ(found.at(all[1].id).kind, DifferenceKind::kDamagedAtSite);
  EXPECT_EQ(found.at(all[2].id).kind, DifferenceKind::kDamagedAtCentre);
  for (const auto& [id, one] : found) {
    EXPECT_EQ(one.outcome, DifferenceOutcome::kNotBroughtBack);
    EXPECT_NE(one.detail.find("no whole copy is known"), std::string::npos) << one.detail;
  }
  EXPECT_NE(row.report.find("\"damaged\":2"), std::string::npos) << row.report;
}

// Each side's copy of another revision is the good one: neither may be written over by the other's.
TEST_F(RunTest, DamageAtBothSidesOfDifferentRevisionsIsMendedBothWays) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 6; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  all.push_back(Capture("S1", {all[1]}));  // The other one's parent is damaged at the other side.
  Capture("last", {});
  ReadFeed();
  TamperAtSite(Flip({all[1].id, all[3].id}));
  Damage(Flip({all[6].id, all[4].id}));
  const ReconciliationRow row = Reconcile();
  EXPECT_EQ(row.state, ReconciliationState::kMended);
  EXPECT_EQ(Found(row), (std::map<RevisionId, DifferenceKind>{
                            {all[1].id, DifferenceKind::kDamagedAtSite},
                            {all[3].id, DifferenceKind::kDamagedAtSite},
                            {all[4].id, DifferenceKind::kDamagedAtCentre},
                            {all[6].id, DifferenceKind::kDamagedAtCentre}}));
  for (const KnownRevision& known : all) {
    EXPECT_EQ(AtSite(known.id), EncodeRevision(known.revision));
    EXPECT_EQ(AtCentre(known.id), EncodeRevision(known.revision));
  }
  ExpectSiteSound();
  ExpectCentreSound();
}

TEST_F(RunTest, WhatIsWholeIsNeverWrittenOver) {
  const KnownRevision known = Capture("S1", {});
  ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
    const Status mended = tables.revisions.Mend(known, EncodeRevision(known.revision));
    EXPECT_FALSE(mended.ok());
    return Ok();
  }));
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    RevisionRow row;
    row.known = known;
    row.canonical = EncodeRevision(known.revision);
    const Status mended = writer.MendRevision(row);
    EXPECT_FALSE(mended.ok());
    return Ok();
  }));
}

// An edge that had not read a revision yet when the centre lost it asked for that page for ever.
TEST_F(RunTest, ARevisionThatTheCentreLostHoldsNoReadersFeedBackAndComesOnceItIsBack) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 5; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  ReadFeed();
  Damage(Deletion({all[1].id}) + Flip({all[3].id}));
  const EdgeId second("edge-second");
  const auto fed_after = [&](FeedCursor after) {
    CentralReader::FeedPage page;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(page, reader.FeedAfter(SiteOID("Kisumu"), second, Incarnation(), after, 100,
                                            1'000'000));
      return Ok();
    }));
    return page;
  };
  const auto ids = [](const CentralReader::FeedPage& page) {
    std::set<RevisionId> set;
    for (const FeedRow& row : page.rows) set.insert(*row.revision);
    return set;
  };
  const CentralReader::FeedPage before = fed_after(FeedCursor());
  EXPECT_EQ(ids(before), (std::set<RevisionId>{all[0].id, all[2].id, all[4].id}));
  EXPECT_FALSE(before.more);
  EXPECT_EQ(Reconcile().state, ReconciliationState::kMended);  // With the edge that has them.
  EXPECT_EQ(ids(fed_after(before.next)), (std::set<RevisionId>{all[1].id, all[3].id}));
  ExpectCentreSound();
}

// The centre's disk was full for a moment. An answer that was half taken then came again: what was
// taken of it was read past its end, or did not fit any more, and the run failed.
TEST_F(RunTest, AWriteThatFailsInTheMidstOfAnAnswerLeavesTheQuestionAsItWas) {
  int moment = 0;
  for (const auto fault : {FaultyStore::Fault::kBefore, FaultyStore::Fault::kAfter}) {
    for (std::uint64_t fails_at = 1;; ++fails_at) {
      const std::string name = "M" + std::to_string(++moment);
      std::vector<KnownRevision> all{Capture(name, {})};
      for (std::size_t i = 1; i < 6; ++i) all.push_back(Capture(name, {all.back()}));
      const KnownRevision whole = Capture(name + "-whole", {});
      Capture(name + "-last", {});
      ReadFeed();
      // Descendants before their ancestors: several passes each way.
      TamperAtSite(Deletion({all[0].id, all[1].id}) + Flip({all[3].id}));
      Damage(Deletion({all[4].id, all[5].id}) + Flip({whole.id}));
      FaultyStore store(*store_, fails_at, fault);
      Reconciling run = NewRun(store);
      int failures = 0;
      while (!run.Begin().ok()) ASSERT_EQ(++failures, 1);
      for (int i = 0; i < 200 && !run.done(); ++i) {
        if (run.not_yet()) ReadFeed();
        const Result<wire::Frame> answer = answers_->Answer(run.question());
        ASSERT_TRUE(answer.ok()) << answer.error().ToString();
        const Status taken = run.Take(*answer, {site_certificate_->ToPem()});
        if (taken.ok()) continue;
        if (taken.error().code == ErrorCode::kStale) break;  // Its end was written.
        ASSERT_EQ(++failures, 1) << taken.error().ToString();
      }
      ReconciliationRow row;
      ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
        EDCSYNC_ASSIGN(const std::optional<ReconciliationRow> ended,
                       reader.FindReconciliation(run.row().id));
        row = *ended;
        return Ok();
      }));
      SCOPED_TRACE("write " + std::to_string(fails_at));
      ASSERT_EQ(row.state, ReconciliationState::kMended) << row.step;
      EXPECT_EQ(row.step, "signed by both sides");
      EXPECT_EQ(row.rounds, 2u);
      EXPECT_EQ(Found(row), (std::map<RevisionId, DifferenceKind>{
                                {all[0].id, DifferenceKind::kMissingAtSite},
                                {all[1].id, DifferenceKind::kMissingAtSite},
                                {all[3].id, DifferenceKind::kDamagedAtSite},
                                {all[4].id, DifferenceKind::kMissingAtCentre},
                                {all[5].id, DifferenceKind::kMissingAtCentre},
                                {whole.id, DifferenceKind::kDamagedAtCentre}}));
      if (!store.failed()) break;  // It has no more writes than that.
    }
  }
  EXPECT_GT(moment, 20);
  ExpectSiteSound();
  ExpectCentreSound();
}

// Much of a site lay in quarantine, so all that one comparison lists was explained; what was missing
// behind it was never looked at, and both sides signed that nothing was.
TEST_F(RunTest, WhatIsMissingBehindWhatIsExplainedIsFound) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 60; ++i) {
    const bool lost = i % 4 == 0;
    all.push_back(Capture("S" + std::to_string(i), {}, /*delivered=*/lost));
    if (lost) continue;
    // Another one's quarantine row: the site has it, and does not count as having sent it.
    ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
      EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
      checkpoint.acknowledged_through = Sequence(++sequence_);
      return tables.checkpoint.Update(checkpoint);
    }));
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      QuarantineRow row;
      row.revision = all.back().id;
      row.bytes = EncodeRevision(all.back().revision);
      row.edge = EdgeId("edge-former");
      row.incarnation = incarnation_;
      row.key = all.back().revision.key;
      row.site = SiteOID("Kisumu");
      row.reason = static_cast<std::uint16_t>(ErrorCode::kLocked);
      row.received_at = writer.Now();
      EDCSYNC_TRY(writer.InsertQuarantine(row));
      EDCSYNC_TRY(writer.InsertIntake(kisumu_, incarnation_here_,
                                      {Sequence(sequence_), row.revision, Outcome::kQuarantined,
                                       row.reason}));
      return Advance(writer, row.revision);
    }));
  }
  ReadFeed();
  std::vector<RevisionId> lost;
  std::map<RevisionId, DifferenceKind> expected;
  for (std::size_t i = 0; i < all.size(); i += 4) {
    lost.push_back(all[i].id);
    expected[all[i].id] = DifferenceKind::kMissingAtCentre;
  }
  Damage(Deletion(lost));
  RunLimits limits;
  limits.leaf_count_max = 8;
  const ReconciliationRow row = Reconcile([] {}, limits);
  EXPECT_EQ(row.state, ReconciliationState::kMended) << row.step;
  EXPECT_EQ(Found(row), expected);
  EXPECT_EQ(row.explained, 45u);
}

// Its former incarnation had sent it: the quarantine's row is that one's, and it was taken for a
// difference at every comparison.
TEST_F(RunTest, WhatAFormerIncarnationHadInQuarantineCountsOnceItWasSentAgain) {
  Capture("S1", {});
  const KnownRevision again = Capture("S2", {}, /*delivered=*/false);
  const KnownRevision never = Make("S3", "F.VS", {}, 1, "70");  // Lost with the former machine.
  ExpectOk(InEdge([&](edge::EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(edge::Checkpoint checkpoint, tables.checkpoint.Get());
    checkpoint.acknowledged_through = Sequence(++sequence_);
    return tables.checkpoint.Update(checkpoint);
  }));
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    for (const KnownRevision& known : {again, never}) {
      QuarantineRow row;
      row.revision = known.id;
      row.bytes = EncodeRevision(known.revision);
      row.edge = kisumu_;
      row.incarnation = incarnation_;
      row.sequence = Sequence(900);
      row.key = known.revision.key;
      row.site = SiteOID("Kisumu");
      row.reason = static_cast<std::uint16_t>(ErrorCode::kLocked);
      row.received_at = writer.Now();
      EDCSYNC_TRY(writer.InsertQuarantine(row));
    }
    EDCSYNC_TRY(writer.InsertIntake(
        kisumu_, incarnation_here_,
        {Sequence(2), again.id, Outcome::kQuarantined,
         static_cast<std::uint16_t>(ErrorCode::kLocked)}));
    return Advance(writer, again.id);
  }));
  ReadFeed();
  const ReconciliationRow row = Reconcile();
  EXPECT_EQ(row.state, ReconciliationState::kEqual) << row.step;
  EXPECT_EQ(row.explained, 0u);
  EXPECT_EQ(row.site_revisions, 2u);
  EXPECT_EQ(row.centre_revisions, 2u);
}

// A terminal that is not set to UTF-8 gave the reason: the report could not be made of it, and the
// gateway ended, again after each start.
TEST_F(RunTest, WhoAsksForItAndWhyMustBeText) {
  const std::string latin = "Pr\xfc" "fung";
  ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_ASSIGN(const std::optional<EdgeRow> edge, writer.FindEdge(kisumu_));
    const auto code = [&](const std::string& user, const std::string& reason) {
      const Result<SnowflakeId> asked = AskForReconciliation(writer, *edge, user, reason);
      return asked.ok() ? std::optional<ErrorCode>() : std::optional(asked.error().code);
    };
    EXPECT_EQ(code("operator", latin), ErrorCode::kFieldInvalid);
    EXPECT_EQ(code(latin, ""), ErrorCode::kFieldInvalid);
    EXPECT_EQ(code("operator", std::string(5000, 'x')), ErrorCode::kFieldInvalid);
    EXPECT_EQ(code("operator", "Pr\xc3\xbc" "fung"), std::nullopt);
    return Ok();
  }));
  ReconciliationRow stored;  // By a release before.
  stored.reason = latin;
  EXPECT_NE(MakeReport(stored, {}, "{}", {}).find("fung"), std::string::npos);
}

// Every "not yet" was written down as progress: a command that waits while anything moves waited as
// long as the backlog lasted.
TEST_F(RunTest, AnEdgeThatIsNotReadyYetMakesNoProgress) {
  Capture("S1", {});
  Reconciling run = NewRun();
  ExpectOk(run.Begin());
  Capture("S2", {}, /*delivered=*/false);
  std::optional<WallTime> changed_at;
  for (int i = 0; i < 20; ++i) {
    ExpectOk(run.Take(Must(answers_->Answer(run.question())), {}));
    ASSERT_TRUE(run.not_yet());
    const WallTime now = run.row().changed_at;
    EXPECT_EQ(changed_at.value_or(now), now);
    changed_at = now;
    clock_.Advance(10'000'000);
  }
  EXPECT_EQ(run.row().rounds, 0u);
}

TEST_F(RunTest, TheReportHoldsOnlyAsBothSidesSignedIt) {
  Capture("S1", {});
  ReadFeed();
  const ReconciliationRow row = Reconcile();
  const std::string file = SignedReport(row);
  const ReportVerdict verdict = Must(VerifyReports(file, {authority_->certificate()}));
  EXPECT_EQ(verdict.findings, std::vector<std::string>{});
  EXPECT_EQ(verdict.signers.size(), 2u);
  ReconciliationRow unsigned_row = row;
  unsigned_row.site_signature.clear();
  EXPECT_EQ(Must(VerifyReports(SignedReport(unsigned_row), {authority_->certificate()})).findings,
            std::vector<std::string>{"the site has not signed"});
  ReconciliationRow swapped = row;
  std::swap(swapped.site_signature, swapped.centre_signature);
  std::swap(swapped.site_pem, swapped.centre_pem);
  EXPECT_FALSE(
      Must(VerifyReports(SignedReport(swapped), {authority_->certificate()})).findings.empty());
  EXPECT_FALSE(VerifyReports("{}", {authority_->certificate()}).ok());
}

TEST_F(RunTest, AnEdgeThatContradictsItselfFailsTheRunAndBringsNothingIn) {
  std::vector<KnownRevision> all;
  for (int i = 0; i < 30; ++i) all.push_back(Capture("S" + std::to_string(i), {}));
  ReadFeed();
  // Each lie, told at the first answer that it fits.
  const std::vector<std::function<bool(wire::Frame&)>> lies = {
      [](wire::Frame& frame) {
        auto* answer = std::get_if<wire::Comparison>(&frame);
        if (answer == nullptr || answer->nodes.size() != 256) return false;
        answer->nodes[7].count += 5;
        return true;
      },
      [](wire::Frame& frame) {
        auto* answer = std::get_if<wire::Comparison>(&frame);
        if (answer == nullptr || answer->nodes.size() != 1) return false;
        answer->nodes[0].digest[0] ^= 1;
        return true;
      },
      [](wire::Frame& frame) {
        auto* answer = std::get_if<wire::Comparison>(&frame);
        if (answer == nullptr || answer->revisions.empty()) return false;
        answer->revisions[0].key.subject = SubjectKey("another");
        return true;
      },
      [&](wire::Frame& frame) {
        auto* given = std::get_if<wire::Return>(&frame);
        if (given == nullptr) return false;
        given->revisions[0].revision = EncodeRevision(Make("X", "F.VS", {}, 1, "1").revision);
        return true;
      },
      [](wire::Frame& frame) {
        auto* answer = std::get_if<wire::Comparison>(&frame);
        if (answer == nullptr || answer->nodes.size() != 1) return false;
        answer->point.sequence = Sequence(1000);
        return true;
      }};
  Damage(Deletion({all[4].id}));
  for (std::size_t i = 0; i < lies.size(); ++i) {
    Reconciling run = NewRun();
    ExpectOk(run.Begin());
    bool lied = false;
    for (int step = 0; step < 50 && !run.done() && !lied; ++step) {
      Result<wire::Frame> answer = answers_->Answer(run.question());
      ASSERT_TRUE(answer.ok());
      lied = lies[i](*answer);
      ExpectOk(run.Take(*answer, {site_certificate_->ToPem()}));
    }
    EXPECT_TRUE(lied) << i;
    EXPECT_EQ(run.row().state, ReconciliationState::kFailed) << i << " " << run.row().step;
  }
  ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const bool here, reader.HasRevision(all[4].id));
    EXPECT_FALSE(here);
    EDCSYNC_ASSIGN(const auto waiting, reader.ListQuarantine(true, 10));
    EXPECT_TRUE(waiting.empty());
    return Ok();
  }));
}

TEST_F(RunTest, AnEdgeSignsNoReportThatSaysOfItWhatItDidNotState) {
  Capture("S1", {});
  ReadFeed();
  Reconciling run = NewRun();
  ExpectOk(run.Begin());
  while (!std::holds_alternative<wire::Settlement>(run.question())) {
    if (run.not_yet()) ReadFeed();
    ExpectOk(run.Take(Must(answers_->Answer(run.question())), {}));
  }
  auto forged = std::get<wire::Settlement>(run.question());
  EXPECT_FALSE(answers_
                   ->Answer(wire::Frame([&] {
                     auto altered = forged;
                     altered.report.replace(altered.report.find("\"revisions\":1"), 13,
                                            "\"revisions\":2");
                     return altered;
                   }()))
                   .ok());
  forged.signature.back() ^= 1;
  EXPECT_FALSE(answers_->Answer(wire::Frame(forged)).ok());
  EXPECT_TRUE(answers_->Answer(run.question()).ok());
}

TEST(Schedule, SpreadsEdgesOverTheLastTenthOfThePeriod) {
  const std::int64_t week = 7LL * 24 * 3600 * 1000;
  std::set<std::int64_t> due;
  for (int i = 0; i < 50; ++i) {
    const WallTime at = DueAt(EdgeId("edge-" + std::to_string(i)), WallTime{1000}, week);
    EXPECT_LE(at.ms, 1000 + week);
    EXPECT_GE(at.ms, 1000 + week - week / 10);
    due.insert(at.ms);
  }
  EXPECT_GT(due.size(), 30u);
}

}  // namespace
}  // namespace edcsync::central
