#include "edge-agent/app/enroll_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "edge-agent/app/asking.h"
#include "edge-agent/enrolment/enrol.h"
#include "shared/base/exit_code.h"
#include "shared/base/folders.h"
#include "shared/base/json.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;

std::string ConfigFileIn(const std::string& dir) {
  std::error_code ignored;
  const bool file = std::filesystem::path(dir).extension() == ".toml" &&
                    !std::filesystem::is_directory(dir, ignored);
  return file ? dir : (std::filesystem::path(dir) / "edge-agent.toml").string();
}

// A token on the command line stands in the process list and the shell's history: "-" reads it.
std::string TokenFrom(const std::string& argument) {
  if (argument != "-") return argument;
  std::string token;
  std::getline(std::cin, token);
  token.resize(std::min(token.size(), kTokenBytesMax));
  return token;
}

int Enroll(const CLI::App& app, const std::string& given, bool json, const std::string& argument) {
  const bool named = app.get_option("--dir")->count() > 0;
  const std::string dir = named ? given : FolderForNewConfig(std::getenv("EDCSYNC_EDGE_DIR"));
  const Result<wire::EnrolmentToken> token = wire::ParseToken(TokenFrom(argument));
  if (!token.ok()) return Report(token.error());
  const SystemClock clock;
  const Result<Enrolled> enrolled = Enrol(*token, ConfigFileIn(dir), clock);
  if (!enrolled.ok()) return Report(enrolled.error());
  if (json) {
    std::printf("%s\n", Json{{"edgeId", enrolled->edge.str()},
                             {"siteOID", enrolled->site.str()},
                             {"configuration", enrolled->config_file},
                             {"broker", enrolled->broker},
                             {"certificateNotAfter", FormatUtc(enrolled->not_after)}}
                            .dump(2)
                            .c_str());
    return kExitOk;
  }
  std::printf(
      "This machine is edge %s of site %s. Its key was made here and stays here.\n"
      "Configuration: %s; broker: %s; certificate until %s, renewed by itself.\n\n"
      "Next: edge-agent --dir %s run   (as an installed service: systemctl restart "
      "edcsync-edge-agent)\n"
      "Then: edge-agent --dir %s status\n",
      enrolled->edge.str().c_str(), enrolled->site.str().c_str(), enrolled->config_file.c_str(),
      enrolled->broker.c_str(), FormatUtc(enrolled->not_after).c_str(), dir.c_str(), dir.c_str());
  return kExitOk;
}

}  // namespace

void AddEnrollCommand(CLI::App& app, const std::string& dir, const bool& json, int& code) {
  auto token = std::make_shared<std::string>();
  CLI::App* enroll = app.add_subcommand(
      "enroll",
      "Make this machine an edge, with the token that `central-gateway edge invite` prints");
  enroll->fallthrough();
  enroll->add_option("TOKEN", *token, "The token; -: read it from standard input")->required();
  enroll->callback([&app, &dir, &json, &code, token] { code = Enroll(app, dir, json, *token); });
}

}  // namespace edcsync::edge
