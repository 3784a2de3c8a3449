#include "central-gateway/web/queue_query.h"

#include <sstream>

#include "central-gateway/web/paging.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kTextBytesMax = 512;
constexpr std::size_t kWordsMax = 8;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

Status ParseState(const std::string& text, QueueFilter& filter) {
  if (text.empty() || text == "open") return Ok();
  if (text == "all") {
    filter.state = std::nullopt;
  } else if (text == "resolved") {
    filter.state = ConflictEnd::kResolved;
  } else if (text == "superseded") {
    filter.state = ConflictEnd::kSuperseded;
  } else {
    return tl::unexpected<Error>(Invalid("state", "open, resolved, superseded or all"));
  }
  return Ok();
}

Status ParseDue(const std::string& text, WallTime now, QueueFilter& filter) {
  if (text.empty()) return Ok();
  if (text == "overdue") {
    filter.due_before = now;
  } else if (text == "today") {
    filter.due_before = WallTime{now.ms + kDayMs};
  } else if (text == "week") {
    filter.due_before = WallTime{now.ms + 7 * kDayMs};
  } else {
    return tl::unexpected<Error>(Invalid("due", "overdue, today or week"));
  }
  return Ok();
}

Result<QueueOrder> ParseOrder(std::string text) {
  static const std::map<std::string, QueueSort, std::less<>> kSorts = {
      {"severity", QueueSort::kSeverity}, {"study", QueueSort::kStudy},
      {"site", QueueSort::kSite},         {"subject", QueueSort::kSubject},
      {"event", QueueSort::kEvent},       {"form", QueueSort::kForm},
      {"items", QueueSort::kItems},       {"openedAt", QueueSort::kOpenedAt},
      {"due", QueueSort::kDue},           {"assignee", QueueSort::kAssignee}};
  if (text.empty()) return QueueOrder{};
  QueueOrder order;
  order.descending = text.front() == '-';
  if (order.descending) text.erase(0, 1);
  const auto found = kSorts.find(text);
  if (found == kSorts.end()) return tl::unexpected<Error>(Invalid("sort", "one of the columns"));
  order.sort = found->second;
  return order;
}

Status ParseTexts(const HttpRequest& request, const Viewer& viewer, QueueFilter& filter) {
  const std::pair<const char*, std::string*> texts[] = {
      {"study", &filter.study}, {"site", &filter.site}, {"subject", &filter.subject},
      {"event", &filter.event}, {"form", &filter.form}, {"item", &filter.item}};
  for (const auto& [name, target] : texts) {
    *target = request.Query(name);
    if (target->size() > kTextBytesMax) {
      return tl::unexpected<Error>(Invalid(name, "at most 512 bytes long"));
    }
  }
  const std::string severity = request.Query("severity");
  if (severity == "hard") filter.severity = Severity::kHard;
  if (severity == "soft") filter.severity = Severity::kSoft;
  if (!severity.empty() && !filter.severity) {
    return tl::unexpected<Error>(Invalid("severity", "hard or soft"));
  }
  const std::string assignee = request.Query("assignee");
  if (!assignee.empty()) filter.assignee = assignee;
  if (assignee == "me") filter.assignee = viewer.user;
  if (assignee == "none") filter.assignee = "";
  const std::string waits_for = request.Query("waitsFor");
  if (waits_for == "site" || waits_for == "desk") filter.at_site = waits_for == "site";
  if (!waits_for.empty() && !filter.at_site) {
    return tl::unexpected<Error>(Invalid("waitsFor", "site or desk"));
  }
  const std::string words = request.Query("q");
  if (words.size() > kTextBytesMax) {
    return tl::unexpected<Error>(Invalid("q", "at most 512 bytes long"));
  }
  std::istringstream stream(words);
  for (std::string word; filter.words.size() < kWordsMax && stream >> word;) {
    filter.words.push_back(word);
  }
  return Ok();
}

}  // namespace

Result<QueueRequest> ParseQueueRequest(const HttpRequest& request, const Viewer& viewer,
                                       const DueTimes& due_times, WallTime now) {
  QueueRequest queue;
  queue.filter.due_times = due_times;
  EDCSYNC_TRY(ParseState(request.Query("state"), queue.filter));
  EDCSYNC_TRY(ParseDue(request.Query("due"), now, queue.filter));
  EDCSYNC_TRY(ParseTexts(request, viewer, queue.filter));
  EDCSYNC_ASSIGN(queue.order, ParseOrder(request.Query("sort")));
  EDCSYNC_ASSIGN(queue.count_max, ParseLimit(request));
  EDCSYNC_ASSIGN(const auto place, ParseCursor(request, 2));
  if (place) {
    EDCSYNC_ASSIGN(const std::uint64_t id, ParseNumber("cursor", place->at(1)));
    queue.after = QueuePlace{place->at(0), SnowflakeId(id)};
  }
  return queue;
}

}  // namespace edcsync::central
