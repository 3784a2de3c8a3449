#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/slowdown.h"

namespace edcsync::testing {
namespace {

constexpr int kRunWaitSeconds = 120 * kSlowdown;

// Only what may be called between fork and exec in a program with threads.
[[noreturn]] void BecomeProgram(char* const* arguments, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

pid_t Spawn(const std::vector<std::string>& arguments, int out, int err) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) BecomeProgram(pointers.data(), out, err, parent);
  return child;
}

std::string Content(int file) {
  std::string content;
  std::array<char, 65536> buffer{};
  ::lseek(file, 0, SEEK_SET);
  for (ssize_t count = 0; (count = ::read(file, buffer.data(), buffer.size())) > 0;) {
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(file);
  return content;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::string& log_file) {
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = Spawn(arguments, log, log);
  if (log >= 0) ::close(log);
  if (pid_ < 0) exit_code_ = 127;
}

bool Process::Reap() {
  if (exit_code_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

bool Process::IsRunning() { return !Reap(); }

void Process::Signal(int signal_number) {
  if (IsRunning()) ::kill(pid_, signal_number);
}

void Process::Kill() {
  Signal(SIGKILL);
  (void)Wait(kRunWaitSeconds);
}

std::optional<int> Process::Wait(int wait_s) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s);
  while (!Reap()) {
    if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return exit_code_;
}

std::optional<int> Process::Terminate(int wait_s) {
  Signal(SIGTERM);
  return Wait(wait_s);
}

Ran Run(const std::vector<std::string>& arguments) {
  const int out = ::memfd_create("out", MFD_CLOEXEC);
  const int err = ::memfd_create("err", MFD_CLOEXEC);
  const pid_t child = Spawn(arguments, out, err);
  Ran ran;
  int status = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kRunWaitSeconds);
  while (child > 0 && ::waitpid(child, &status, WNOHANG) != child) {
    if (std::chrono::steady_clock::now() > deadline) ::kill(child, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (child > 0) ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ran.out = Content(out);
  ran.err = Content(err);
  return ran;
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (std::isdigit(static_cast<unsigned char>(name[0])) == 0) continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(") ");  // "PID (NAME) STATE PARENT ..."
    if (name_end == std::string::npos) continue;
    if (std::stol(line.substr(name_end + 4)) == pid) children.push_back(std::stoi(name));
  }
  return children;
}

}  // namespace edcsync::testing
