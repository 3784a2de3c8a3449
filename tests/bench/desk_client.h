// One data manager's browser, as far as a benchmark needs it: one kept connection to the desk, from
// an address of its own (127.0.x.y), so that limits by address count it alone. Abandons when the
// server cannot be reached. Threads: one at a time per object.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace edcsync::bench {

class DeskClient {
 public:
  DeskClient(int port, int number);
  ~DeskClient();
  DeskClient(const DeskClient&) = delete;
  DeskClient& operator=(const DeskClient&) = delete;

  struct Answer {
    int status = 0;
    nlohmann::ordered_json body;
  };
  // `body` null: none is sent.
  Answer Call(const std::string& method, const std::string& path,
              const nlohmann::ordered_json& body = nullptr);
  // POST /session; the calls after it are the session's.
  void LogIn(const std::string& user, const std::string& password);

 private:
  void Connect();
  std::string ReadUntil(const std::string& end);

  const int port_;
  const int number_;
  int fd_ = -1;
  std::string read_;  // Beyond what was used.
  std::string cookie_, csrf_;
};

}  // namespace edcsync::bench
