#include "central-gateway/desk/audit_checkpoint.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"
#include "shared/crypto/signature.h"

namespace edcsync::central {
namespace {

constexpr char kCentreName[] = "gateway";  // CN of the centre's certificate.

struct Checkpoint {
  std::uint64_t entries = 0;
  std::string hash;
  std::string at;
  std::string gateway;

  std::string SignedText() const {
    return std::to_string(entries) + "\n" + hash + "\n" + at + "\n" + gateway + "\n";
  }
};

// The entry with this number; nullopt if the trail does not have it.
Result<std::optional<AuditEntry>> EntryAt(CentralStore& store, std::uint64_t number) {
  std::optional<AuditEntry> found;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    AuditFilter filter;
    filter.before_number = number + 1;
    filter.count_max = 1;
    EDCSYNC_ASSIGN(const std::vector<AuditEntry> entries, reader.ListAuditNewestFirst(filter));
    if (!entries.empty() && entries.front().number == number) found = entries.front();
    return Ok();
  }));
  return found;
}

}  // namespace

Result<std::string> MakeCheckpoint(CentralStore& store, const std::string& gateway,
                                   const PrivateKey& key, const Certificate& certificate,
                                   WallTime now) {
  Checkpoint checkpoint;
  EDCSYNC_TRY(store.Read([&](CentralReader& reader) -> Status {
    AuditFilter last;
    last.count_max = 1;
    EDCSYNC_ASSIGN(const std::vector<AuditEntry> entries, reader.ListAuditNewestFirst(last));
    if (entries.empty()) return Fail(ErrorCode::kNotFound, "The audit trail is empty");
    checkpoint = {entries.front().number, ToHex(entries.front().hash), FormatUtc(now), gateway};
    return Ok();
  }));
  EDCSYNC_ASSIGN(const Bytes signature, SignDetached(key, AsBytes(checkpoint.SignedText())));
  const Json json{{"entries", checkpoint.entries},
                  {"hash", checkpoint.hash},
                  {"at", checkpoint.at},
                  {"gateway", checkpoint.gateway},
                  {"certificate", certificate.ToPem()},
                  {"signature", ToHex(signature)}};
  return json.dump(2) + "\n";
}

Result<std::vector<std::string>> CheckCheckpoint(CentralStore& store, const std::string& text,
                                                 const std::vector<Certificate>& authorities) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto text_at = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
  };
  const bool counts =
      json.is_object() && json.contains("entries") && json["entries"].is_number_unsigned();
  const std::optional<Bytes> signature = FromHex(text_at("signature"));
  if (!counts || !signature || text_at("hash").empty()) {
    return Fail(ErrorCode::kMalformed, "This file is no checkpoint of an audit trail");
  }
  const Checkpoint checkpoint{json["entries"].get<std::uint64_t>(), text_at("hash"), text_at("at"),
                              text_at("gateway")};
  EDCSYNC_ASSIGN(const Certificate certificate, Certificate::FromPem(text_at("certificate")));
  std::vector<std::string> findings;
  // As of the time it was made: the certificate may have ended since.
  const std::optional<WallTime> at = ParseTime(checkpoint.at);
  const Status issued = at ? VerifyIssuedByAny(certificate, authorities, *at)
                           : Fail(ErrorCode::kMalformed, "the checkpoint's time is no time");
  if (!issued.ok()) findings.push_back("its certificate: " + issued.error().message);
  // The same authority issues those of edges and brokers.
  if (certificate.CommonName() != kCentreName || !certificate.OrganizationalUnit().empty()) {
    findings.push_back("its certificate is not the centre's");
  }
  if (!VerifyDetached(certificate, AsBytes(checkpoint.SignedText()), *signature)) {
    findings.push_back("its signature does not fit what it says");
  }
  EDCSYNC_ASSIGN(const std::optional<AuditEntry> entry, EntryAt(store, checkpoint.entries));
  if (!entry) {
    findings.push_back("the trail has no entry " + std::to_string(checkpoint.entries) +
                       ": entries were taken out");
  } else if (ToHex(entry->hash) != checkpoint.hash) {
    findings.push_back("entry " + std::to_string(checkpoint.entries) +
                       " has another hash: it or one before it was altered");
  }
  // The hash at the end says nothing of an entry altered in place: each is held against its own.
  std::uint64_t count = 0;
  EDCSYNC_ASSIGN(const std::vector<std::string> broken,
                 store.VerifyAudit(count, [](std::uint64_t) {}));
  findings.insert(findings.end(), broken.begin(), broken.end());
  return findings;
}

}  // namespace edcsync::central
