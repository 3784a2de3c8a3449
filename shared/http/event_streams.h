// Connections that have become streams of server-sent events (WHATWG HTML, 9.2): one thread tells all
// of them what is new, so that a page that waits holds no thread of the server.
//
//   begun by   a handler's HttpResponse::events (http_message.h)
//   handed over by shared/http/http_server.cc
//
// A stream ends when its peer goes, when it no longer takes what is told (it comes again), when its
// `may_go_on` says so, or with this object. Every event is a whole state: one that is missed is made
// good by the next.
//
// Threads: Add from any; `look` and `may_go_on` run on the thread of this object.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/status.h"

namespace edcsync {

class ConnectionStream;

class EventStreams {
 public:
  struct Options {
    std::size_t count_max = 500;
    int look_ms = 500;         // How often `look` is asked.
    int heartbeat_ms = 15'000;  // A comment to each, so that proxies and both ends know it lives.
  };

  // `look` returns the data of the present event, one line; it is told to a new stream, and to all
  // when it has changed. An error is told to nobody.
  EventStreams(Options options, std::function<Result<std::string>()> look);
  ~EventStreams();  // Ends all streams.
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  // True if another fits: ask before a response is begun.
  bool HasRoom() const { return count_ < options_.count_max; }

  // Takes over `stream` and its socket `fd`, whose response's head was written. Too many: it is
  // closed, and its peer comes again.
  void Add(int fd, std::unique_ptr<ConnectionStream> stream, std::function<bool()> may_go_on);

 private:
  struct Stream {
    int fd;
    std::unique_ptr<ConnectionStream> connection;
    std::function<bool()> may_go_on;
    bool told = false;  // It has the present event.
    bool over = false;
  };

  void Run();
  void TakeNew();
  void Look();
  void Beat();
  // Waits for the next look; notes whose peer has gone.
  void Wait();
  void Drop();

  const Options options_;
  const std::function<Result<std::string>()> look_;
  int wake_fd_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::vector<Stream> new_;      // Guarded by mutex_.
  std::vector<Stream> streams_;  // The thread's.
  std::string present_;
  std::thread thread_;
};

}  // namespace edcsync
