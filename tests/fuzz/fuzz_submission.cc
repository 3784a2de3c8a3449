// A body is split and each part parsed without harm; what is accepted is written and read again
// with the same content, and no refusal is anything but UTF-8.
#include "shared/base/check.h"
#include "shared/model/submission.h"

namespace {

void TryOne(const std::string& text) {
  const auto submission = edcsync::ParseSubmission(text);
  if (!submission.ok()) {
    CHECK(edcsync::IsUtf8(submission.error().message));
    return;
  }
  edcsync::Revision revision;
  revision.key = submission->key;
  revision.site = submission->site;
  revision.items = submission->items;
  revision.removed = submission->remove;
  revision.metadata_version = submission->metadata_version;
  revision.user = submission->user;
  revision.reason_for_change = submission->reason_for_change;
  const auto again =
      edcsync::ParseSubmission(edcsync::FormatSubmission(revision, std::nullopt));
  CHECK(again.ok());
  CHECK(again->key == submission->key && again->items == submission->items);
  CHECK(again->reason_for_change == submission->reason_for_change);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  TryOne(body);
  const auto parts = edcsync::SplitSubmissions(body);
  if (parts.ok()) {
    for (const std::string& part : *parts) TryOne(part);
  }
  return 0;
}
