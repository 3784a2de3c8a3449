#include "edge-agent/enrolment/renewal.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <latch>

#include "shared/base/file.h"
#include "shared/crypto/seal.h"

namespace edcsync::edge {
namespace {

// An enrolment service that takes the connection and never answers, until the other side goes.
class SilentService {
 public:
  SilentService() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = "https://localhost:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] {
      const int connection = ::accept(fd_, nullptr, nullptr);
      char byte = 0;
      if (::recv(connection, &byte, 1, 0) == 1) asked.count_down();
      while (::recv(connection, &byte, 1, 0) > 0) {
      }
      ::close(connection);
    });
  }
  ~SilentService() {
    thread_.join();
    ::close(fd_);
  }
  const std::string& address() const { return address_; }

  std::latch asked{1};  // The client has begun to speak.

 private:
  const int fd_;
  std::string address_;
  std::thread thread_;
};

class RenewalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "edcsync-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const auto authority =
        *CertificateAuthority::Create("trial CA", {clock_.Wall().ms - 86'400'000}, 30, random_);
    CertificateAuthority::Request request;
    request.common_name = "kisumu-1";
    request.organizational_unit = "Kisumu";
    request.not_before = {clock_.Wall().ms - 3'600'000};
    request.valid_days = 20;
    const PrivateKey key = *PrivateKey::Generate();
    const std::string ca = authority.certificate().ToPem();
    ASSERT_TRUE(WriteFile(Files().ca, ca, 0644, false).ok());
    ASSERT_TRUE(WriteFile(Files().gateway, ca, 0644, false).ok());
    ASSERT_TRUE(ReplaceIdentity(Files().pair(), key, *authority.Issue(key, request, random_)).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  TlsFiles Files() const {
    return {folder_ + "/ca.crt", folder_ + "/edge.crt", folder_ + "/edge.key",
            folder_ + "/gateway.crt"};
  }

  SystemClock clock_;
  SystemRandom random_;
  std::string folder_;
};

// Story: an agent that was stopped while the enrolment service hung waited out its deadline.
TEST_F(RenewalTest, StoppingEndsAContactThatNobodyAnswers) {
  SilentService service;
  bool refused = false;
  RenewalEvents events;
  events.refused = [&](const Error&) { refused = true; };
  Renewal renewal({service.address(), Files(), EdgeId("kisumu-1"), 60}, std::move(events), clock_,
                  random_);
  renewal.Start();
  renewal.ContactNow();
  service.asked.wait();
  renewal.Stop();
  // It was ended, and did not run into its time: that would stand here as its failure.
  EXPECT_EQ(renewal.view().last_error, "");
  EXPECT_FALSE(renewal.view().last_contact.has_value());
  EXPECT_FALSE(refused);
}

}  // namespace
}  // namespace edcsync::edge
