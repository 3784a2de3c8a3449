// The conflict desk over HTTPS: pages and API on one port.
//
//   started by   central-gateway/app/gateway.h
//
// Threads: the HTTP server's own. What is passed in outlives it.
#pragma once

#include <memory>

#include "central-gateway/web/desk_context.h"
#include "central-gateway/web/page_files.h"

namespace edcsync::central {

struct DeskServerOptions {
  std::string address = "127.0.0.1";
  int port = 8443;               // 0: any free one.
  // Where browsers find it: "https://desk.example.org", behind a proxy; empty: `host` and port.
  std::string public_address;
  std::string host = "localhost";
  std::string certificate_file;  // Empty: plain HTTP, on loopback addresses only.
  std::string key_file;
  std::string page_folder;
  std::int64_t idle_minutes = 30;
  DueTimes due_times;
  PasswordHasherOptions passwords;
  int read_timeout_s = 15;
  EventStreams::Options events = {};  // Of those who wait for changes.
  std::optional<OidcOptions> oidc;  // None: local accounts only.
  DeskTelemetry* telemetry = nullptr;  // Outlives the server; nullptr: none.
};

class DeskServer {
 public:
  // `signing_identity`: as in DeskContext. Fails with kConfiguration or kIo, which say what to do.
  static Result<std::unique_ptr<DeskServer>> Start(
      const DeskServerOptions& options, CentralStore& store, const Clock& clock, Random& random,
      const std::string& gateway, std::function<Result<SigningIdentity>()> signing_identity);
  ~DeskServer();  // Stops.
  int port() const;
  HttpServer::Figures http_figures() const;
  Status ReloadCertificate();  // As HttpServer's.

 private:
  struct Impl;
  explicit DeskServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync::central
