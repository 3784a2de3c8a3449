// Lists come page by page: `limit` and `cursor` of a query, and a whole list as one file.
#pragma once

#include <functional>

#include "central-gateway/web/api_router.h"

namespace edcsync::central {

inline constexpr std::size_t kPageRows = 100;     // If a query names no limit.
inline constexpr std::size_t kPageRowsMax = 500;

// Of a query's parameter: "NAME is ALLOWED", kFieldInvalid.
Error Invalid(const std::string& name, const std::string& allowed);

// 1 to kPageRowsMax.
Result<std::size_t> ParseLimit(const HttpRequest& request);

// A cursor is an opaque text for whoever gets it; here a list of texts.
std::string MakeCursor(const std::vector<std::string>& parts);
// nullopt if none was given; kFieldInvalid if it is none of ours with `count` parts.
Result<std::optional<std::vector<std::string>>> ParseCursor(const HttpRequest& request,
                                                            std::size_t count);
// A decimal number below 2^63.
Result<std::uint64_t> ParseNumber(const std::string& name, const std::string& text);

// A whole filtered list as a file to download, in the query's `format`.
struct ListFile {
  std::string name;  // "conflicts": edcsync-conflicts.csv.
  std::string rows;  // The member of a page that holds its rows.
  std::size_t rows_max;
  std::string csv_head;
  std::string (*csv)(const Json& page);
  // The next page, and whether another is behind it.
  std::function<Result<Json>(bool& more)> next_page;
};
// kFieldInvalid for another format; kTooLarge, which says to filter first.
Result<HttpResponse> ExportList(const HttpRequest& request, const ListFile& list);

}  // namespace edcsync::central
