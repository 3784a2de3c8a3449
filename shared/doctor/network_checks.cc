#include "shared/doctor/network_checks.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "shared/base/random.h"
#include "shared/crypto/tls_probe.h"

namespace edcsync::doctor {
namespace {

constexpr int kConnectTimeoutMs = 5000;
constexpr std::uint8_t kConnack = 0x20;
constexpr std::size_t kConnackReasonAt = 3;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> Resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (failure != 0) return Fail(ErrorCode::kUnavailable, ::gai_strerror(failure));
  return Addresses(list);
}

std::string AddressText(const addrinfo& address) {
  char text[NI_MAXHOST] = "";
  ::getnameinfo(address.ai_addr, address.ai_addrlen, text, sizeof text, nullptr, 0,
                NI_NUMERICHOST);
  return text;
}

class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Within kConnectTimeoutMs; waits and sends of it are bounded by the same time.
Result<Socket> ConnectTo(const addrinfo& address) {
  Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int failure = errno;
  if (socket.get() >= 0) {
    failure = ::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
    if (failure == EINPROGRESS) {
      pollfd waiting{socket.get(), POLLOUT, 0};
      socklen_t size = sizeof failure;
      if (::poll(&waiting, 1, kConnectTimeoutMs) != 1) failure = ETIMEDOUT;
      else ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
    }
  }
  if (failure != 0) {
    return Fail(ErrorCode::kUnavailable, std::generic_category().message(failure));
  }
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  const timeval limit{kConnectTimeoutMs / 1000, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return socket;
}

// MQTT 5.0, 3.1: CONNECT with clean start, without will or user name.
Bytes ConnectPacket() {
  std::array<std::uint8_t, 8> noise{};
  SystemRandom().Fill(noise);
  const std::string client = "doctor-" + ToHex(noise);
  Bytes packet = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 5, 0x02, 0, 0, 0, 0};
  packet.push_back(static_cast<std::uint8_t>(client.size()));
  for (const char c : client) packet.push_back(static_cast<std::uint8_t>(c));
  packet[1] = static_cast<std::uint8_t>(packet.size() - 2);
  return packet;
}

Finding TlsFinding(const BrokerToReach& broker, const TlsProbe& probe, const std::string& place) {
  const std::string check = "broker.tls";
  switch (probe.failed) {
    case TlsProbe::Step::kNone:
      return Sound(check, place + " speaks " + probe.protocol + " with a certificate of our "
                                  "authority for this name.");
    case TlsProbe::Step::kOwnFiles:
      return Problem(check, "Our own TLS files cannot be used: " + probe.why + ".",
                     "See the findings on certificates and files.");
    case TlsProbe::Step::kHandshake:
      return Problem(check, place + " does not speak TLS with us: " + probe.why + ".",
                     "Look whether another service has that port, or something between "
                     "(firewall, proxy) breaks TLS; and into the broker's log " + broker.own_side +
                         ".");
    case TlsProbe::Step::kChain:
      return Problem(check, "The broker's certificate is not of the authority in " +
                                broker.ca_file + ": " + probe.why + ".",
                     "Another broker answers, or something between opens TLS (then exempt this "
                     "connection), or the bundle is of another centre.");
    case TlsProbe::Step::kDates:
      return Problem(check, "The broker's certificate does not count at this time: " + probe.why +
                                ".",
                     "Compare this machine's clock; then have the centre renew the broker's "
                     "certificate.");
    case TlsProbe::Step::kName:
      return Problem(check, "The broker's certificate is not for the name " + broker.host + ".",
                     "Use a name that stands in it (`central-gateway init --also NAME` when made), "
                     "in [broker] host.");
    case TlsProbe::Step::kRefused:
      return Problem(check, "The broker refuses our certificate: " + probe.why + ".",
                     "See the findings on certificates; ask the operator whether it was revoked.");
  }
  return NotChecked(check, "");
}

Finding AnswerFinding(const TlsProbe& probe) {
  const std::string check = "broker.answer";
  const Bytes& answer = probe.answer;
  if (answer.size() <= kConnackReasonAt || answer[0] != kConnack) {
    return Problem(check, "It does not answer as an MQTT 5 broker does.",
                   "Look whether [broker] port is the broker's.");
  }
  if (answer[kConnackReasonAt] != 0) {
    return Problem(check, "The broker refuses the session (MQTT reason " +
                              std::to_string(answer[kConnackReasonAt]) + ").",
                   "Look into the broker's log and access list (broker/acl).");
  }
  return Sound(check, "The broker takes a session under our certificate.");
}

}  // namespace

std::vector<Finding> CheckBroker(const BrokerToReach& broker, WallTime now) {
  std::vector<Finding> findings;
  const auto skip = [&](std::initializer_list<const char*> checks, const std::string& why) {
    for (const char* check : checks) findings.push_back(NotChecked(check, why));
  };
  const std::string place = broker.host + " port " + std::to_string(broker.port);
  const Result<Addresses> addresses = Resolve(broker.host, broker.port);
  if (!addresses.ok()) {
    findings.push_back(Problem("broker.dns",
                               "The name " + broker.host + " does not resolve: " +
                                   addresses.error().message + ".",
                               "Correct [broker] host, or the machine's name service "
                               "(/etc/resolv.conf, /etc/hosts)."));
    skip({"broker.tcp", "broker.tls", "broker.answer"}, "The broker's name does not resolve.");
    return findings;
  }
  std::string names;
  Result<Socket> socket = Fail(ErrorCode::kUnavailable, "no address");
  for (const addrinfo* one = addresses->get(); one != nullptr; one = one->ai_next) {
    names += (names.empty() ? "" : ", ") + AddressText(*one);
    if (!socket.ok()) socket = ConnectTo(*one);
  }
  findings.push_back(Sound("broker.dns", broker.host + " is " + names + "."));
  if (!socket.ok()) {
    findings.push_back(Problem("broker.tcp", place + " takes no connection: " +
                                                 socket.error().message + ".",
                               "Look whether the broker runs " + broker.own_side +
                                   " and listens on an address that is reachable from here "
                                   "([broker] bind_address), and whether a firewall lets the port "
                                   "through."));
    skip({"broker.tls", "broker.answer"}, "The broker cannot be reached.");
    return findings;
  }
  findings.push_back(Sound("broker.tcp", place + " takes connections."));
  TlsProbeOptions options;
  options.host = broker.host;
  options.ca_file = broker.ca_file;
  options.certificate_file = broker.certificate_file;
  options.key_file = broker.key_file;
  options.at = now;
  options.greeting = ConnectPacket();
  const TlsProbe probe = ProbeTls(socket->get(), options);
  findings.push_back(TlsFinding(broker, probe, place));
  if (probe.failed == TlsProbe::Step::kNone) findings.push_back(AnswerFinding(probe));
  else skip({"broker.answer"}, "There is no TLS connection.");
  return findings;
}

bool IsListening(const std::string& address, int port) {
  const std::string asked = address == "0.0.0.0" ? "127.0.0.1" : address == "::" ? "::1" : address;
  const Result<Addresses> addresses = Resolve(asked, port);
  return addresses.ok() && ConnectTo(**addresses).ok();
}

}  // namespace edcsync::doctor
