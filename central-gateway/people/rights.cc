#include "central-gateway/people/rights.h"

#include <algorithm>

namespace edcsync::central {
namespace {

bool Gives(const RightRow& right, Role role) {
  return right.role == role || (role == Role::kMonitor && right.role == Role::kDataManager);
}

template <class Oid>
bool CoversOid(const Oid& all_or_one, const Oid& asked) {
  return all_or_one.empty() || all_or_one == asked;
}

bool Covers(const RightRow& right, const StudyOID& study, const SiteOID& site) {
  return CoversOid(right.study, study) && CoversOid(right.site, site);
}

bool LiesWithin(const Scope& inner, const Scope& outer) {
  return CoversOid(outer.study, inner.study) && CoversOid(outer.site, inner.site);
}

}  // namespace

bool Rights::May(Role role, const StudyOID& study, const SiteOID& site) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const RightRow& right) {
    return Gives(right, role) && Covers(right, study, site);
  });
}

bool Rights::SeesBlinded(const StudyOID& study, const SiteOID& site) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const RightRow& right) {
    const bool sees =
        right.role == Role::kDataManager || (right.role == Role::kMonitor && right.sees_blinded);
    return sees && Covers(right, study, site);
  });
}

bool Rights::Has(Role role) const {
  return std::any_of(rows_.begin(), rows_.end(),
                     [&](const RightRow& right) { return Gives(right, role); });
}

bool Rights::IsAdministrator() const { return May(Role::kAdministrator, StudyOID(), SiteOID()); }

std::vector<Scope> Rights::Scopes(Role role) const {
  std::vector<Scope> scopes;
  for (const RightRow& right : rows_) {
    if (!Gives(right, role)) continue;
    const Scope scope{right.study, right.site};
    const auto covers = [&](const Scope& other) { return LiesWithin(scope, other); };
    if (std::any_of(scopes.begin(), scopes.end(), covers)) continue;
    std::erase_if(scopes, [&](const Scope& other) { return LiesWithin(other, scope); });
    scopes.push_back(scope);
  }
  std::sort(scopes.begin(), scopes.end());
  return scopes;
}

}  // namespace edcsync::central
