#include "edge-agent/app/asking.h"

#include <cstdio>

#include "shared/base/exit_code.h"

namespace edcsync::edge {
namespace {

int ExitCodeOf(const Error& error) {
  if (error.code == ErrorCode::kUsage || error.code == ErrorCode::kConfiguration) {
    return kExitUsage;
  }
  return Describe(error.code).retry == Retry::kTransient ? kExitUnavailable : kExitRefused;
}

}  // namespace

int Report(const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.ToString().c_str());
  return ExitCodeOf(error);
}

Result<Json> Ask(const std::string& dir, const std::string& path,
                 const std::function<Result<std::string>(EdgeStore&)>& direct) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(dir));
  EDCSYNC_ASSIGN(LocalAgent agent, LocalAgent::Reach(config));
  std::string body;
  if (agent.running()) {
    EDCSYNC_ASSIGN(HttpResponse response, agent.Get(path));
    body = std::move(response.body);
  } else {
    EDCSYNC_ASSIGN(body, direct(agent.store()));
  }
  return Json::parse(body);
}

int Post(const std::string& dir, const std::string& path, const Json& body,
         const std::string& done) {
  const Result<Config> config = LoadConfig(dir);
  if (!config.ok()) return Report(config.error());
  Result<LocalAgent> agent = LocalAgent::Reach(*config);
  if (!agent.ok()) return Report(agent.error());
  if (!agent->running()) {
    return Report({ErrorCode::kUnavailable, "No agent runs in " + config->data_dir});
  }
  const Result<HttpResponse> response = agent->Post(path, body.dump(), "application/json");
  if (!response.ok()) return Report(response.error());
  std::printf("%s\n", done.c_str());
  return kExitOk;
}

}  // namespace edcsync::edge
