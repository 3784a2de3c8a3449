#include "tests/bench/desk_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/service.h"

namespace edcsync::bench {
namespace {

// The value of a header line in `head`, "" if there is none.
std::string HeaderOf(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

}  // namespace

DeskClient::DeskClient(int port, int number) : port_(port), number_(number) { Connect(); }
DeskClient::~DeskClient() { ::close(fd_); }

void DeskClient::Connect() {
  if (fd_ >= 0) ::close(fd_);
  read_.clear();
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + static_cast<std::uint32_t>(number_));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port_));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    Abandon("the desk cannot be reached");
  }
}

std::string DeskClient::ReadUntil(const std::string& end) {
  char part[16 * 1024];
  while (true) {
    const std::size_t at = read_.find(end);
    if (at != std::string::npos) {
      std::string taken = read_.substr(0, at + end.size());
      read_.erase(0, at + end.size());
      return taken;
    }
    const ssize_t count = ::recv(fd_, part, sizeof part, 0);
    if (count <= 0) return "";
    read_.append(part, static_cast<std::size_t>(count));
  }
}

DeskClient::Answer DeskClient::Call(const std::string& method, const std::string& path,
                                    const nlohmann::ordered_json& body) {
  std::string request = method + " /api/v1" + path + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!cookie_.empty()) request += "Cookie: " + cookie_ + "\r\n";
  if (method != "GET" && !csrf_.empty()) request += "X-CSRF-Token: " + csrf_ + "\r\n";
  const std::string text = body.is_null() ? "" : body.dump();
  if (!body.is_null()) {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(text.size()) +
               "\r\n";
  }
  request += "\r\n" + text;
  std::string head;
  for (int tried = 0; head.empty(); ++tried) {
    if (tried == 2) Abandon("the desk does not answer");
    if (tried == 1) Connect();  // The server had ended the idle connection.
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(request.size())) {
      head = ReadUntil("\r\n\r\n");
    }
  }
  Answer answer;
  answer.status = std::stoi(head.substr(9, 3));
  const std::string length = HeaderOf(head, "Content-Length");
  std::size_t left = length.empty() ? 0 : std::stoul(length);
  char part[16 * 1024];
  while (read_.size() < left) {
    const ssize_t count = ::recv(fd_, part, sizeof part, 0);
    if (count <= 0) Abandon("the desk ended an answer");
    read_.append(part, static_cast<std::size_t>(count));
  }
  answer.body = nlohmann::ordered_json::parse(read_.substr(0, left), nullptr, false);
  read_.erase(0, left);
  const std::string cookie = HeaderOf(head, "Set-Cookie");
  if (!cookie.empty()) cookie_ = cookie.substr(0, cookie.find(';'));
  if (HeaderOf(head, "Connection") == "close") Connect();
  return answer;
}

void DeskClient::LogIn(const std::string& user, const std::string& password) {
  const Answer answer = Call("POST", "/session", {{"user", user}, {"password", password}});
  if (answer.status != 200) Abandon("log-in was refused: " + answer.body.dump());
  csrf_ = answer.body.value("csrfToken", "");
}

}  // namespace edcsync::bench
