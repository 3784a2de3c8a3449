#include "shared/http/send_deadline.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace edcsync {

// Outlives the deadline if the resolver does.
struct SendDeadline::Lookup {
  std::mutex mutex;
  std::condition_variable over_signal;
  bool over = false;

  void End() {
    {
      const std::lock_guard lock(mutex);
      over = true;
    }
    over_signal.notify_all();
  }
};

SendDeadline::SendDeadline(std::chrono::milliseconds after)
    : thread_([this, end = std::chrono::steady_clock::now() + after] { Wait(end); }) {}

SendDeadline::~SendDeadline() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  done_signal_.notify_all();
  thread_.join();
  for (const int socket : sockets_) ::close(socket);
}

void SendDeadline::Watch(int socket) {
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  const std::lock_guard lock(mutex_);
  sockets_.push_back(copy);
  if (passed_) ::shutdown(copy, SHUT_RDWR);
}

bool SendDeadline::Passed() const {
  const std::lock_guard lock(mutex_);
  return passed_;
}

void SendDeadline::AwaitName(const std::string& host) {
  const auto lookup = std::make_shared<Lookup>();
  {
    const std::lock_guard lock(mutex_);
    if (passed_) return;
    lookup_ = lookup;
  }
  std::thread([lookup, host] {
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, nullptr, &found) == 0) ::freeaddrinfo(found);
    lookup->End();
  }).detach();
  std::unique_lock lock(lookup->mutex);
  lookup->over_signal.wait(lock, [&] { return lookup->over; });
}

void SendDeadline::EndNow() {
  const std::lock_guard lock(mutex_);
  Pass();
}

void SendDeadline::Pass() {
  passed_ = true;
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  if (lookup_ != nullptr) lookup_->End();
}

void SendDeadline::Wait(std::chrono::steady_clock::time_point end) {
  std::unique_lock lock(mutex_);
  if (done_signal_.wait_until(lock, end, [this] { return done_; })) return;
  Pass();
}

}  // namespace edcsync
