// Studies, merge policies and locks: what the merge must know, set by people.
#pragma once

#include "central-gateway/store/central_store.h"

namespace edcsync::central {

// Imports every MetaDataVersion of an ODM 1.3.2 file. Returns what was imported. Fails as
// ImportOdm does.
Result<std::vector<StudyRow>> ImportStudy(CentralStore& store, const std::string& odm_xml,
                                          const std::string& user);

// `form` empty: the study's default.
Status SetPolicy(CentralStore& store, const StudyOID& study, const FormOID& form,
                 MergePolicy policy, const std::string& user);

// Items of which only data managers, and monitors whose right says so, see the values; these and
// no others. kNotFound for a study not imported, kFieldInvalid for an item it does not define.
Status SetBlindedItems(CentralStore& store, const StudyOID& study,
                       const std::vector<ItemOID>& items, const std::string& user);
// What a decision's reason may be: [{"code":"source","text":{"en":"...","zh":"..."}}]; empty text:
// the desk's own list. kNotFound, kFieldInvalid.
Status SetReasons(CentralStore& store, const StudyOID& study, const std::string& json,
                  const std::string& user);

// How the study's conflicts are settled (ICH E6(R3) 3.16.1(i)), with the text of the rule agreed on
// beforehand, which kCentral requires. kNotFound, kFieldMissing, kFieldInvalid.
inline constexpr std::size_t kRuleBytesMax = 64 * 1024;
Status SetResolution(CentralStore& store, const StudyOID& study, ResolutionMode mode,
                     const std::string& rule, const std::string& user);

Status SetLock(CentralStore& store, LockRow lock);
Status ClearLock(CentralStore& store, const LockRow& lock, const std::string& user,
                 const std::string& reason);

}  // namespace edcsync::central
