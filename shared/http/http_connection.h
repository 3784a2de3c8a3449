// Serves the requests of one connection: cpp-httplib reads and writes HTTP/1.1, everything that
// decides is here. A request is judged when its head is complete (route, token, announced size)
// and refused before its body is read.
//
//   accepted by   shared/http/listener.h
//   read through  shared/http/connection_stream.h
//   made by       shared/http/http_server.cc
//
// Invariants: a handler sees a request only after route and token were judged and the body, at
// most `body_bytes_max` and within what all bodies may take together, is whole. After a refusal with
// unread body the connection ends, so that
// a body is never taken for the next request. Threads: the connection's own.
#pragma once

#include <httplib.h>

#include <atomic>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "shared/http/connection_stream.h"
#include "shared/http/http_server.h"

namespace edcsync {

struct HttpRoute {
  std::string method;
  std::regex pattern;
  HttpServer::Access access;
  HttpServer::Handler handler;
};

// The memory that bodies may take in all connections of a server. Threads: any.
class BodyMemory {
 public:
  explicit BodyMemory(std::size_t most) : most_(most) {}
  bool Take(std::size_t bytes) {
    if (held_.fetch_add(bytes) + bytes <= most_) return true;
    held_.fetch_sub(bytes);
    refused_.fetch_add(1);
    return false;
  }
  void GiveBack(std::size_t bytes) { held_.fetch_sub(bytes); }
  std::uint64_t refused() const { return refused_; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> held_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
};

// What a server told to come again, in all connections. Threads: any.
struct HttpCounts {
  std::atomic<std::uint64_t> refused_for_rate = 0;
};

class HttpConnection final : private httplib::Server {
 public:
  // The routes, options and stream must outlive the connection.
  HttpConnection(const std::vector<HttpRoute>& routes, const HttpServerOptions& options,
                 ConnectionStream& stream, BodyMemory& memory, HttpCounts& counts);

  // Serves until the peer or the server ends it. `crowded`: others wait for this thread, so the
  // answer to the request at hand is the last.
  void Serve(const std::function<bool()>& crowded);

  // Set once served: who takes the connection over, and for how long.
  EventStreams* events() const { return events_; }
  std::function<bool()>& may_go_on() { return may_go_on_; }

 private:
  void Judge(httplib::Request& request);
  std::optional<Error> FindRefusal(const httplib::Request& request);
  void Answer(const httplib::Request& request, std::string body, httplib::Response& response);
  void AnswerWithBody(const httplib::Request& request, httplib::Response& response,
                      const httplib::ContentReader& reader);

  const std::vector<HttpRoute>& routes_;
  const HttpServerOptions& options_;
  ConnectionStream& stream_;
  BodyMemory& memory_;
  HttpCounts& counts_;

  // Of the request at hand:
  std::string path_;
  std::string accept_encoding_;
  std::string content_type_;
  std::vector<std::string> captures_;
  const HttpRoute* route_ = nullptr;
  std::optional<Error> refusal_;
  bool body_unread_ = false;
  EventStreams* events_ = nullptr;
  std::function<bool()> may_go_on_;
  std::string events_body_;
};

}  // namespace edcsync
