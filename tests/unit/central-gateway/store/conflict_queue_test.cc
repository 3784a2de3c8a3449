// The queue held against what a plain walk over all conflicts would find.
#include <set>

#include "tests/unit/central-gateway/store/store_fixture.h"

namespace edcsync::central {
namespace {

constexpr int kConflicts = 72;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::size_t kEverything = 10'000;

class ConflictQueueTest : public CentralStoreTest {
 protected:
  void SetUp() override {
    CentralStoreTest::SetUp();
    for (int i = 0; i < kConflicts; ++i) Add(i);
    clock_.Advance(0);
    whole_ = List(Unfiltered(), {});
    EXPECT_EQ(std::count_if(whole_.begin(), whole_.end(),
                            [](const QueueRow& row) {
                              return row.conflict.end == ConflictEnd::kOpen;
                            }),
              64);
    ASSERT_EQ(whole_.size(), static_cast<std::size_t>(kConflicts));
  }

  // Of every kind some, in an order that no column has; many share each column's value.
  void Add(int i) {
    static const char* const kSites[] = {"Kisumu", "Tororo", "Busia"};
    static const char* const kItems[] = {"IG.VS[1]/IT.PULSE", "IG.VS[2]/IT.PULSE2",
                                         "IG.DM[1]/IT.SEX"};
    KnownRevision known = Make("S" + std::to_string(i % 7) + "-" + std::to_string(i % 6), "F.VS",
                               {}, 1, "70", kSites[i % 3]);
    RecordKey& key = known.revision.key;
    if (i % 2 == 1) key.study = StudyOID("OTHER");
    if (i % 5 == 0) key.event = StudyEventOID("SE.BASELINE");
    if (i % 4 == 0) key.form = FormOID("F.DM");
    key.event_repeat = RepeatKey(std::to_string(i + 1));
    known.id = IdOf(EncodeRevision(known.revision));
    ExpectOk(store_->Write([&](CentralWriter& writer) -> Status {
      EDCSYNC_TRY(Insert(writer, known));
      ConflictRow row;
      EDCSYNC_ASSIGN(row.id, writer.NewId());
      row.record_id = Must(writer.FindRecord(key))->record_id;
      row.site = known.revision.site;
      row.severity = i % 3 == 0 ? Severity::kHard : Severity::kSoft;
      row.heads = {known.id};
      row.items = {kItems[i % 3]};
      if (i % 8 == 0) row.items.push_back("IG.AE[1]/IT.TERM");
      row.opened_at = {clock_.Wall().ms - (i * 37 % 24) * 30 * kHourMs};
      EDCSYNC_TRY(writer.InsertConflict(row));
      if (i % 9 == 8) {
        row.end = i % 2 == 0 ? ConflictEnd::kResolved : ConflictEnd::kSuperseded;
        row.ended_by = known.id;
        row.ended_at = clock_.Wall();
        row.ended_user = "dm";
        EDCSYNC_TRY(writer.UpdateConflict(row));
      }
      if (i % 4 == 3) return Ok();  // Nobody ever worked on it.
      return writer.PutWork({row.id, i % 4 == 0 ? "dm" : i % 4 == 1 ? "okello" : "", "", {}, 1});
    }));
  }

  static QueueFilter Unfiltered() {
    QueueFilter filter;
    filter.state.reset();
    filter.scopes = {Scope{}};
    return filter;
  }
  std::vector<QueueRow> List(const QueueFilter& filter, const QueueOrder& order,
                             const QueuePlace* after = nullptr,
                             std::size_t count_max = kEverything) {
    std::vector<QueueRow> rows;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(rows, reader.ListQueue(filter, order, after, count_max));
      return Ok();
    }));
    return rows;
  }
  std::uint64_t Total(const QueueFilter& filter) {
    std::uint64_t total = 0;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(total, reader.CountQueueRows(filter));
      return Ok();
    }));
    return total;
  }
  QueueCounts Count(const QueueFilter& filter, const std::string& user) {
    QueueCounts counts;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(counts, reader.CountQueue(filter, user, clock_.Wall()));
      return Ok();
    }));
    return counts;
  }
  static std::vector<std::uint64_t> Ids(const std::vector<QueueRow>& rows) {
    std::vector<std::uint64_t> ids;
    for (const QueueRow& row : rows) ids.push_back(row.conflict.id.value());
    return ids;
  }
  using Fits = std::function<bool(const QueueRow&)>;
  // The filter finds what a walk finds: some, and not all. One of any state is tried on the open
  // ones too, which have a table of their own.
  void ExpectFinds(QueueFilter filter, const Fits& fits, const std::string& name) {
    std::set<std::uint64_t> expected;
    for (const QueueRow& row : whole_) {
      if (fits(row)) expected.insert(row.conflict.id.value());
    }
    EXPECT_GT(expected.size(), 0u) << name;
    EXPECT_LT(expected.size(), whole_.size()) << name;
    ExpectListed(filter, expected, name);
    if (filter.state) return;
    filter.state = ConflictEnd::kOpen;
    for (const QueueRow& row : whole_) {
      if (row.conflict.end != ConflictEnd::kOpen) expected.erase(row.conflict.id.value());
    }
    ExpectListed(filter, expected, "open, " + name);
  }
  void ExpectListed(const QueueFilter& filter, const std::set<std::uint64_t>& expected,
                    const std::string& name) {
    const std::vector<std::uint64_t> found = Ids(List(filter, {}));
    EXPECT_EQ(std::set<std::uint64_t>(found.begin(), found.end()), expected) << name;
    EXPECT_EQ(found.size(), expected.size()) << name;
    EXPECT_EQ(Total(filter), expected.size()) << name;
    EXPECT_EQ(Count(filter, "dm").total, expected.size()) << name;
  }
  static bool HasItem(const QueueRow& row, const std::string& item) {
    return std::any_of(row.conflict.items.begin(), row.conflict.items.end(),
                       [&](const std::string& path) { return path.ends_with("/" + item); });
  }

  std::vector<QueueRow> whole_;
};

TEST_F(ConflictQueueTest, EachFilterFindsWhatFitsAndNothingElse) {
  QueueFilter filter = Unfiltered();
  filter.state = ConflictEnd::kOpen;
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.end == ConflictEnd::kOpen; }, "open");
  filter.state = ConflictEnd::kSuperseded;
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.end == ConflictEnd::kSuperseded; }, "superseded");
  filter = Unfiltered();
  filter.severity = Severity::kHard;
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.severity == Severity::kHard; }, "hard");
  filter = Unfiltered();
  filter.study = "OTHER";
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.key.study.str() == "OTHER"; }, "study");
  filter = Unfiltered();
  filter.site = "Busia";
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.site.str() == "Busia"; }, "site");
  filter = Unfiltered();
  filter.subject = "S3-3";
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.key.subject.str() == "S3-3"; }, "subject");
  filter = Unfiltered();
  filter.event = "SE.BASELINE";
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.key.event.str() == "SE.BASELINE"; }, "event");
  filter = Unfiltered();
  filter.form = "F.DM";
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.key.form.str() == "F.DM"; }, "form");
}

TEST_F(ConflictQueueTest, AnItemIsFoundWholeAndWhereverItStandsInTheList) {
  for (const char* item : {"IT.PULSE", "IT.PULSE2", "IT.TERM"}) {
    QueueFilter filter = Unfiltered();
    filter.item = item;
    ExpectFinds(
        filter, [&](auto& row) { return HasItem(row, item); }, item);
  }
  QueueFilter part = Unfiltered();
  part.item = "IT.PUL";
  EXPECT_EQ(Total(part), 0u);
}

TEST_F(ConflictQueueTest, AnAssigneesNobodysAndWhatIsDueSoonAreFound) {
  QueueFilter filter = Unfiltered();
  filter.assignee = "okello";
  ExpectFinds(
      filter, [](auto& row) { return row.work.assignee == "okello"; }, "okello");
  filter.assignee = "";
  ExpectFinds(
      filter, [](auto& row) { return row.work.assignee.empty(); }, "nobody");
  filter = Unfiltered();
  filter.due_before = clock_.Wall();
  const DueTimes due_times;
  ExpectFinds(
      filter, [&](auto& row) { return due_times.DueAt(row.conflict) < clock_.Wall(); }, "due");
  filter.due_times.soft_ms = filter.due_times.hard_ms;
  ExpectFinds(
      filter,
      [&](auto& row) { return row.conflict.opened_at.ms + due_times.hard_ms < clock_.Wall().ms; },
      "due by another agreement");
}

TEST_F(ConflictQueueTest, EachWordMustStandSomewhereWhateverItsCase) {
  const auto found = [&](std::vector<std::string> words) {
    QueueFilter filter = Unfiltered();
    filter.words = std::move(words);
    return Ids(List(filter, {}));
  };
  QueueFilter filter = Unfiltered();
  filter.words = {"kISum", "baseline", "OKELL"};
  ExpectFinds(
      filter,
      [](auto& row) {
        return row.conflict.site.str() == "Kisumu" && row.work.assignee == "okello" &&
               row.conflict.key.event.str() == "SE.BASELINE";
      },
      "three words");
  filter.words = {"it.term"};
  ExpectFinds(
      filter, [](auto& row) { return HasItem(row, "IT.TERM"); }, "an item");
  EXPECT_TRUE(found({"kisumu", "tororo"}).empty());
  EXPECT_TRUE(found({"%"}).empty());
  EXPECT_TRUE(found({"K_sumu"}).empty()) << "no wildcard";
  EXPECT_TRUE(found({"70"}).empty()) << "values are not searched";
  EXPECT_EQ(found({}).size(), whole_.size());
}

TEST_F(ConflictQueueTest, AScopeIsAStudyAndASiteAndNoneIsNothing) {
  QueueFilter filter = Unfiltered();
  filter.scopes.clear();
  EXPECT_EQ(List(filter, {}).size(), 0u);
  EXPECT_EQ(Total(filter), 0u);
  EXPECT_EQ(Count(filter, "dm").total, 0u);
  filter.scopes = {{StudyOID("OTHER"), SiteOID()}};
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.key.study.str() == "OTHER"; }, "study");
  filter.scopes = {{StudyOID(), SiteOID("Tororo")}};
  ExpectFinds(
      filter, [](auto& row) { return row.conflict.site.str() == "Tororo"; }, "site");
  filter.scopes = {{StudyOID("OTHER"), SiteOID("Tororo")},
                   {StudyOID("CDISCPILOT01"), SiteOID("Kisumu")}};
  ExpectFinds(
      filter,
      [](auto& row) {
        const bool other = row.conflict.key.study.str() == "OTHER";
        return row.conflict.site.str() == (other ? "Tororo" : "Kisumu");
      },
      "pairs");
  filter.site = "Busia";
  EXPECT_EQ(Total(filter), 0u) << "a filter does not widen a scope";
  filter = Unfiltered();
  filter.scopes = {{StudyOID("OTHER"), SiteOID("Nowhere")}};
  EXPECT_EQ(Total(filter), 0u);
}

TEST_F(ConflictQueueTest, EveryOrderPagedIsTheOrderUnpagedBothWays) {
  const DueTimes due_times;
  const auto number = [](std::int64_t value) {
    std::string digits = std::to_string(value);
    return std::string(20 - digits.size(), '0') + digits;
  };
  const std::pair<QueueSort, std::function<std::string(const QueueRow&)>> sorts[] = {
      {QueueSort::kSeverity,
       [&](auto& row) { return number(static_cast<int>(row.conflict.severity)); }},
      {QueueSort::kStudy, [](auto& row) { return row.conflict.key.study.str(); }},
      {QueueSort::kSite, [](auto& row) { return row.conflict.site.str(); }},
      {QueueSort::kSubject, [](auto& row) { return row.conflict.key.subject.str(); }},
      {QueueSort::kEvent, [](auto& row) { return row.conflict.key.event.str(); }},
      {QueueSort::kForm, [](auto& row) { return row.conflict.key.form.str(); }},
      {QueueSort::kItems, [](auto& row) { return row.conflict.items.front(); }},
      {QueueSort::kOpenedAt, [&](auto& row) { return number(row.conflict.opened_at.ms); }},
      {QueueSort::kDue, [&](auto& row) { return number(due_times.DueAt(row.conflict).ms); }},
      {QueueSort::kAssignee, [](auto& row) { return row.work.assignee; }},
  };
  QueueFilter open_only = Unfiltered();
  open_only.state = ConflictEnd::kOpen;
  const std::size_t open_count = Total(open_only);
  for (std::size_t round = 0; round < 2 * std::size(sorts); ++round) {
    const auto& [sort, value_of] = sorts[round / 2];
    const QueueFilter filter = round % 2 == 0 ? Unfiltered() : open_only;
    const std::size_t count = round % 2 == 0 ? whole_.size() : open_count;
    std::vector<std::uint64_t> upward;
    for (const bool descending : {false, true}) {
      const QueueOrder order{sort, descending};
      const std::vector<QueueRow> unpaged = List(filter, order);
      EXPECT_EQ(unpaged.size(), count);
      for (std::size_t i = 1; i < unpaged.size(); ++i) {
        const std::string before = value_of(unpaged[i - 1]), after = value_of(unpaged[i]);
        EXPECT_TRUE(descending ? before >= after : before <= after)
            << static_cast<int>(sort) << " " << before << " " << after;
      }
      std::vector<QueueRow> paged;
      std::optional<QueuePlace> place;
      while (true) {
        const std::vector<QueueRow> page = List(filter, order, place ? &*place : nullptr, 5);
        paged.insert(paged.end(), page.begin(), page.end());
        if (page.size() < 5 || paged.size() > count) break;
        place = QueuePlace{page.back().sort_value, page.back().conflict.id};
      }
      EXPECT_EQ(Ids(paged), Ids(unpaged)) << static_cast<int>(sort) << descending;
      std::vector<std::uint64_t> ids = Ids(unpaged);
      if (descending) std::reverse(ids.begin(), ids.end());
      if (!descending) upward = ids;
      EXPECT_EQ(ids, upward) << static_cast<int>(sort) << ": one way is the other turned round";
    }
  }
}

TEST_F(ConflictQueueTest, CountsAreThoseOfTheList) {
  QueueFilter filter = Unfiltered();
  filter.state = ConflictEnd::kOpen;
  filter.study = "CDISCPILOT01";
  const std::vector<QueueRow> rows = List(filter, {});
  const QueueCounts counts = Count(filter, "dm");
  QueueCounts expected;
  std::map<std::string, std::uint64_t> by_site;
  for (const QueueRow& row : rows) {
    const bool hard = row.conflict.severity == Severity::kHard;
    ++expected.total;
    ++(hard ? expected.hard : expected.soft);
    if (filter.due_times.DueAt(row.conflict) < clock_.Wall()) ++expected.overdue;
    if (row.work.assignee == "dm") ++expected.mine;
    if (row.work.assignee.empty()) ++expected.unassigned;
    ++by_site[row.conflict.site.str()];
    const std::int64_t hours = (clock_.Wall().ms - row.conflict.opened_at.ms) / kHourMs;
    std::size_t age = 0;
    while (age + 1 < QueueCounts::kFromHours.size() && hours >= QueueCounts::kFromHours[age + 1]) {
      ++age;
    }
    ++(hard ? expected.by_age[age].hard : expected.by_age[age].soft);
  }
  EXPECT_EQ(counts.total, expected.total);
  EXPECT_EQ(counts.hard, expected.hard);
  EXPECT_EQ(counts.soft, expected.soft);
  EXPECT_EQ(counts.overdue, expected.overdue);
  EXPECT_EQ(counts.mine, expected.mine);
  EXPECT_EQ(counts.unassigned, expected.unassigned);
  for (const std::uint64_t some :
       {counts.hard, counts.soft, counts.overdue, counts.mine, counts.unassigned}) {
    EXPECT_GT(some, 0u);
  }
  for (std::size_t i = 0; i < counts.by_age.size(); ++i) {
    EXPECT_EQ(counts.by_age[i].hard, expected.by_age[i].hard) << i;
    EXPECT_EQ(counts.by_age[i].soft, expected.by_age[i].soft) << i;
  }
  ASSERT_EQ(counts.by_site.size(), by_site.size());
  for (const QueueCounts::Site& site : counts.by_site) {
    EXPECT_EQ(site.count, by_site[site.site.str()]) << site.site.str();
  }
}

TEST_F(ConflictQueueTest, AnEndedConflictIsNotOverdue) {
  QueueFilter filter = Unfiltered();
  filter.state = ConflictEnd::kResolved;
  filter.due_before = clock_.Wall();
  ASSERT_GT(Total(filter), 0u);
  EXPECT_EQ(Count(filter, "dm").overdue, 0u);
}

TEST_F(ConflictQueueTest, WhatWorkWasPutIsReadAndTheTokenNeverFalls) {
  const SnowflakeId id = whole_.front().conflict.id;
  const ConflictWork work{id, "dm", "okello", {clock_.Wall().ms + 5}, 7};
  const auto put = [&](const ConflictWork& one) {
    return store_->Write([&](CentralWriter& writer) { return writer.PutWork(one); });
  };
  const auto read = [&](SnowflakeId of) {
    ConflictWork found;
    ExpectOk(store_->Read([&](CentralReader& reader) -> Status {
      EDCSYNC_ASSIGN(found, reader.WorkOn(of));
      return Ok();
    }));
    return found;
  };
  ExpectOk(put(work));
  ConflictWork lower = work;
  lower.fencing_token = 6;
  lower.claimed_by = "thief";
  EXPECT_FALSE(put(lower).ok());
  const ConflictWork stored = read(id);
  EXPECT_EQ(stored.assignee, "dm");
  EXPECT_EQ(stored.claimed_by, "okello");
  EXPECT_EQ(stored.claim_expires_at, work.claim_expires_at);
  EXPECT_EQ(stored.fencing_token, 7u);
  const ConflictWork none = read(SnowflakeId(12345));
  EXPECT_EQ(none.conflict, SnowflakeId(12345));
  EXPECT_EQ(none.assignee + none.claimed_by, "");
  EXPECT_EQ(none.fencing_token, 0u);
}

}  // namespace
}  // namespace edcsync::central
