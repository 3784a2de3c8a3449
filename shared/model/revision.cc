#include "shared/model/revision.h"

#include <algorithm>

#include "shared/base/check.h"

namespace edcsync {

std::optional<RevisionId> RevisionIdFromHex(std::string_view hex) {
  const std::optional<Bytes> bytes = FromHex(hex);
  if (!bytes || bytes->size() != sizeof(Digest)) return std::nullopt;
  return RevisionIdFromBytes(*bytes);
}

RevisionId RevisionIdFromBytes(BytesView bytes) {
  RevisionId id;
  CHECK(bytes.size() == id.digest.size());
  std::copy(bytes.begin(), bytes.end(), id.digest.begin());
  return id;
}

Bytes JoinIds(const std::vector<RevisionId>& ids) {
  Bytes joined;
  joined.reserve(ids.size() * sizeof(Digest));
  for (const RevisionId& id : ids) Append(joined, id.view());
  return joined;
}

std::vector<RevisionId> SplitIds(BytesView joined) {
  CHECK(joined.size() % sizeof(Digest) == 0);
  std::vector<RevisionId> ids;
  for (; !joined.empty(); joined = joined.subspan(sizeof(Digest))) {
    ids.push_back(RevisionIdFromBytes(joined.first(sizeof(Digest))));
  }
  return ids;
}

std::string_view ToString(Origin origin) {
  switch (origin) {
    case Origin::kSite: return "site";
    case Origin::kOnline: return "online";
    case Origin::kResolution: return "resolution";
    case Origin::kConvergence: return "convergence";
    case Origin::kMerge: return "merge";
  }
  return "site";
}

Status CheckRevision(const Revision& revision) {
  EDCSYNC_TRY(CheckRecordKey(revision.key));
  EDCSYNC_TRY(CheckOid("siteOID", revision.site.str(), limits::kOidBytesMax));
  if (revision.version == 0) return Fail(ErrorCode::kFieldInvalid, "version is 0");
  if ((revision.version == 1) != revision.parents.empty()) {
    return Fail(ErrorCode::kVersionMismatch, "only version 1 has no parents");
  }
  if (revision.parents.size() > limits::kParentCountMax) {
    return Fail(ErrorCode::kTooLarge,
                "More than " + std::to_string(limits::kParentCountMax) + " parents");
  }
  if (std::adjacent_find(revision.parents.begin(), revision.parents.end(),
                         std::greater_equal<>()) != revision.parents.end()) {
    return Fail(ErrorCode::kFieldInvalid, "parents are not in ascending order");
  }
  if (!revision.metadata_version.empty()) {
    EDCSYNC_TRY(CheckOid("metaDataVersionOID", revision.metadata_version.str(),
                         limits::kOidBytesMax));
  }
  if (!revision.user.empty()) {
    EDCSYNC_TRY(CheckOid("user", revision.user, limits::kUserBytesMax));
  }
  if (!revision.edge.empty() && !IsDeviceName(revision.edge.str())) {
    return Fail(ErrorCode::kFieldInvalid, "the edge id is not a device name");
  }
  if ((revision.origin == Origin::kSite) == revision.edge.empty()) {
    return Fail(ErrorCode::kFieldInvalid, "exactly the revisions of a site name an edge");
  }
  if (revision.reason_for_change.size() > limits::kReasonBytesMax) {
    return Fail(ErrorCode::kTooLarge, "reasonForChange is longer than " +
                                          std::to_string(limits::kReasonBytesMax) + " bytes");
  }
  if (!IsUtf8(revision.reason_for_change)) {
    return Fail(ErrorCode::kFieldInvalid, "reasonForChange is not UTF-8");
  }
  if (revision.removed && !revision.items.empty()) {
    return Fail(ErrorCode::kFieldInvalid, "a removal carries items");
  }
  return CheckFormItems(revision.items);
}

}  // namespace edcsync
