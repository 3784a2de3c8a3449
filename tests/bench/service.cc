#include "tests/bench/service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace edcsync::bench {
namespace {

pid_t Spawn(const std::vector<std::string>& arguments, const std::string& log_file) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) Abandon("no process can be made");
  if (pid > 0) return pid;
  // Whatever ends the benchmark ends its services.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int none = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(none, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

std::string ReadProc(pid_t pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number after `label` in a file of lines "label: number".
std::optional<std::uint64_t> NumberAfter(const std::string& text, const std::string& label) {
  const std::size_t at = text.find(label);
  if (at == std::string::npos) return std::nullopt;
  return std::strtoull(text.c_str() + at + label.size(), nullptr, 10);
}

}  // namespace

void Abandon(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

void RunCommand(const std::vector<std::string>& arguments, const std::string& log_file) {
  const pid_t pid = Spawn(arguments, log_file);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  std::ifstream log(log_file);
  std::stringstream text;
  text << log.rdbuf();
  Abandon(arguments[0] + " failed:\n" + text.str());
}

Service::Service(const std::vector<std::string>& arguments, std::string log_file)
    : pid_(Spawn(arguments, log_file)), log_file_(std::move(log_file)) {}

Service::Service(Service&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), log_file_(std::move(other.log_file_)) {}

void Service::Stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
}

bool Service::Runs() const {
  int status = 0;
  return pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == 0;
}

pid_t ChildOf(pid_t parent, const std::string& program) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    // "PID (NAME) STATE PPID ..."
    const std::string stat = ReadProc(pid, "stat");
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    if (stat.substr(open + 1, close - open - 1) != program.substr(0, 15)) continue;
    if (std::atoi(stat.c_str() + close + 4) == parent) return pid;
  }
  return -1;
}

Usage UsageOf(pid_t pid) {
  Usage usage;
  const std::string stat = ReadProc(pid, "stat");
  const std::size_t close = stat.rfind(')');
  if (close == std::string::npos) return usage;
  std::istringstream fields(stat.substr(close + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  usage.cpu_s = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::string status = ReadProc(pid, "status");
  usage.peak_rss_mib = static_cast<double>(NumberAfter(status, "VmHWM:").value_or(0)) / 1024;
  usage.rss_mib = static_cast<double>(NumberAfter(status, "VmRSS:").value_or(0)) / 1024;
  usage.bytes_read = NumberAfter(ReadProc(pid, "io"), "rchar: ");
  return usage;
}

void ResetPeak(pid_t pid) { std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << "5"; }

}  // namespace edcsync::bench
