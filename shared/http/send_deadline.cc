#include "shared/http/send_deadline.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace edcsync {

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

void SendDeadline::Wait(std::chrono::steady_clock::time_point end) {
  std::unique_lock lock(mutex_);
  if (done_signal_.wait_until(lock, end, [this] { return done_; })) return;
  passed_ = true;
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

}  // namespace edcsync
