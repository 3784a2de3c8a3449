#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "shared/model/revision.h"
#include "shared/model/submission.h"
#include "tests/property/pick.h"

namespace edcsync {
namespace {

// Text of 1 to `size_max` code points from all planes, control characters only if `any`.
std::string AnyText(std::size_t size_min, std::size_t size_max, bool any) {
  std::string text;
  const std::size_t size = Pick<std::size_t>(size_min, size_max + 1);
  for (std::size_t i = 0; i < size; ++i) {
    switch (Pick(0, 6)) {
      case 0: text += "\xC3\xA9"; break;
      case 1: text += "\xE2\x80\xA8"; break;
      case 2: text += "\xF0\x9F\x92\x8A"; break;
      default: text += static_cast<char>(Pick(any ? 0 : 0x20, 0x7F));
    }
  }
  return text;
}

Revision AnyRevision() {
  Revision revision;
  const auto oid = [] { return AnyText(1, 12, false); };
  revision.key = {StudyOID(oid()), SubjectKey(oid()), StudyEventOID(oid()),
                  RepeatKey(oid()), FormOID(oid()),   RepeatKey(oid())};
  revision.site = SiteOID(oid());
  revision.origin = static_cast<Origin>(Pick(1, 6));
  if (revision.origin == Origin::kSite) revision.edge = EdgeId("kisumu-1");
  std::set<RevisionId> parents;
  const int parent_count = Pick(0, 4);
  for (int i = 0; i < parent_count; ++i) {
    RevisionId id;
    for (auto& byte : id.digest) byte = Pick<std::uint8_t>(0, 255);
    parents.insert(id);
  }
  revision.parents.assign(parents.begin(), parents.end());
  revision.version = parents.empty() ? 1 : Pick<std::uint32_t>(2, UINT32_MAX);
  revision.metadata_version = MetaDataVersionOID(AnyText(0, 8, false));
  revision.user = AnyText(0, 8, false);
  revision.reason_for_change = AnyText(0, 30, true);
  revision.edited_at = {*rc::gen::arbitrary<std::int64_t>(), *rc::gen::arbitrary<std::uint32_t>()};
  revision.utc_offset_minutes = *rc::gen::arbitrary<std::int16_t>();
  if (*rc::gen::arbitrary<bool>()) revision.clock_drift_ms = *rc::gen::arbitrary<std::int64_t>();
  for (auto& byte : revision.salt) byte = Pick<std::uint8_t>(0, 255);
  revision.removed = Pick(0, 5) == 0;
  const int item_count = revision.removed ? 0 : Pick(0, 20);
  for (int i = 0; i < item_count; ++i) {
    const ItemGroupKey group{ItemGroupOID(AnyText(1, 2, false)), RepeatKey(AnyText(1, 2, false))};
    ItemValue value;
    if (Pick(0, 4) != 0) value = AnyText(0, 20, true);
    revision.items[group][ItemOID(AnyText(1, 3, false))] = value;
  }
  return revision;
}

RC_GTEST_PROP(RevisionLaw, DecodingGivesBackWhatWasEncoded, ()) {
  const Revision revision = AnyRevision();
  const auto decoded = DecodeRevision(EncodeRevision(revision));
  RC_ASSERT(decoded.ok());
  RC_ASSERT(*decoded == revision);
}

RC_GTEST_PROP(RevisionLaw, AnAlteredEncodingIsRefusedOrTheOnlyOneOfAnotherRevision, ()) {
  Bytes bytes = EncodeRevision(AnyRevision());
  const int edits = Pick(1, 4);
  for (int i = 0; i < edits; ++i) {
    const auto at = Pick<std::ptrdiff_t>(0, std::ssize(bytes));
    switch (Pick(0, 3)) {
      case 0: bytes[static_cast<std::size_t>(at)] = Pick<std::uint8_t>(0, 255); break;
      case 1: bytes.insert(bytes.begin() + at, Pick<std::uint8_t>(0, 255)); break;
      default: bytes.erase(bytes.begin() + at);
    }
  }
  const auto decoded = DecodeRevision(bytes);
  if (decoded.ok()) RC_ASSERT(EncodeRevision(*decoded) == bytes);
}

RC_GTEST_PROP(RevisionLaw, TheRecordKeysTextFormGivesBackTheKey, ()) {
  const RecordKey key = AnyRevision().key;
  const auto parsed = ParseRecordKey(ToString(key));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == key);
}

RC_GTEST_PROP(RevisionLaw, TheSubmissionFormGivesBackTheContent, ()) {
  const Revision revision = AnyRevision();
  const std::string text = FormatSubmission(revision, std::nullopt);
  const auto parsed = ParseSubmission(text);
  RC_ASSERT(parsed.ok());
  RC_ASSERT(parsed->key == revision.key);
  RC_ASSERT(parsed->site == revision.site);
  RC_ASSERT(parsed->items == revision.items);
  RC_ASSERT(parsed->remove == revision.removed);
  RC_ASSERT(parsed->user == revision.user);
  RC_ASSERT(parsed->reason_for_change == revision.reason_for_change);
  RC_ASSERT(SplitSubmissions(text).value() == std::vector{text});
}

}  // namespace
}  // namespace edcsync
