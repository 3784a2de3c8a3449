#include "central-gateway/admin/study_admin.h"

#include "central-gateway/merge/feed_detail.h"
#include "shared/model/odm_import.h"

namespace edcsync::central {
namespace {

// Also writes a form's key in the one form it is compared in ("...:1" is left out).
Status CheckLock(LockRow& lock) {
  EDCSYNC_TRY(CheckOid("study", lock.study.str(), limits::kOidBytesMax));
  if (lock.scope == LockScope::kStudy) return Ok();
  if (lock.scope != LockScope::kForm) {
    return CheckOid("the lock's object", lock.object, limits::kOidBytesMax);
  }
  EDCSYNC_ASSIGN(const RecordKey key, ParseRecordKey(lock.object));
  if (key.study != lock.study) {
    return Fail(ErrorCode::kFieldInvalid, "The form to lock belongs to another study");
  }
  lock.object = ToString(key);
  return Ok();
}

std::string ObjectOf(const LockRow& lock) {
  if (lock.scope == LockScope::kForm) return lock.object;
  return lock.object.empty() ? lock.study.str() : lock.study.str() + "/" + lock.object;
}

// The sites concerned hear of it in the feed. A subject's or form's site may not be known yet:
// then every site hears, since the subject may first be seen by one that is offline now; and all
// that heard of a lock hear of its end, though its site is known by then.
Status TellLock(CentralWriter& writer, const LockRow& lock, bool locked) {
  wire::LockState state;
  state.locked = locked;
  state.scope = static_cast<wire::LockScope>(lock.scope);
  state.study = lock.study;
  FeedRow row;
  row.kind = FeedKind::kLock;
  switch (lock.scope) {
    case LockScope::kStudy: break;
    case LockScope::kSite:
      state.site = SiteOID(lock.object);
      row.site = state.site;
      break;
    case LockScope::kSubject: {
      state.subject = SubjectKey(lock.object);
      EDCSYNC_ASSIGN(const auto site, writer.SiteOfSubject(lock.study, state.subject));
      if (site) row.site = *site;
      break;
    }
    case LockScope::kForm: {
      state.form = lock.object;
      EDCSYNC_ASSIGN(const RecordKey key, ParseRecordKey(lock.object));
      EDCSYNC_ASSIGN(const auto site, writer.SiteOfSubject(lock.study, key.subject));
      if (site) row.site = *site;
      break;
    }
  }
  if (!locked) {
    wire::LockState set = state;
    set.locked = true;
    EDCSYNC_ASSIGN(const bool told_all, writer.ToldEverySite(EncodeLock(set)));
    if (told_all) row.site = SiteOID();
  }
  row.detail = EncodeLock(state);
  return writer.AppendFeed(row);
}

}  // namespace

Result<std::vector<StudyRow>> ImportStudy(CentralStore& store, const std::string& odm_xml,
                                          const std::string& user) {
  EDCSYNC_ASSIGN(const std::vector<StudyDefinition> definitions, ImportOdm(odm_xml));
  std::vector<StudyRow> imported;
  EDCSYNC_TRY(store.Write([&](CentralWriter& writer) -> Status {
    imported.clear();
    for (const StudyDefinition& definition : definitions) {
      StudyRow row;
      row.study = StudyOID(definition.study_oid);
      row.metadata_version = MetaDataVersionOID(definition.metadata_version_oid);
      row.name = definition.study_name;
      row.imported_at = writer.Now();
      row.odm_xml = odm_xml;
      EDCSYNC_TRY(writer.PutStudy(row));
      EDCSYNC_TRY(writer.AppendAudit(user, "study.imported", row.study.str(),
                                     "metadata_version=" + row.metadata_version.str()));
      imported.push_back(std::move(row));
    }
    return Ok();
  }));
  return imported;
}

Status SetPolicy(CentralStore& store, const StudyOID& study, const FormOID& form,
                 MergePolicy policy, const std::string& user) {
  EDCSYNC_TRY(CheckOid("study", study.str(), limits::kOidBytesMax));
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.PutPolicy({study, form, policy}));
    return writer.AppendAudit(user, "policy.set", study.str(),
                              "form=" + (form.empty() ? std::string("*") : form.str()) +
                                  " merge_policy=" + std::string(ToString(policy)));
  });
}

Status SetLock(CentralStore& store, LockRow lock) {
  EDCSYNC_TRY(CheckLock(lock));
  return store.Write([&](CentralWriter& writer) -> Status {
    lock.set_at = writer.Now();
    EDCSYNC_TRY(writer.SetLock(lock));
    EDCSYNC_TRY(writer.AppendAudit(lock.set_by, "lock.set", ObjectOf(lock), ""));
    return TellLock(writer, lock, true);
  });
}

Status ClearLock(CentralStore& store, const LockRow& which, const std::string& user,
                 const std::string& reason) {
  LockRow lock = which;
  EDCSYNC_TRY(CheckLock(lock));
  if (reason.empty()) return Fail(ErrorCode::kFieldMissing, "a reason is required");
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(writer.ClearLock(lock));
    EDCSYNC_TRY(writer.AppendAudit(user, "lock.cleared", ObjectOf(lock), ""));
    return TellLock(writer, lock, false);
  });
}

}  // namespace edcsync::central
