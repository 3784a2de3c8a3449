// The desk's pages as files of one folder (central-gateway/page, built), held in memory and served
// with the headers that forbid every foreign request. Threads: any, once loaded.
#pragma once

#include <map>
#include <string>

#include "shared/base/random.h"
#include "shared/http/http_server.h"

namespace edcsync::central {

class PageFiles {
 public:
  // Reads the folder: FILE and, if it is there, FILE.gz. kConfiguration if it has no index.html;
  // kTooLarge beyond 64 MiB.
  static Result<PageFiles> Load(const std::string& folder);

  // GET of every path that is no API call: a file, or index.html, since the pages have paths of
  // their own. This object and `random` outlive the server's run.
  void AddRoutes(HttpServer& server, Random& random) const;

 private:
  struct File {
    std::string content_type;
    std::string body;
    std::string gzip;  // Empty: none.
    std::string etag;
  };

  HttpResponse Serve(const HttpRequest& request, Random& random) const;
  HttpResponse ServeIndex(Random& random) const;

  std::map<std::string, File> files_;  // By path: "/assets/main-1a2b.js".
};

}  // namespace edcsync::central
