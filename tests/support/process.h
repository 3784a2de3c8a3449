// A child process of a test: the product's own programs, run as a person would. It ends with the
// test whatever happens: its owner's destructor kills and reaps it, and the kernel kills it should
// the test program itself die.
//
// Threads: start long-lived processes on the main thread, for the kernel ties them to the thread
// that started them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace edcsync::testing {

class Process {
 public:
  // Starts `arguments[0]`; its output (both streams) is appended to `log_file`. The process may
  // fail to start: it then ends with exit code 127.
  Process(const std::vector<std::string>& arguments, const std::string& log_file);
  ~Process() { Kill(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool IsRunning();

  void Kill();           // kill -9, and waits for the end. Idempotent.
  void Signal(int signal_number);
  // The exit code (128 + signal if one ended it), or nullopt if it still runs after `wait_s`.
  std::optional<int> Wait(int wait_s);
  // SIGTERM and Wait.
  std::optional<int> Terminate(int wait_s);

 private:
  bool Reap();

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// A command run to its end.
struct Ran {
  int exit_code = -1;  // As Process::Wait; 137 if it took longer than two minutes (times kSlowdown).
  std::string out, err;
};
Ran Run(const std::vector<std::string>& arguments);

// The processes whose parent is `pid`.
std::vector<pid_t> ChildrenOf(pid_t pid);

}  // namespace edcsync::testing
