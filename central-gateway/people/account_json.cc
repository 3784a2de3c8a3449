#include "central-gateway/people/account_json.h"

#include <nlohmann/json.hpp>

#include "central-gateway/people/authentication.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

Json OidOrNull(const std::string& oid) { return oid.empty() ? Json(nullptr) : Json(oid); }

Json TimeOrNull(const std::optional<WallTime>& time) {
  return time ? Json(FormatUtc(*time)) : Json(nullptr);
}

Json ToJson(const std::vector<RightRow>& rights) {
  Json array = Json::array();
  for (const RightRow& right : rights) {
    array.push_back({{"role", ToString(right.role)},
                     {"studyOID", OidOrNull(right.study.str())},
                     {"siteOID", OidOrNull(right.site.str())},
                     {"seesBlinded", right.sees_blinded || right.role == Role::kDataManager}});
  }
  return array;
}

Json ToJson(const IdentityRow& identity) {
  return {{"issuer", identity.issuer},
          {"name", identity.name},
          {"linkedAt", FormatUtc(identity.linked_at)},
          {"boundAt", TimeOrNull(identity.bound_at)}};
}

}  // namespace

std::string AccountJson(const AccountRow& account, WallTime now) {
  Json json;
  json["user"] = account.user;
  json["fullName"] = account.full_name;
  json["active"] = account.active;
  json["mustChangePassword"] = account.must_change_password;
  json["lockedUntil"] = IsLocked(account, now) ? TimeOrNull(account.locked_until) : Json(nullptr);
  json["lastLogInAt"] = TimeOrNull(account.last_log_in_at);
  json["createdAt"] = FormatUtc(account.created_at);
  json["hasPassword"] = !account.password_hash.empty();
  json["provider"] = account.identity ? ToJson(*account.identity) : Json(nullptr);
  json["rights"] = ToJson(account.rights);
  return json.dump();
}

std::string RightsJson(const std::vector<RightRow>& rights) { return ToJson(rights).dump(); }

}  // namespace edcsync::central
