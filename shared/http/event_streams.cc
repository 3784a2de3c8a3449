#include "shared/http/event_streams.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>

#include "shared/base/check.h"
#include "shared/base/log.h"
#include "shared/http/connection_stream.h"

namespace edcsync {

EventStreams::EventStreams(Options options, std::function<Result<std::string>()> look)
    : options_(options), look_(std::move(look)) {
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(wake_fd_ >= 0);
  thread_ = std::thread([this] { Run(); });
}

EventStreams::~EventStreams() {
  stopping_ = true;
  const std::uint64_t one = 1;
  CHECK(write(wake_fd_, &one, sizeof one) == sizeof one || errno == EAGAIN);
  thread_.join();
  for (std::vector<Stream>* streams : {&streams_, &new_}) {
    for (Stream& stream : *streams) {
      stream.connection.reset();
      close(stream.fd);
    }
  }
  close(wake_fd_);
}

void EventStreams::Add(int fd, std::unique_ptr<ConnectionStream> stream,
                       std::function<bool()> may_go_on) {
  if (++count_ > options_.count_max) {
    --count_;
    stream.reset();
    close(fd);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    new_.push_back({fd, std::move(stream), std::move(may_go_on)});
  }
  const std::uint64_t one = 1;
  CHECK(write(wake_fd_, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

void EventStreams::Run() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point look_at = Clock::now();
  Clock::time_point beat_at = look_at + std::chrono::milliseconds(options_.heartbeat_ms);
  while (!stopping_) {
    TakeNew();
    if (!streams_.empty() && Clock::now() >= look_at) {
      Look();
      look_at = Clock::now() + std::chrono::milliseconds(options_.look_ms);
    }
    for (Stream& stream : streams_) {
      if (stream.told || stream.over || present_.empty()) continue;
      stream.told = true;
      stream.over = !stream.connection->TryWrite("data: " + present_ + "\n\n");
    }
    if (Clock::now() >= beat_at) {
      Beat();
      beat_at = Clock::now() + std::chrono::milliseconds(options_.heartbeat_ms);
    }
    Drop();
    Wait();
  }
}

void EventStreams::TakeNew() {
  const std::lock_guard lock(mutex_);
  for (Stream& stream : new_) streams_.push_back(std::move(stream));
  new_.clear();
}

void EventStreams::Look() {
  const Result<std::string> seen = look_();
  if (!seen.ok()) {
    Log(LogLevel::kWarn, "events.not_read", {{"why", seen.error().message}});
    return;
  }
  if (*seen == present_) return;
  present_ = *seen;
  for (Stream& stream : streams_) stream.told = false;
}

void EventStreams::Beat() {
  for (Stream& stream : streams_) {
    if (stream.over) continue;
    stream.over = !stream.may_go_on() || !stream.connection->TryWrite(":\n\n");
  }
}

void EventStreams::Wait() {
  std::vector<pollfd> waits{{wake_fd_, POLLIN, 0}};
  for (const Stream& stream : streams_) waits.push_back({stream.fd, POLLIN, 0});
  // Without streams there is nothing to look for: until one comes, or the end.
  poll(waits.data(), waits.size(), streams_.empty() ? -1 : options_.look_ms);
  std::uint64_t count = 0;
  if (read(wake_fd_, &count, sizeof count) < 0) CHECK(errno == EAGAIN);
  // A peer says nothing more on a stream: what comes is its end, or none of ours.
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (waits[i + 1].revents != 0) streams_[i].over = true;
  }
}

void EventStreams::Drop() {
  std::erase_if(streams_, [this](Stream& stream) {
    if (!stream.over) return false;
    stream.connection.reset();
    close(stream.fd);
    --count_;
    return true;
  });
}

}  // namespace edcsync
