// Log lines: JSON objects, one a line, on standard error; readable text when it is a terminal.
// An event has a fixed name and fields of keys, numbers and times. NEVER an item value, a reason
// for change, a token or a key: what is logged leaves the site.
//
//   Log(LogLevel::kInfo, "edge.session_opened", {{"edge", edge.str()}, {"epoch", epoch.value()}});
//
// Threads: any.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "shared/base/status.h"

namespace edcsync {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

// "debug", "info", "warn" or "error"; kConfiguration otherwise.
Result<LogLevel> ParseLogLevel(std::string_view name);

struct LogField {
  std::string_view key;
  std::string text;
  bool quoted;

  LogField(std::string_view name, std::string_view value)
      : key(name), text(value), quoted(true) {}
  LogField(std::string_view name, const char* value) : key(name), text(value), quoted(true) {}
  LogField(std::string_view name, const std::string& value)
      : key(name), text(value), quoted(true) {}
  LogField(std::string_view name, bool value)
      : key(name), text(value ? "true" : "false"), quoted(false) {}
  template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  LogField(std::string_view name, Number value)
      : key(name), text(std::to_string(value)), quoted(false) {}
};

struct LogOptions {
  std::string service_name;             // "edge-agent" or "central-gateway".
  LogLevel level = LogLevel::kInfo;
};

// Sets where log lines go; before it, lines of kWarn and above are printed.
void StartLog(const LogOptions& options);

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace edcsync
