#include "tests/torture/forms.h"

#include <chrono>
#include <functional>

#include "shared/model/odm_keys.h"

namespace edcsync::torture {
namespace {

constexpr std::size_t kSharedByAll = 20;  // Records that everybody changes.
constexpr std::uint64_t kSharedValueSeconds = 3;

std::uint64_t SharedValue() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count()) /
         kSharedValueSeconds;
}

}  // namespace

SiteForms::SiteForms(std::string site)
    : site_(std::move(site)), lines_(testing::RecordsOf(site_)), entered_(0) {}

// Past the last real record it goes on with the first, of another subject.
SortedJson SiteForms::At(std::size_t index) const {
  SortedJson form =
      SortedJson::parse(lines_[index % lines_.size()], nullptr, /*allow_exceptions=*/false);
  const std::size_t copy = index / lines_.size();
  if (copy > 0) {
    form["subjectKey"] = form["subjectKey"].get<std::string>() + "-" + std::to_string(copy + 1);
  }
  return form;
}

SortedJson SiteForms::Fresh(Random& random) {
  const std::size_t next = entered_.fetch_add(1);
  return At(next > 0 && random.Below(6) == 0 ? next - 1 : next);
}

SortedJson SiteForms::Known(Random& random) const {
  const std::size_t entered = entered_.load();
  const bool shared = entered < kSharedByAll || random.Below(6) != 0;
  return At(random.Below(shared ? kSharedByAll : entered));
}

SortedJson WithItemsOf(const SortedJson& form, const SortedJson& current) {
  SortedJson line = form;
  if (current.contains("itemGroups") && !current["itemGroups"].empty()) {
    line["itemGroups"] = current["itemGroups"];
  }
  return line;
}

SortedJson Changed(const SortedJson& form, const SortedJson& current, bool shared, Random& random) {
  SortedJson line = WithItemsOf(form, current);
  SortedJson& groups = line["itemGroups"];
  SortedJson& items = groups[shared ? 0 : random.Below(groups.size())]["items"];
  auto item = items.begin();
  if (!shared) std::advance(item, static_cast<std::ptrdiff_t>(random.Below(items.size())));
  *item = std::to_string(shared ? SharedValue() : random.Below(1'000'000));
  return line;
}

std::string KeyOf(const SortedJson& form) {
  const std::string key = testing::KeyOf(form.dump());
  const Result<RecordKey> parsed = ParseRecordKey(key);
  return parsed.ok() ? ToString(*parsed) : key;
}

std::size_t ContentHash(const SortedJson& submission) {
  return std::hash<std::string>{}(testing::ContentOf(submission));
}

}  // namespace edcsync::torture
