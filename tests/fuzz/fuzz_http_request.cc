// The bytes of one connection to the edge's API, as a front end or anybody else on the machine may
// send them: several requests, or none. They go into one end of a pair of sockets in this process;
// at the other end are our own ConnectionStream, HttpConnection, SiteApi, Capture and EdgeStore.
// No port, no TLS and no other thread. The store lies on a file system in memory and is made anew
// after an input that captured something, so that an input does the same alone as after others.
// Excepted is the backup, which writes where it is told to.
//
// The laws: no answer is 500; without the token nothing is captured, ordered or shown.
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "edge-agent/site/site_api.h"
#include "shared/base/check.h"
#include "shared/model/submission.h"
#include "tests/support/manual_clock.h"

namespace {

namespace fs = std::filesystem;
using edcsync::Status;

constexpr std::string_view kToken = "0123456789abcdef";
constexpr std::string_view kStoredValue = "a value nobody sees without the token";
constexpr std::string_view kStored =
    R"({"studyOID":"S","siteOID":"T","subjectKey":"1","studyEventOID":"E","formOID":"F",)"
    R"("itemGroups":[{"itemGroupOID":"G","items":{"I":"a value nobody sees without the token"}}],)"
    R"("user":"u"})";
constexpr std::size_t kInputBytesMax = 64 * 1024;  // Less than a socket's buffer holds.

class Folder {
 public:
  Folder() {
    const fs::path memory = "/dev/shm";
    std::error_code ignored;
    std::string name = (fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path()) /
                       "edcsync-fuzz-XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string PathOf(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

// An agent without its link, with one record.
class Agent {
 public:
  Agent() {
    edcsync::edge::EdgeStoreOptions options;
    options.path = folder_.PathOf("edge.db");
    options.key_file = folder_.PathOf("edge.key");
    options.edge = edcsync::EdgeId("kisumu-1");
    options.site = edcsync::SiteOID("T");
    store_ = edcsync::edge::EdgeStore::Open(options, clock_, random_).value();
    capture_.emplace(*store_, [this] { ++captured_; });
    const auto outcomes = capture_->SubmitAll({edcsync::ParseSubmission(std::string(kStored))});
    CHECK(outcomes.at(0).kind == edcsync::CaptureOutcome::Kind::kCaptured);
    captured_ = 0;
    edcsync::edge::SyncControl control;
    control.view = [] { return edcsync::edge::SyncView(); };
    control.set_paused = [this](bool) { return Ordered(); };
    control.sync_now = [this] { ++ordered_; };
    control.new_incarnation = [this] { return Ordered(); };
    api_.emplace(*store_, *capture_, std::move(control), [this] { ++ordered_; });
    edcsync::HttpServerOptions server;
    server.bearer_token = kToken;
    server.body_bytes_max = kInputBytesMax / 2;
    server.write_timeout_s = 0;  // Nobody reads while it answers.
    server_.emplace(server);
    api_->AddRoutes(*server_);
  }

  void Serve(int fd) { server_->Serve(fd); }
  bool captured() const { return captured_ > 0; }
  bool ordered() const { return ordered_ > 0; }
  void Forget() { ordered_ = 0; }

 private:
  Status Ordered() {
    ++ordered_;
    return edcsync::Ok();
  }

  Folder folder_;
  edcsync::ManualClock clock_;
  edcsync::SeededRandom random_{1};
  int captured_ = 0;
  int ordered_ = 0;
  std::unique_ptr<edcsync::edge::EdgeStore> store_;
  std::optional<edcsync::edge::Capture> capture_;
  std::optional<edcsync::edge::SiteApi> api_;
  std::optional<edcsync::HttpServer> server_;
};

// What the server answers to `input` from a client that then sends no more.
std::string AnswerTo(Agent& agent, std::string_view input) {
  int ends[2];
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  CHECK(::send(ends[0], input.data(), input.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(input.size()));
  CHECK(::shutdown(ends[0], SHUT_WR) == 0);
  agent.Serve(ends[1]);
  ::close(ends[1]);
  std::string answer;
  char part[16 * 1024];
  for (ssize_t count; (count = ::recv(ends[0], part, sizeof part, 0)) > 0;) {
    answer.append(part, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  return answer;
}

// cpp-httplib decodes "%30" in a header's value too.
std::string Decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = i + 2 < text.size() && text[i] == '%'
                          ? edcsync::FromHex(text.substr(i + 1, 2))
                          : std::nullopt;
    decoded += byte ? static_cast<char>(byte->front()) : text[i];
    if (byte) i += 2;
  }
  return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::optional<Agent> agent;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size == 0 || size > kInputBytesMax || input.find("/v1/backup") != std::string_view::npos) {
    return -1;
  }
  if (!agent) agent.emplace();
  const std::string answer = AnswerTo(*agent, input);
  CHECK(answer.empty() || answer.starts_with("HTTP/1.1 "));
  if (input.find("HTTP/1.1 5") == std::string_view::npos) {
    CHECK(answer.find("HTTP/1.1 500") == std::string::npos);
  }
  if (Decoded(input).find(kToken) == std::string::npos) {
    CHECK(!agent->captured() && !agent->ordered());
    CHECK(answer.find(kStoredValue) == std::string::npos);
  }
  agent->Forget();
  if (agent->captured()) agent.reset();
  return 0;
}
