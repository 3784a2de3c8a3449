#include "central-gateway/web/paging.h"

#include <charconv>

namespace edcsync::central {

Error Invalid(const std::string& name, const std::string& allowed) {
  return {ErrorCode::kFieldInvalid, name + " is " + allowed};
}

Result<std::size_t> ParseLimit(const HttpRequest& request) {
  const std::string text = request.Query("limit");
  if (text.empty()) return kPageRows;
  EDCSYNC_ASSIGN(const std::uint64_t limit, ParseNumber("limit", text));
  if (limit < 1 || limit > kPageRowsMax) {
    return tl::unexpected<Error>(Invalid("limit", "1 to " + std::to_string(kPageRowsMax)));
  }
  return static_cast<std::size_t>(limit);
}

std::string MakeCursor(const std::vector<std::string>& parts) {
  return ToHex(AsBytes(Json(parts).dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Result<std::optional<std::vector<std::string>>> ParseCursor(const HttpRequest& request,
                                                            std::size_t count) {
  const std::string text = request.Query("cursor");
  if (text.empty()) return std::optional<std::vector<std::string>>();
  const Error invalid = Invalid("cursor", "the `next` of an answer, as it came");
  const std::optional<Bytes> bytes = FromHex(text);
  if (!bytes) return tl::unexpected<Error>(invalid);
  const Json json = Json::parse(bytes->begin(), bytes->end(), nullptr, false);
  if (!json.is_array() || json.size() != count) return tl::unexpected<Error>(invalid);
  std::vector<std::string> parts;
  for (const Json& part : json) {
    if (!part.is_string()) return tl::unexpected<Error>(invalid);
    parts.push_back(part.get<std::string>());
  }
  return std::optional(std::move(parts));
}

Result<std::uint64_t> ParseNumber(const std::string& name, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fits = error == std::errc() && end == text.data() + text.size() && !text.empty() &&
                    value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (fits) return value;
  return tl::unexpected<Error>(Invalid(name, "a number"));
}

Result<HttpResponse> ExportList(const HttpRequest& request, const ListFile& list) {
  const std::string format = request.Query("format");
  if (!format.empty() && format != "csv" && format != "json") {
    return tl::unexpected<Error>(Invalid("format", "csv or json"));
  }
  const bool csv = format != "json";
  HttpResponse response;
  response.content_type = csv ? "text/csv; charset=utf-8" : "application/json";
  response.headers.emplace("Content-Disposition", "attachment; filename=\"edcsync-" + list.name +
                                                      (csv ? ".csv\"" : ".json\""));
  std::string& body = response.body;
  body = csv ? list.csv_head : "[";
  std::size_t rows = 0;
  for (bool more = true; more;) {
    EDCSYNC_ASSIGN(const Json page, list.next_page(more));
    rows += page[list.rows].size();
    if (rows > list.rows_max) {
      return Fail(ErrorCode::kTooLarge, "More than " + std::to_string(list.rows_max) + " " +
                                            list.rows + "; filter them first");
    }
    if (csv) {
      body += list.csv(page);
      continue;
    }
    for (const Json& row : page[list.rows]) {
      if (body.size() > 1) body += ",\n";
      body += row.dump();
    }
  }
  if (!csv) body += "]\n";
  return response;
}

}  // namespace edcsync::central
