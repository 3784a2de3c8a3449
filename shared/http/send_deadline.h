// Ends a client's connection when its request has taken too long in all, or is wanted no longer.
// cpp-httplib bounds each wait only: a server that sends one byte now and then would hold the caller
// for ever. The socket is watched through a copy of its descriptor, so closing it meanwhile does no
// harm. A resolver that hangs cannot be ended; it is asked on a thread that nobody waits for.
//
//   used by   shared/http/http_client.cc
//
// Threads: AwaitName(), Watch() and Passed() by the caller of the request; EndNow() any; one of its
// own waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace edcsync {

class SendDeadline {
 public:
  explicit SendDeadline(std::chrono::milliseconds after);
  ~SendDeadline();  // Does not wait for the deadline.
  SendDeadline(const SendDeadline&) = delete;
  SendDeadline& operator=(const SendDeadline&) = delete;

  // Returns once the system's resolver has answered for `host`, well or not, or the deadline passes.
  void AwaitName(const std::string& host);
  // As if the deadline passed now.
  void EndNow();
  // The connection of `socket` ends at the deadline, at once if that has passed.
  void Watch(int socket);
  bool Passed() const;

 private:
  struct Lookup;
  void Wait(std::chrono::steady_clock::time_point end);
  void Pass();  // REQUIRES: mutex_ is held.

  mutable std::mutex mutex_;
  std::condition_variable done_signal_;
  bool done_ = false;
  bool passed_ = false;
  std::vector<int> sockets_;  // Copies.
  std::shared_ptr<Lookup> lookup_;
  std::thread thread_;
};

}  // namespace edcsync
