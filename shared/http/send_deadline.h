// Ends a client's connection when its request has taken too long in all. cpp-httplib bounds each
// wait only: a server that sends one byte now and then would hold the caller for ever. The socket
// is watched through a copy of its descriptor, so closing it meanwhile does no harm.
//
//   used by   shared/http/http_client.cc
//
// Threads: Watch() and Passed() by the caller of the request; one of its own waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace edcsync {

class SendDeadline {
 public:
  explicit SendDeadline(std::chrono::milliseconds after);
  ~SendDeadline();  // Does not wait for the deadline.
  SendDeadline(const SendDeadline&) = delete;
  SendDeadline& operator=(const SendDeadline&) = delete;

  // The connection of `socket` ends at the deadline, at once if that has passed.
  void Watch(int socket);
  bool Passed() const;

 private:
  void Wait(std::chrono::steady_clock::time_point end);

  mutable std::mutex mutex_;
  std::condition_variable done_signal_;
  bool done_ = false;
  bool passed_ = false;
  std::vector<int> sockets_;  // Copies.
  std::thread thread_;
};

}  // namespace edcsync
