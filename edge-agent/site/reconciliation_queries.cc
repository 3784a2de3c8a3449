#include "edge-agent/site/reconciliation_queries.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kReconciliationsShownMax = 1000;

Json Parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(nullptr) : json;
}

Json ReconciliationSummary(const ReconciliationHere& row) {
  const Json report = row.settled_at ? Parsed(row.report) : Json(nullptr);
  return {{"reconciliationId", std::to_string(row.id)},
          {"statedAt", FormatUtc(row.stated_at)},
          {"signedAt", row.settled_at ? Json(FormatUtc(*row.settled_at)) : Json(nullptr)},
          {"result", report.is_object() && report.contains("result") ? report["result"]
                                                                      : Json(nullptr)}};
}

}  // namespace

Result<std::string> ReconciliationListJson(EdgeStore& store) {
  Json list = Json::array();
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(const std::vector<ReconciliationHere> rows,
                   tables.reconciliations.List(kReconciliationsShownMax));
    for (const ReconciliationHere& row : rows) list.push_back(ReconciliationSummary(row));
    return Ok();
  }));
  return Json{{"reconciliations", list}}.dump();
}

Result<std::string> ReconciliationJson(EdgeStore& store, std::uint64_t id) {
  std::optional<ReconciliationHere> row;
  EDCSYNC_TRY(store.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(row, tables.reconciliations.Find(id));
    return Ok();
  }));
  if (!row) return Fail(ErrorCode::kNotFound, "there is no reconciliation " + std::to_string(id));
  Json json = ReconciliationSummary(*row);
  json["statement"] = Parsed(row->statement);
  json["report"] = row->settled_at ? Parsed(row->report) : Json(nullptr);
  json["centreSignature"] = ToHex(row->centre_signature);
  json["siteSignature"] = ToHex(row->site_signature);
  return json.dump();
}

}  // namespace edcsync::edge
