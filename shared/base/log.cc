#include "shared/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>

#include "shared/base/time.h"

namespace edcsync {
namespace {

struct Sink {
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("edcsync", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  std::string service_name = "edcsync";
  LogLevel level = LogLevel::kWarn;
  bool terminal = isatty(STDERR_FILENO) == 1;
  Sink() {
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
  }
};

Sink& TheSink() {
  static Sink sink;
  return sink;
}

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}

void AppendJsonText(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (name == Name(level)) return level;
  }
  return Fail(ErrorCode::kConfiguration, "[log] level is one of debug, info, warn, error");
}

void StartLog(const LogOptions& options) {
  TheSink().service_name = options.service_name;
  TheSink().level = options.level;
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  Sink& sink = TheSink();
  if (level < sink.level) return;
  const std::string time = FormatUtc(SystemClock().Wall());
  std::string line;
  if (sink.terminal) {
    line = time.substr(11, 12) + " " + Name(level) + " " + std::string(event);
    for (const LogField& field : fields) {
      line += "  " + std::string(field.key) + "=";
      if (field.quoted) {
        AppendJsonText(line, field.text);
      } else {
        line += field.text;
      }
    }
  } else {
    line = "{\"time\":\"" + time + "\",\"level\":\"" + Name(level) + "\",\"service_name\":";
    AppendJsonText(line, sink.service_name);
    line += ",\"event\":";
    AppendJsonText(line, event);
    for (const LogField& field : fields) {
      line += ',';
      AppendJsonText(line, field.key);
      line += ':';
      if (field.quoted) {
        AppendJsonText(line, field.text);
      } else {
        line += field.text;
      }
    }
    line += '}';
  }
  sink.logger->log(spdlog::level::critical, line);
}

}  // namespace edcsync
