// A real program as a child process, and what the kernel says it used. A benchmark that cannot
// start or reach its programs is over: functions here end the program with a message.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/status.h"

namespace edcsync::bench {

// Prints `why` and ends the program with code 1; the guards of main.cc stop the children.
[[noreturn]] void Abandon(const std::string& why);

// What a call gave; abandons on an error.
template <class T>
T Need(Result<T> result) {
  if (!result.ok()) Abandon(result.error().ToString());
  return std::move(*result);
}
inline void Need(const Status& status) {
  if (!status.ok()) Abandon(status.error().ToString());
}

// Runs a command to its end; abandons unless it exits with 0.
void RunCommand(const std::vector<std::string>& arguments, const std::string& log_file);

class Service {
 public:
  // Starts the program; its output goes to `log_file`.
  Service(const std::vector<std::string>& arguments, std::string log_file);
  ~Service() { Stop(); }
  Service(Service&& other) noexcept;
  Service& operator=(Service&&) = delete;
  void Stop();  // SIGTERM, then waits for its end.
  pid_t pid() const { return pid_; }
  bool Runs() const;

 private:
  pid_t pid_ = -1;
  std::string log_file_;
};

// The child of `parent` that runs `program`, or -1.
pid_t ChildOf(pid_t parent, const std::string& program);

struct Usage {
  double cpu_s = 0;                       // User and system, since the process began.
  double peak_rss_mib = 0;                // Since ResetPeak, if that is allowed.
  double rss_mib = 0;
  std::optional<std::uint64_t> bytes_read;  // By read(2): files and, of OpenSSL's, sockets.
};
Usage UsageOf(pid_t pid);
void ResetPeak(pid_t pid);

}  // namespace edcsync::bench
