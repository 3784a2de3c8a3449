// What one account may do, as questions. A right counts for a study and a site, or for all of
// them; whatever a data manager may do includes what a monitor may.
//
// A question with an empty study or site asks about something whose study or site is not known
// (bytes in quarantine that do not decode): only a right for all of them covers that.
//
// Threads: a value.
#pragma once

#include <vector>

#include "central-gateway/store/desk_store.h"
#include "central-gateway/store/people_store.h"

namespace edcsync::central {

class Rights {
 public:
  Rights() = default;  // None.
  explicit Rights(std::vector<RightRow> rows) : rows_(std::move(rows)) {}

  const std::vector<RightRow>& rows() const { return rows_; }

  // Whether the role's deeds are allowed there. A data manager is a monitor too.
  bool May(Role role, const StudyOID& study, const SiteOID& site) const;
  // Whether records there may be read: by a data manager or a monitor.
  bool Sees(const StudyOID& study, const SiteOID& site) const {
    return May(Role::kMonitor, study, site);
  }
  // Whether values of blinded items there may be read: by a data manager, or a monitor whose right
  // says so.
  bool SeesBlinded(const StudyOID& study, const SiteOID& site) const;
  // Whether the role is held anywhere. For pages that then filter by Scopes(role).
  bool Has(Role role) const;
  // A right to keep accounts is for every study and site (accounts.h), or it would hand out more
  // than it has.
  bool IsAdministrator() const;

  // Where records may be read; no scope lies within another. None: nothing may be read.
  std::vector<Scope> Scopes() const { return Scopes(Role::kMonitor); }
  // The same for `role`.
  std::vector<Scope> Scopes(Role role) const;

 private:
  std::vector<RightRow> rows_;
};

}  // namespace edcsync::central
