// /session, /users, /views: who is here, accounts, saved views.
#include "central-gateway/people/account_json.h"
#include "central-gateway/web/desk_context.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kUserBytesMax = 64;
constexpr std::size_t kPasswordBytes = 1024;
constexpr std::size_t kFullNameBytesMax = 128 * 4;
constexpr std::size_t kProviderNameBytesMax = 255;

Json SessionJson(const SessionView& session) {
  return {{"user", session.user},
          {"fullName", session.full_name},
          {"rights", Json::parse(RightsJson(session.rights.rows()))},
          {"mustChangePassword", session.must_change_password},
          {"csrfToken", session.csrf_token},
          {"method", session.seen_by_provider ? "provider" : "password"},
          {"idleMinutes", session.idle_ms_max / 60'000}};
}

HttpResponse SessionResponse(const ApiRouter& router, const SessionView& session) {
  HttpResponse response = JsonResponse(SessionJson(session));
  if (!session.token.empty()) {
    response.headers.emplace("Set-Cookie", router.SessionCookie(session.token));
  }
  return response;
}

Result<std::vector<RightRow>> RightsOf(const Json& list) {
  if (!list.is_array()) return Fail(ErrorCode::kFieldInvalid, "rights is a list");
  const auto oid = [](const Json& right, const char* name) {
    return right.contains(name) && right[name].is_string() ? right[name].get<std::string>()
                                                           : std::string();
  };
  std::vector<RightRow> rights;
  for (const Json& one : list) {
    const std::optional<Role> role =
        one.is_object() ? ParseRole(oid(one, "role")) : std::nullopt;
    if (!role) {
      return Fail(ErrorCode::kFieldInvalid,
                  "A right's role is data_manager, monitor, operator or administrator");
    }
    rights.push_back({*role, StudyOID(oid(one, "studyOID")), SiteOID(oid(one, "siteOID")),
                      one.value("seesBlinded", Json(false)) == Json(true)});
  }
  return rights;
}

Json UserJson(DeskContext& context, const AccountRow& account) {
  return Json::parse(AccountJson(account, context.now()));
}

HttpResponse FirstPasswordResponse(DeskContext& context, const FirstPassword& first) {
  return JsonResponse(
      {{"user", UserJson(context, first.account)},
       {"firstPassword", first.password.empty() ? Json(nullptr) : Json(first.password)}});
}

// {"providerName": "nakato@st-mary.org"}: whom the identity provider calls that; null: nobody.
Result<std::optional<ProviderName>> ProviderNameOf(DeskContext& context, const Json& body) {
  if (!body.contains("providerName") || body["providerName"].is_null()) {
    return std::optional<ProviderName>();
  }
  if (context.oidc == nullptr) {
    return Fail(ErrorCode::kFieldInvalid, "there is no identity provider here ([desk.oidc])");
  }
  ProviderName provider;
  provider.issuer = context.oidc->options().provider.issuer;
  EDCSYNC_ASSIGN(provider.name, TextOf(body, "providerName", kProviderNameBytesMax));
  return std::optional(std::move(provider));
}

Result<HttpResponse> ListUsers(DeskContext& context, const ApiCall& call) {
  if (!call.session.rights.IsAdministrator() && !call.session.rights.Has(Role::kDataManager)) {
    return Fail(ErrorCode::kForbidden, "This account has no right to see who else there is");
  }
  EDCSYNC_ASSIGN(const std::vector<AccountRow> accounts, ListAccounts(context.store));
  Json users = Json::array();
  for (const AccountRow& account : accounts) {
    if (call.session.rights.IsAdministrator()) {
      users.push_back(UserJson(context, account));
    } else if (account.active && Rights(account.rights).Has(Role::kDataManager)) {
      users.push_back({{"user", account.user}, {"fullName", account.full_name}});
    }
  }
  return JsonResponse({{"users", std::move(users)}});
}

Result<HttpResponse> AddUser(DeskContext& context, const ApiCall& call) {
  NewAccount account;
  EDCSYNC_ASSIGN(account.user, TextOf(call.body, "user", kUserBytesMax));
  EDCSYNC_ASSIGN(account.full_name, TextOf(call.body, "fullName", kFullNameBytesMax));
  EDCSYNC_ASSIGN(account.rights, RightsOf(call.body.value("rights", Json(nullptr))));
  EDCSYNC_ASSIGN(account.provider, ProviderNameOf(context, call.body));
  EDCSYNC_ASSIGN(const FirstPassword first, AddAccount(context.store, context.hasher,
                                                       context.random, account,
                                                       call.session.user));
  return FirstPasswordResponse(context, first);
}

Result<HttpResponse> ChangeUser(DeskContext& context, const ApiCall& call) {
  AccountChange change;
  if (call.body.contains("fullName")) {
    EDCSYNC_ASSIGN(change.full_name, TextOf(call.body, "fullName", kFullNameBytesMax));
  }
  if (call.body.contains("active")) {
    if (!call.body["active"].is_boolean()) {
      return Fail(ErrorCode::kFieldInvalid, "active is true or false");
    }
    change.active = call.body["active"].get<bool>();
  }
  if (call.body.contains("rights")) {
    EDCSYNC_ASSIGN(change.rights, RightsOf(call.body["rights"]));
  }
  EDCSYNC_ASSIGN(const AccountRow account,
                 ChangeAccount(context.store, call.Path(), change, call.session.user));
  return JsonResponse(UserJson(context, account));
}

Result<HttpResponse> LinkUser(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const std::optional<ProviderName> provider, ProviderNameOf(context, call.body));
  if (!provider) return Fail(ErrorCode::kFieldMissing, "providerName is missing");
  EDCSYNC_ASSIGN(const AccountRow account,
                 LinkAccount(context.store, call.Path(), *provider, call.session.user));
  return JsonResponse(UserJson(context, account));
}

Result<HttpResponse> UnlinkUser(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const AccountRow account,
                 UnlinkAccount(context.store, call.Path(), call.session.user));
  return JsonResponse(UserJson(context, account));
}

Result<HttpResponse> ResetUser(DeskContext& context, const ApiCall& call) {
  if (context.oidc != nullptr && !context.oidc->options().local_passwords) {
    EDCSYNC_ASSIGN(const AccountRow account, FindAccount(context.store, call.Path()));
    if (account.identity) {
      return Fail(ErrorCode::kForbidden, account.user + " logs in by " +
                                             context.oidc->options().label +
                                             " only; unlink the account first");
    }
  }
  EDCSYNC_ASSIGN(const FirstPassword first,
                 ResetPassword(context.store, context.hasher, context.random, call.Path(),
                               call.session.user));
  return FirstPasswordResponse(context, first);
}

Result<HttpResponse> ViewsOf(DeskContext& context, const ApiCall& call) {
  EDCSYNC_ASSIGN(const std::vector<SavedViewRow> rows,
                 ListViews(context.store, call.session.user));
  Json views = Json::array();
  for (const SavedViewRow& row : rows) views.push_back({{"name", row.name}, {"query", row.query}});
  return JsonResponse({{"views", std::move(views)}});
}

Result<HttpResponse> PutViews(DeskContext& context, const ApiCall& call) {
  if (!call.body.contains("views") || !call.body["views"].is_array()) {
    return Fail(ErrorCode::kFieldMissing, "views is a list");
  }
  std::vector<SavedViewRow> rows;
  for (const Json& view : call.body["views"]) {
    SavedViewRow row;
    EDCSYNC_ASSIGN(row.name, TextOf(view, "name", 80 * 4));
    EDCSYNC_ASSIGN(row.query, TextOf(view, "query", 2000));
    rows.push_back(std::move(row));
  }
  EDCSYNC_TRY(SaveViews(context.store, call.session.user, rows));
  return ViewsOf(context, call);
}

void AddUserRoutes(ApiRouter& router, DeskContext& context) {
  router.Add("GET", "/users", Need::kMember,
             [&context](const ApiCall& call) { return ListUsers(context, call); });
  router.Add("POST", "/users", Need::kAdminister,
             [&context](const ApiCall& call) { return AddUser(context, call); });
  router.Add("PATCH", "/users/([^/]+)", Need::kAdminister,
             [&context](const ApiCall& call) { return ChangeUser(context, call); });
  router.Add("POST", "/users/([^/]+)/reset-password", Need::kAdminister,
             [&context](const ApiCall& call) { return ResetUser(context, call); });
  router.Add("POST", "/users/([^/]+)/link", Need::kAdminister,
             [&context](const ApiCall& call) { return LinkUser(context, call); });
  router.Add("DELETE", "/users/([^/]+)/link", Need::kAdminister,
             [&context](const ApiCall& call) { return UnlinkUser(context, call); });
  router.Add("GET", "/views", Need::kMember,
             [&context](const ApiCall& call) { return ViewsOf(context, call); });
  router.Add("PUT", "/views", Need::kMember,
             [&context](const ApiCall& call) { return PutViews(context, call); });
}

}  // namespace

void AddSessionRoutes(ApiRouter& router, DeskContext& context) {
  router.Add("POST", "/session", Need::kNobody,
             [&](const ApiCall& call) -> Result<HttpResponse> {
               EDCSYNC_ASSIGN(const std::string user, TextOf(call.body, "user", kUserBytesMax));
               EDCSYNC_ASSIGN(const std::string password,
                              TextOf(call.body, "password", kPasswordBytes));
               EDCSYNC_ASSIGN(const SessionView session,
                              context.sessions.LogIn(user, password, call.request.peer));
               return SessionResponse(router, session);
             });
  router.Add("GET", "/session", Need::kSession,
             [&](const ApiCall& call) -> Result<HttpResponse> {
               return SessionResponse(router, call.session);
             });
  router.Add("DELETE", "/session", Need::kSession,
             [&](const ApiCall& call) -> Result<HttpResponse> {
               context.sessions.End(call.token);
               HttpResponse response = NoContent();
               response.headers.emplace("Set-Cookie", router.SessionCookie(""));
               return response;
             });
  router.Add("POST", "/session/password", Need::kSession,
             [&](const ApiCall& call) -> Result<HttpResponse> {
               EDCSYNC_ASSIGN(const std::string current,
                              TextOf(call.body, "current", kPasswordBytes));
               EDCSYNC_ASSIGN(const std::string wanted, TextOf(call.body, "new", kPasswordBytes));
               EDCSYNC_ASSIGN(const SessionView session,
                              context.sessions.ChangePassword(call.token, current, wanted));
               return SessionResponse(router, session);
             });
  AddUserRoutes(router, context);
}

}  // namespace edcsync::central
