#include "central-gateway/reconcile/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/crypto/signature.h"

namespace edcsync::central {
namespace {

constexpr char kFormat[] = "edcsync-reconciliation-1";
constexpr char kCentreName[] = "gateway";            // CN of the centre's certificate.
constexpr std::size_t kNamedBytesMax = 1024 * 1024;  // A report fits a frame.

using Sorted = nlohmann::json;  // Members in order of name.

std::string TextOf(const Sorted& json, const char* name) {
  return json.is_object() && json.contains(name) && json[name].is_string()
             ? json[name].get<std::string>()
             : std::string();
}

Sorted DifferencesJson(const std::vector<DifferenceRow>& differences) {
  Sorted json{{"missing_at_site", 0},   {"missing_at_centre", 0}, {"damaged_at_site", 0},
              {"damaged_at_centre", 0}, {"brought_back", 0},      {"named", Sorted::array()}};
  std::size_t bytes = 0;
  std::uint64_t omitted = 0;
  for (const DifferenceRow& row : differences) {
    Sorted& count = json[std::string(ToString(row.kind))];
    count = count.get<std::uint64_t>() + 1;
    if (row.outcome == DifferenceOutcome::kBroughtBack) {
      json["brought_back"] = json["brought_back"].get<std::uint64_t>() + 1;
    }
    bytes += row.record_key.size() + row.detail.size() + 200;
    if (json["named"].size() >= kNamedMax || bytes > kNamedBytesMax) {
      ++omitted;
      continue;
    }
    json["named"].push_back({{"record", row.record_key},
                             {"revision", row.revision.ToHex()},
                             {"found", ToString(row.kind)},
                             {"outcome", ToString(row.outcome)},
                             {"detail", row.detail},
                             {"at", FormatUtc(row.found_at)}});
  }
  json["omitted"] = omitted;
  return json;
}

// What speaks against one side's signature, and who it is.
void CheckSignature(const Sorted& signature, const std::string& side,
                    const std::string& signed_text, const std::string& name,
                    const std::string& unit, const std::vector<Certificate>& authorities,
                    WallTime at, ReportVerdict& verdict) {
  const Result<Certificate> certificate = Certificate::FromPem(TextOf(signature, "certificate"));
  const std::optional<Bytes> bytes = FromHex(TextOf(signature, "signature"));
  if (!certificate.ok() || !bytes || bytes->empty()) {
    verdict.findings.push_back("the " + side + " has not signed");
    return;
  }
  Status issued = Fail(ErrorCode::kBadSeal, "no authority of this centre is known");
  std::string issuer;
  for (const Certificate& authority : authorities) {
    issued = VerifyIssued(*certificate, authority, at);
    issuer = authority.CommonName();
    if (issued.ok()) break;
  }
  if (!issued.ok())
    verdict.findings.push_back("the " + side + "'s certificate: " + issued.error().message);
  if (certificate->CommonName() != name || certificate->OrganizationalUnit() != unit) {
    verdict.findings.push_back("the " + side + "'s certificate is another's");
  }
  if (!VerifyDetached(*certificate, AsBytes(signed_text), *bytes)) {
    verdict.findings.push_back("the " + side + "'s signature does not fit what the report says");
    return;
  }
  verdict.signers.push_back(side + ": " + certificate->CommonName() +
                            (unit.empty() ? "" : ", site " + unit) + ", certificate " +
                            certificate->SerialHex() + " of " + issuer);
}

Status VerifyOne(const Sorted& file, const std::vector<Certificate>& authorities,
                 ReportVerdict& verdict) {
  if (!file.is_object() || !file.contains("report") || !file.contains("signatures") ||
      TextOf(file["report"], "format") != kFormat) {
    return Fail(ErrorCode::kMalformed, "this file is no report of a reconciliation");
  }
  const Sorted& report = file["report"];
  const std::string signed_text = report.dump();
  const std::optional<WallTime> at = ParseTime(TextOf(report, "ended_at"));
  if (!at) {
    verdict.findings.push_back("the report does not say when it ended");
    return Ok();
  }
  const Sorted site = report.value("site", Sorted::object());
  if (TextOf(site, "edge") != TextOf(report, "edge") ||
      TextOf(site, "site") != TextOf(report, "site_oid")) {
    verdict.findings.push_back("the site's statement is another edge's");
  }
  const Sorted centre = file["signatures"].value("centre", Sorted::object());
  CheckSignature(centre, "centre", signed_text, kCentreName, "", authorities, *at, verdict);
  CheckSignature(file["signatures"].value("site", Sorted::object()), "site", signed_text,
                 TextOf(site, "edge"), TextOf(site, "site"), authorities, *at, verdict);
  return Ok();
}

}  // namespace

std::string MakeReport(const ReconciliationRow& row, const CentreStatement& centre,
                       const std::string& site_statement,
                       const std::vector<DifferenceRow>& differences) {
  const Sorted report{{"format", kFormat},
                      {"reconciliation", std::to_string(row.id.value())},
                      {"site_oid", row.site.str()},
                      {"edge", row.edge.str()},
                      {"asked_by", row.asked_by},
                      {"reason", row.reason},
                      {"asked_at", FormatUtc(row.asked_at)},
                      {"started_at", FormatUtc(row.started_at.value_or(row.asked_at))},
                      {"ended_at", FormatUtc(row.ended_at.value_or(row.asked_at))},
                      {"result", ToString(row.state)},
                      {"rounds", row.rounds},
                      {"in_quarantine", row.explained},
                      {"site", Sorted::parse(site_statement, nullptr, /*allow_exceptions=*/false)},
                      {"centre",
                       {{"at", FormatUtc(centre.at)},
                        {"gateway", centre.gateway},
                        {"history", centre.history.ToHex()},
                        {"feedHead", centre.feed_head.value()},
                        {"records", centre.records},
                        {"revisions", centre.revisions},
                        {"damaged", centre.damaged},
                        {"root", ToHex(centre.root)}}},
                      {"differences", DifferencesJson(differences)},
                      {"bytes", {{"down", row.bytes_down}, {"up", row.bytes_up}}}};
  // What is not text is named as such; it is too late to refuse it.
  return report.dump(-1, ' ', /*ensure_ascii=*/false, Sorted::error_handler_t::replace);
}

ReconciliationState ResultOf(const std::string& report) {
  const std::string result =
      TextOf(Sorted::parse(report, nullptr, /*allow_exceptions=*/false), "result");
  for (const ReconciliationState state : {ReconciliationState::kEqual, ReconciliationState::kMended,
                                          ReconciliationState::kDifferent}) {
    if (result == ToString(state)) return state;
  }
  return ReconciliationState::kFailed;
}

std::string SignedReport(const ReconciliationRow& row) {
  Sorted report = Sorted::parse(row.report, nullptr, /*allow_exceptions=*/false);
  if (report.is_discarded()) report = nullptr;
  const Sorted file{
      {"report", std::move(report)},
      {"signatures",
       {{"centre", {{"certificate", row.centre_pem}, {"signature", ToHex(row.centre_signature)}}},
        {"site", {{"certificate", row.site_pem}, {"signature", ToHex(row.site_signature)}}}}}};
  return file.dump(2) + "\n";
}

Result<ReportVerdict> VerifyReports(const std::string& text,
                                    const std::vector<Certificate>& authorities) {
  const Sorted file = Sorted::parse(text, nullptr, /*allow_exceptions=*/false);
  ReportVerdict verdict;
  if (!file.is_object() || !file.contains("reports") || !file["reports"].is_array()) {
    EDCSYNC_TRY(VerifyOne(file, authorities, verdict));
    return verdict;
  }
  if (file["reports"].empty()) return Fail(ErrorCode::kMalformed, "this file has no report");
  for (const Sorted& one : file["reports"]) EDCSYNC_TRY(VerifyOne(one, authorities, verdict));
  return verdict;
}

}  // namespace edcsync::central
