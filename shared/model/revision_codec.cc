// The canonical encoding of a revision, byte by byte in schema/wire/revision.md.
#include <algorithm>

#include "shared/base/limits.h"
#include "shared/model/revision.h"

namespace edcsync {
namespace {

constexpr std::uint8_t kMagic[] = {'E', 'C', 'R', 1};

void PutVarint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void PutText(Bytes& out, std::string_view text) {
  PutVarint(out, text.size());
  Append(out, AsBytes(text));
}

template <class Number>
void PutFixed(Bytes& out, Number value) {
  auto bits = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < sizeof(Number); ++i, bits >>= 8) {
    out.push_back(static_cast<std::uint8_t>(bits));
  }
}

void PutKey(Bytes& out, const RecordKey& key) {
  PutText(out, key.study.str());
  PutText(out, key.subject.str());
  PutText(out, key.event.str());
  PutText(out, key.event_repeat.str());
  PutText(out, key.form.str());
  PutText(out, key.form_repeat.str());
}

void PutItems(Bytes& out, const FormItems& items) {
  PutVarint(out, items.size());
  for (const auto& [group, values] : items) {
    PutText(out, group.oid.str());
    PutText(out, group.repeat.str());
    PutVarint(out, values.size());
    for (const auto& [item, value] : values) {
      PutText(out, item.str());
      out.push_back(value ? 1 : 0);
      if (value) PutText(out, *value);
    }
  }
}

// Reads what the functions above write. After a failure `failed()` stays true and every read
// returns nothing, so the caller checks once.
class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}
  bool failed() const { return failed_; }
  bool too_large() const { return too_large_; }
  bool AtEnd() const { return rest_.empty(); }

  BytesView Take(std::size_t count) {
    if (failed_ || count > rest_.size()) {
      failed_ = true;
      return {};
    }
    const BytesView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::uint8_t Byte() {
    const BytesView byte = Take(1);
    return byte.empty() ? 0 : byte[0];
  }
  bool Flag() {
    const std::uint8_t byte = Byte();
    if (byte > 1) failed_ = true;
    return byte == 1;
  }
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const std::uint8_t byte = Byte();
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) failed_ = true;  // A longer form of the same number.
        return value;
      }
    }
    failed_ = true;
    return 0;
  }
  std::string_view Text() { return AsText(Take(Varint())); }
  template <class Number>
  Number Fixed() {
    const BytesView bytes = Take(sizeof(Number));
    std::uint64_t bits = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) bits = bits << 8 | bytes[i - 1];
    return static_cast<Number>(bits);
  }
  void Spoil() { failed_ = true; }
  // A count, refused beyond `count_max` before anything of that count is made.
  std::uint64_t Count(std::size_t count_max) {
    const std::uint64_t count = Varint();
    if (count > count_max) failed_ = too_large_ = true;
    return count;
  }

 private:
  BytesView rest_;
  bool failed_ = false;
  bool too_large_ = false;
};

RecordKey TakeKey(Reader& in) {
  RecordKey key;
  key.study = StudyOID(in.Text());
  key.subject = SubjectKey(in.Text());
  key.event = StudyEventOID(in.Text());
  key.event_repeat = RepeatKey(in.Text());
  key.form = FormOID(in.Text());
  key.form_repeat = RepeatKey(in.Text());
  return key;
}

FormItems TakeItems(Reader& in) {
  FormItems items;
  const std::uint64_t group_count = in.Count(limits::kItemGroupCountMax);
  std::size_t items_left = limits::kItemCountMax;
  for (std::uint64_t g = 0; g < group_count && !in.failed(); ++g) {
    ItemGroupKey group{ItemGroupOID(in.Text()), RepeatKey(in.Text())};
    if (!items.empty() && !(items.rbegin()->first < group)) in.Spoil();
    auto& values = items.emplace_hint(items.end(), std::move(group),
                                      std::map<ItemOID, ItemValue>())->second;
    const std::uint64_t item_count = in.Count(items_left);
    if (in.failed()) break;
    items_left -= item_count;
    for (std::uint64_t i = 0; i < item_count && !in.failed(); ++i) {
      ItemOID item(in.Text());
      ItemValue value;
      if (in.Flag()) value = std::string(in.Text());
      if (!values.empty() && !(values.rbegin()->first < item)) in.Spoil();
      values.emplace_hint(values.end(), std::move(item), std::move(value));
    }
  }
  return items;
}

}  // namespace

Bytes EncodeRevision(const Revision& revision) {
  Bytes out;
  out.reserve(1536);
  Append(out, kMagic);
  PutKey(out, revision.key);
  PutText(out, revision.site.str());
  out.push_back(static_cast<std::uint8_t>(revision.origin));
  out.push_back(revision.removed ? 1 : 0);
  PutVarint(out, revision.version);
  PutVarint(out, revision.parents.size());
  for (const RevisionId& parent : revision.parents) Append(out, parent.view());
  PutText(out, revision.metadata_version.str());
  PutText(out, revision.user);
  PutText(out, revision.edge.str());
  PutFixed(out, revision.edited_at.ms);
  PutVarint(out, revision.edited_at.counter);
  PutFixed(out, revision.utc_offset_minutes);
  out.push_back(revision.clock_drift_ms ? 1 : 0);
  if (revision.clock_drift_ms) PutFixed(out, *revision.clock_drift_ms);
  PutText(out, revision.reason_for_change);
  Append(out, revision.salt);
  PutItems(out, revision.items);
  return out;
}

Result<Revision> DecodeRevision(BytesView bytes) {
  if (bytes.size() > limits::kRevisionBytesMax) {
    return Fail(ErrorCode::kTooLarge, "A revision is larger than " +
                                          std::to_string(limits::kRevisionBytesMax) + " bytes");
  }
  Reader in(bytes);
  if (!std::ranges::equal(in.Take(sizeof kMagic), kMagic)) {
    return Fail(ErrorCode::kMalformed, "A revision does not start with its magic bytes");
  }
  Revision revision;
  revision.key = TakeKey(in);
  revision.site = SiteOID(in.Text());
  const std::uint8_t origin = in.Byte();
  if (origin < 1 || origin > 5) in.Spoil();
  revision.origin = static_cast<Origin>(origin);
  revision.removed = in.Flag();
  const std::uint64_t version = in.Varint();
  if (version > UINT32_MAX) in.Spoil();
  revision.version = static_cast<std::uint32_t>(version);
  const std::uint64_t parent_count = in.Count(limits::kParentCountMax);
  for (std::uint64_t i = 0; i < parent_count && !in.failed(); ++i) {
    const BytesView parent = in.Take(sizeof(Digest));
    if (!parent.empty()) revision.parents.push_back(RevisionIdFromBytes(parent));
  }
  revision.metadata_version = MetaDataVersionOID(in.Text());
  revision.user = std::string(in.Text());
  revision.edge = EdgeId(in.Text());
  revision.edited_at.ms = in.Fixed<std::int64_t>();
  const std::uint64_t counter = in.Varint();
  if (counter > UINT32_MAX) in.Spoil();
  revision.edited_at.counter = static_cast<std::uint32_t>(counter);
  revision.utc_offset_minutes = in.Fixed<std::int16_t>();
  if (in.Flag()) revision.clock_drift_ms = in.Fixed<std::int64_t>();
  revision.reason_for_change = std::string(in.Text());
  const BytesView salt = in.Take(revision.salt.size());
  std::copy(salt.begin(), salt.end(), revision.salt.begin());
  revision.items = TakeItems(in);
  if (in.too_large()) {
    return Fail(ErrorCode::kTooLarge, "A revision has more parents, groups or items than allowed");
  }
  if (in.failed() || !in.AtEnd()) {
    return Fail(ErrorCode::kMalformed, "A revision's bytes are cut short or not canonical");
  }
  EDCSYNC_TRY(CheckRevision(revision));
  return revision;
}

}  // namespace edcsync
