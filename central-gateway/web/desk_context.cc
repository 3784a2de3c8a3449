#include "central-gateway/web/desk_context.h"

#include <algorithm>

namespace edcsync::central {

// The trail grows with whatever is done; only a claim that is prolonged leaves no entry.
Result<std::string> StoreVersion(CentralStore& store) {
  std::uint64_t version = 0;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    AuditFilter last;
    last.count_max = 1;
    EDCSYNC_ASSIGN(const std::vector<AuditEntry> entries, reader.ListAuditNewestFirst(last));
    if (!entries.empty()) version = entries.front().number;
    return Ok();
  }));
  return std::to_string(version);
}

Result<Signing> Authorise(DeskContext& context, const ApiCall& call,
                          const std::vector<std::string>& meanings) {
  if (!call.body.contains("signature") || !call.body["signature"].is_object()) {
    return Fail(ErrorCode::kFieldMissing, "A decision is signed: signature is missing");
  }
  const Json& signature = call.body["signature"];
  EDCSYNC_ASSIGN(std::string meaning, TextOf(signature, "meaning", 32));
  if (std::find(meanings.begin(), meanings.end(), meaning) == meanings.end()) {
    return Fail(ErrorCode::kFieldInvalid, "A signature means decided, approved or reviewed");
  }
  if (signature.contains("ticket")) {
    EDCSYNC_ASSIGN(const std::string ticket, TextOf(signature, "ticket", 128));
    EDCSYNC_TRY(context.tickets.Use(Sessions::KeyOf(call.token), ticket));
  } else {
    EDCSYNC_ASSIGN(const std::string password, TextOf(signature, "password", 1024));
    EDCSYNC_TRY(context.sessions.Reauthenticate(call.token, password));
  }
  return Signing{call.session.full_name, std::move(meaning)};
}

Result<std::vector<std::string>> TextsOf(const Json& body, const std::string& name,
                                         std::size_t count_max) {
  if (!body.contains(name) || !body[name].is_array()) {
    return Fail(ErrorCode::kFieldMissing, name + " is a list");
  }
  if (body[name].size() > count_max) {
    return Fail(ErrorCode::kTooLarge,
                name + " may have " + std::to_string(count_max) + " entries");
  }
  std::vector<std::string> texts;
  for (const Json& text : body[name]) {
    if (!text.is_string()) return Fail(ErrorCode::kFieldInvalid, name + " is a list of texts");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Json OutcomeJson(const std::string& id, const Status& status) {
  Json json{{"id", id}, {"done", status.ok()}};
  if (status.ok()) return json;
  json["code"] = Describe(status.error().code).name;
  json["detail"] = status.error().message;
  return json;
}

}  // namespace edcsync::central
