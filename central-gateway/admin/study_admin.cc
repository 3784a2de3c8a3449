#include "central-gateway/admin/study_admin.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "central-gateway/merge/feed_detail.h"
#include "shared/crypto/digest.h"
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

// The study was imported, and some version of it defines each of the items.
Status RequireItems(CentralReader& reader, const StudyOID& study,
                    const std::vector<ItemOID>& items) {
  EDCSYNC_ASSIGN(const std::vector<StudyRow> rows, reader.ListStudies(/*with_xml=*/true));
  bool imported = false;
  std::set<std::string> left;
  for (const ItemOID& item : items) left.insert(item.str());
  for (const StudyRow& row : rows) {
    if (row.study != study) continue;
    imported = true;
    EDCSYNC_ASSIGN(const std::vector<StudyDefinition> definitions, ImportOdm(row.odm_xml));
    for (const StudyDefinition& definition : definitions) {
      std::erase_if(left, [&](const std::string& item) { return definition.items.Contains(item); });
    }
  }
  if (!imported) return Fail(ErrorCode::kNotFound, "Study " + study.str() + " was not imported");
  if (left.empty()) return Ok();
  return Fail(ErrorCode::kFieldInvalid, "The study does not define the item " + *left.begin());
}

Result<StudySettings> SettingsOf(CentralReader& reader, const StudyOID& study) {
  EDCSYNC_ASSIGN(const std::vector<StudySettings> all, reader.ListStudySettings());
  for (const StudySettings& settings : all) {
    if (settings.study == study) return settings;
  }
  StudySettings none;
  none.study = study;
  return none;
}

Status CheckReasons(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto fits = [](const nlohmann::json& reason) {
    if (!reason.is_object() || !reason.contains("code") || !reason["code"].is_string() ||
        !reason.contains("text") || !reason["text"].is_object() || reason["text"].empty()) {
      return false;
    }
    return std::all_of(reason["text"].begin(), reason["text"].end(),
                       [](const nlohmann::json& one) { return one.is_string(); });
  };
  if (json.is_array() && !json.empty() && std::all_of(json.begin(), json.end(), fits)) return Ok();
  return Fail(ErrorCode::kFieldInvalid,
              "Reasons are a list such as [{\"code\": \"source\", \"text\": {\"en\": \"As on the "
              "source document\"}}]");
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

Status SetBlindedItems(CentralStore& store, const StudyOID& study,
                       const std::vector<ItemOID>& items, const std::string& user) {
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(RequireItems(writer, study, items));
    EDCSYNC_ASSIGN(StudySettings settings, SettingsOf(writer, study));
    settings.blinded_items = items;
    EDCSYNC_TRY(writer.PutStudySettings(settings));
    std::string detail = "items=";
    for (const ItemOID& item : items) detail += item.str() + " ";
    return writer.AppendAudit(user, "study.blinded", study.str(), detail);
  });
}

Status SetReasons(CentralStore& store, const StudyOID& study, const std::string& json,
                  const std::string& user) {
  if (!json.empty()) EDCSYNC_TRY(CheckReasons(json));
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(RequireItems(writer, study, {}));
    EDCSYNC_ASSIGN(StudySettings settings, SettingsOf(writer, study));
    settings.reasons = json;
    EDCSYNC_TRY(writer.PutStudySettings(settings));
    return writer.AppendAudit(user, "study.reasons", study.str(), json.empty() ? "own=no" : "own=yes");
  });
}

Status SetResolution(CentralStore& store, const StudyOID& study, ResolutionMode mode,
                     const std::string& rule, const std::string& user) {
  if (mode == ResolutionMode::kCentral &&
      rule.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Fail(ErrorCode::kFieldMissing,
                "The text of the rule that sponsor and investigators agreed on is required: --rule");
  }
  if (rule.size() > kRuleBytesMax || !IsUtf8(rule)) {
    return Fail(ErrorCode::kFieldInvalid,
                "The rule is UTF-8 text of at most " + std::to_string(kRuleBytesMax) + " bytes");
  }
  return store.Write([&](CentralWriter& writer) -> Status {
    EDCSYNC_TRY(RequireItems(writer, study, {}));
    EDCSYNC_ASSIGN(StudySettings settings, SettingsOf(writer, study));
    settings.resolution = mode;
    settings.resolution_rule = rule;
    EDCSYNC_TRY(writer.PutStudySettings(settings));
    return writer.AppendAudit(user, "study.resolution", study.str(),
                              "resolution=" + std::string(ToString(mode)) + " rule_sha256=" +
                                  ToHex(Sha256(AsBytes(rule))));
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
