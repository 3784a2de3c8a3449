// Accepts connections and serves each on a thread of a fixed pool. cpp-httplib's own listener is
// not used: it shares a port in use (SO_REUSEPORT), ends for good on an aborted connection, keeps
// an unbounded queue and waits out idle connections when stopped.
//
// Bounded: `thread_count` connections are served and as many wait in the queue; beyond that the
// listener accepts none and the kernel holds or refuses them.
//
//   used by   shared/http/http_server.cc
//
// Threads: Start() and Stop() by one at a time; `serve` runs on any of the pool.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/status.h"

namespace edcsync {

class Listener {
 public:
  // Serves the connection; the listener closes it afterwards, unless true is returned: then it is
  // another's. Must not throw.
  using Serve = std::function<bool(int fd)>;

  Listener(std::size_t thread_count, Serve serve);
  ~Listener();  // Stops.
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Binds and accepts. Port 0: any free one. Fails with kIo, which names address and port.
  // REQUIRES: not started before.
  Status Start(const std::string& address, int port);
  // Wakes whoever waits on stop_fd() and returns when every connection has ended. Idempotent.
  void Stop();

  int port() const { return port_; }
  // Readable from Stop() on: a connection waits on it beside its socket.
  int stop_fd() const { return stop_fd_; }
  // True if a connection waits for a thread: those served should not stay idle.
  bool Crowded() const;

 private:
  Status Bind(const std::string& address, int port);
  void Accept();
  void Work();

  const std::size_t thread_count_;
  const Serve serve_;
  int listen_fd_ = -1;
  int stop_fd_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable work_;  // A connection waits, or stopping.
  std::condition_variable room_;  // The queue has room, or stopping.
  std::deque<int> waiting_;
  std::size_t idle_count_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// True for "localhost" and for addresses of 127.0.0.0/8 and ::1: nothing else needs no TLS.
bool IsLoopback(const std::string& address);

}  // namespace edcsync
