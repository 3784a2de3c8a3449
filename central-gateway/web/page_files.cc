#include "central-gateway/web/page_files.h"

#include <array>
#include <filesystem>

#include "central-gateway/web/api_router.h"
#include "shared/base/file.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kFolderBytesMax = 64 * 1024 * 1024;
constexpr char kIndex[] = "/index.html";
constexpr std::string_view kNonceMark = "__CSP_NONCE__";

std::string TypeOf(const std::string& path) {
  static const std::map<std::string, std::string, std::less<>> kTypes = {
      {".html", "text/html; charset=utf-8"},    {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},      {".svg", "image/svg+xml"},
      {".png", "image/png"},                    {".ico", "image/x-icon"},
      {".json", "application/json"},            {".webmanifest", "application/manifest+json"},
      {".txt", "text/plain; charset=utf-8"},    {".woff2", "font/woff2"}};
  const auto found = kTypes.find(std::filesystem::path(path).extension().string());
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

std::string PolicyFor(const std::string& nonce) {
  return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce +
         "'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
         "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

}  // namespace

Result<PageFiles> PageFiles::Load(const std::string& folder) {
  namespace fs = std::filesystem;
  PageFiles pages;
  std::error_code error;
  std::size_t bytes = 0;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    const std::string path = "/" + fs::relative(it->path(), folder, error).generic_string();
    EDCSYNC_ASSIGN(std::string body, ReadFile(it->path().string(), kFolderBytesMax));
    bytes += body.size();
    if (bytes > kFolderBytesMax) return Fail(ErrorCode::kTooLarge, folder + " is no page folder");
    if (path.ends_with(".gz")) {
      pages.files_[path.substr(0, path.size() - 3)].gzip = std::move(body);
      continue;
    }
    File& file = pages.files_[path];
    file.content_type = TypeOf(path);
    file.etag = "\"" + ToHex(Sha256(AsBytes(body))).substr(0, 32) + "\"";
    file.body = std::move(body);
  }
  if (pages.files_.contains(kIndex) && !pages.files_.at(kIndex).body.empty()) return pages;
  return Fail(ErrorCode::kConfiguration,
              "The desk's pages are not in " + folder + ": there is no index.html");
}

void PageFiles::AddRoutes(HttpServer& server, Random& random) const {
  server.Route("GET", "/(?!api/).*", HttpServer::Access::kOpen,
               [this, &random](const HttpRequest& request) { return Serve(request, random); });
}

HttpResponse PageFiles::Serve(const HttpRequest& request, Random& random) const {
  const auto found = files_.find(PercentDecode(request.path).value_or(""));
  if (found == files_.end() || found->first == kIndex) {
    // A file of an older release is gone; index.html in its place would only confuse.
    if (request.path.starts_with("/assets/")) {
      return RefusalOf({ErrorCode::kNotFound, "There is no such file; load the page again"});
    }
    return ServeIndex(random);
  }
  const File& file = found->second;
  HttpResponse response;
  response.content_type = file.content_type;
  response.headers.emplace("ETag", file.etag);
  // The names of assets change with their content.
  response.headers.emplace("Cache-Control", found->first.starts_with("/assets/")
                                                ? "public, max-age=31536000, immutable"
                                                : "no-cache");
  response.headers.emplace("Vary", "Accept-Encoding");
  AddSecurityHeaders(response);
  if (request.Header("if-none-match") == file.etag) {
    response.status = 304;
    return response;
  }
  const bool zipped = !file.gzip.empty() &&
                      request.Header("accept-encoding").find("gzip") != std::string::npos;
  response.body = zipped ? file.gzip : file.body;
  if (zipped) response.headers.emplace("Content-Encoding", "gzip");
  return response;
}

HttpResponse PageFiles::ServeIndex(Random& random) const {
  std::array<std::uint8_t, 16> bytes{};
  random.Fill(bytes);
  const std::string nonce = ToHex(bytes);
  const File& index = files_.at(kIndex);
  HttpResponse response;
  response.content_type = index.content_type;
  response.body = index.body;
  for (std::size_t at = 0; (at = response.body.find(kNonceMark, at)) != std::string::npos;) {
    response.body.replace(at, kNonceMark.size(), nonce);
  }
  response.headers.emplace("Content-Security-Policy", PolicyFor(nonce));
  AddSecurityHeaders(response);
  return response;
}

}  // namespace edcsync::central
