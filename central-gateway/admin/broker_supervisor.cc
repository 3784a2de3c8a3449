#include "central-gateway/admin/broker_supervisor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

#include "shared/base/check.h"
#include "shared/base/log.h"

namespace edcsync {
namespace {

constexpr std::int64_t kRestartBaseUs = 200'000;
constexpr std::int64_t kRestartMaxUs = 5'000'000;
constexpr std::int64_t kPollMs = 50;
constexpr std::int64_t kTermWaitMs = 5'000;
constexpr std::uintmax_t kLogBytesMax = 8 * 1024 * 1024;

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList Resolve(const std::string& host, int port, bool passive) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    found = nullptr;
  }
  return {found, &::freeaddrinfo};
}

// Mosquitto itself says only "Address already in use" in its log.
Status CheckPortIsFree(const std::string& address, int port) {
  const AddressList list = Resolve(address, port, true);
  const std::string place = address + ":" + std::to_string(port);
  if (list == nullptr) {
    return Fail(ErrorCode::kBroker, "the broker's address " + address + " is not known here");
  }
  const Descriptor probe(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // A listener of another program shows at bind() or, with options of its own, at listen().
  if (::bind(probe.get(), list->ai_addr, list->ai_addrlen) == 0 && ::listen(probe.get(), 1) == 0) {
    return Ok();
  }
  if (errno == EADDRINUSE) {
    return Fail(ErrorCode::kBroker,
                "port " + std::to_string(port) + " on " + address +
                    " is taken by another program; end it, or set another broker port");
  }
  return Fail(ErrorCode::kBroker,
              "the broker cannot listen on " + place + ": " + std::strerror(errno));
}

bool Accepts(const std::string& bind_address, int port) {
  std::string host = bind_address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  const AddressList list = Resolve(host, port, false);
  if (list == nullptr) return false;
  const Descriptor probe(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), list->ai_addr, list->ai_addrlen) == 0;
}

// Mosquitto listens before it minds SIGHUP, which ends it until then. Where the kernel does not
// say, it is taken to mind it.
bool CatchesHangup(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:")) continue;
    return (std::strtoull(line.c_str() + 7, nullptr, 16) & (1ULL << (SIGHUP - 1))) != 0;
  }
  return true;
}

std::string LastLine(const std::string& path) {
  std::ifstream file(path, std::ios::ate | std::ios::binary);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  const std::streamoff from = std::max<std::streamoff>(0, size - 512);
  std::string tail(static_cast<std::size_t>(size - from), '\0');
  file.seekg(from);
  file.read(tail.data(), size - from);
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  const std::size_t line = tail.rfind('\n');
  return line == std::string::npos ? tail : tail.substr(line + 1);
}

// Between fork and exec: only what is safe in a process that had threads. Writes errno to
// `report` if exec fails.
[[noreturn]] void BecomeBroker(char* const* arguments, int log, int report, pid_t parent) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGHUP, SIGTERM, SIGINT}) ::signal(number, SIG_DFL);
  // Mosquitto forgets a SIGTERM that comes while it starts, and nothing of it is worth saving: a
  // broker left behind would keep the port from the next gateway.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // The gateway ended before the line above.
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::dup2(report, 3);  // Kept by F_SETFD below, closed by exec.
  ::fcntl(3, F_SETFD, FD_CLOEXEC);
  ::close_range(4, ~0U, 0);  // Databases, sockets and keys of the gateway stay with it.
  ::execv(arguments[0], arguments);
  const int why = errno;
  static_cast<void>(!::write(3, &why, sizeof(why)));
  ::_exit(127);
}

}  // namespace

Result<std::string> FindBrokerProgram(const std::string& name, const std::string& search_path) {
  const std::string folders = search_path + ":/usr/sbin:/usr/local/sbin";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string path = folders.substr(at, end - at) + "/" + name;
    if (path.front() == '/' && end > at && ::access(path.c_str(), X_OK) == 0) return path;
    at = end + 1;
  }
  return Fail(ErrorCode::kBroker,
              name +
                  " was found neither in PATH nor in /usr/sbin: install the package "
                  "mosquitto, or name a broker of your own in the configuration");
}

BrokerSupervisor::BrokerSupervisor(Options options, Random& random)
    : options_(std::move(options)), backoff_(kRestartBaseUs, kRestartMaxUs, random) {}

Status BrokerSupervisor::Start() {
  CHECK(!thread_.joinable());
  const char* path = std::getenv("PATH");
  EDCSYNC_ASSIGN(program_, FindBrokerProgram("mosquitto", path == nullptr ? "" : path));
  first_start_.reset();
  stopping_ = false;
  thread_ = std::thread([this] { Run(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return first_start_.has_value(); });
  Status started = *first_start_;
  lock.unlock();
  if (!started.ok()) Stop();
  return started;
}

Status BrokerSupervisor::Reload() {
  const std::lock_guard lock(mutex_);
  if (child_ <= 0) return Fail(ErrorCode::kUnavailable, "the broker is not running");
  if (ready_) {
    ::kill(child_, SIGHUP);
  } else {
    reload_when_ready_ = true;
  }
  return Ok();
}

void BrokerSupervisor::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool BrokerSupervisor::IsRunning() const {
  const std::lock_guard lock(mutex_);
  return child_ > 0 && ready_;
}

std::uint64_t BrokerSupervisor::RestartCount() const {
  const std::lock_guard lock(mutex_);
  return restart_count_;
}

std::optional<pid_t> BrokerSupervisor::ProcessId() const {
  const std::lock_guard lock(mutex_);
  return child_ > 0 ? std::optional<pid_t>(child_) : std::nullopt;
}

void BrokerSupervisor::Run() {
  Status started = LaunchAndAwait();
  const bool first_ok = started.ok();
  {
    const std::lock_guard lock(mutex_);
    first_start_ = std::move(started);
  }
  changed_.notify_all();
  if (!first_ok) return;
  while (AwaitEnd()) {
    Log(LogLevel::kError, "broker.ended", {{"how", end_text_}});
    while (WaitUnlessStopping(backoff_.NextDelayUs() / 1000)) {
      const Status again = LaunchAndAwait();
      if (again.ok()) {
        const std::lock_guard lock(mutex_);
        ++restart_count_;
        break;
      }
      Log(LogLevel::kError, "broker.not_started", {{"why", again.error().message}});
    }
  }
  EndChild();
}

Status BrokerSupervisor::LaunchAndAwait() {
  EDCSYNC_TRY(CheckPortIsFree(options_.bind_address, options_.port));
  EDCSYNC_TRY(Spawn());
  Status ready = AwaitReady();
  if (!ready.ok()) EndChild();
  return ready;
}

Status BrokerSupervisor::Spawn() {
  TrimLog();
  const Descriptor log(
      ::open(options_.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.get() < 0) {
    return Fail(ErrorCode::kIo, "cannot write " + options_.log_file + ": " + std::strerror(errno));
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(ErrorCode::kIo, "cannot make a pipe");
  const Descriptor report(ends[0]);
  Descriptor reporter(ends[1]);
  std::string dash_c = "-c";
  char* const arguments[] = {program_.data(), dash_c.data(),
                             const_cast<char*>(options_.config_file.c_str()), nullptr};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) BecomeBroker(arguments, log.get(), reporter.get(), parent);
  if (child < 0) return Fail(ErrorCode::kBroker, "cannot start a process for the broker");
  reporter.Close();
  {
    const std::lock_guard lock(mutex_);
    child_ = child;
    ready_ = false;
    reload_when_ready_ = false;  // It reads what is written by now.
  }
  int why = 0;
  if (::read(report.get(), &why, sizeof(why)) == sizeof(why)) {
    EndChild();
    return Fail(ErrorCode::kBroker, "cannot run " + program_ + ": " + std::strerror(why));
  }
  return Ok();
}

Status BrokerSupervisor::AwaitReady() {
  const std::int64_t until_ms = NowMs() + options_.ready_timeout_ms;
  while (true) {
    if (Reap()) {
      return Fail(ErrorCode::kBroker, "the broker " + end_text_ + "; its last word in " +
                                          options_.log_file + ": " + LastLine(options_.log_file));
    }
    // Asked after Reap(): if our child were gone, a stranger could be the one who accepts.
    if (Accepts(options_.bind_address, options_.port) && CatchesHangup(*ProcessId())) break;
    if (NowMs() > until_ms) {
      return Fail(ErrorCode::kBroker, "the broker does not accept connections on port " +
                                          std::to_string(options_.port) + "; see " +
                                          options_.log_file);
    }
    if (!WaitUnlessStopping(kPollMs)) return Fail(ErrorCode::kStopped, "stopped while starting");
  }
  backoff_.Reset();
  const std::lock_guard lock(mutex_);
  ready_ = true;
  // What was written since may have come after it had read.
  if (std::exchange(reload_when_ready_, false)) ::kill(child_, SIGHUP);
  return Ok();
}

bool BrokerSupervisor::AwaitEnd() {
  while (WaitUnlessStopping(kPollMs)) {
    if (Reap()) return true;
    TrimLog();
  }
  return false;
}

bool BrokerSupervisor::Reap() {
  const std::lock_guard lock(mutex_);
  if (child_ <= 0) return true;
  int status = 0;
  const pid_t ended = ::waitpid(child_, &status, WNOHANG);
  if (ended == 0) return false;
  end_text_ = "ended in a way unknown";
  if (ended > 0 && WIFEXITED(status)) {
    end_text_ = "ended with status " + std::to_string(WEXITSTATUS(status));
  } else if (ended > 0 && WIFSIGNALED(status)) {
    end_text_ = "was ended by signal " + std::to_string(WTERMSIG(status));
  }
  child_ = -1;
  ready_ = false;
  return true;
}

void BrokerSupervisor::EndChild() {
  const auto tell = [this](int number) {
    const std::lock_guard lock(mutex_);
    if (child_ > 0) ::kill(child_, number);
  };
  tell(SIGTERM);
  const std::int64_t kill_at_ms = NowMs() + kTermWaitMs;
  bool killed = false;
  while (!Reap()) {
    if (!killed && NowMs() > kill_at_ms) {
      tell(SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool BrokerSupervisor::WaitUnlessStopping(std::int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return stopping_; });
}

// The broker keeps its log open for appending, so it is emptied in place; the few lines written
// between copying and emptying are lost.
void BrokerSupervisor::TrimLog() const {
  std::error_code error;
  if (std::filesystem::file_size(options_.log_file, error) <= kLogBytesMax || error) return;
  std::filesystem::copy_file(options_.log_file, options_.log_file + ".1",
                             std::filesystem::copy_options::overwrite_existing, error);
  std::filesystem::resize_file(options_.log_file, 0, error);
}

}  // namespace edcsync
