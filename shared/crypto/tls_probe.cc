#include "shared/crypto/tls_probe.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "shared/base/check.h"
#include "shared/crypto/openssl_handles.h"

namespace edcsync {
namespace {

using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;

constexpr std::size_t kAnswerBytesMax = 256;

// The reason of the latest error; the queue is empty afterwards.
std::string LastReason(const char* otherwise) {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? otherwise : reason;
}

// An alert that came from the peer about what we sent.
bool IsAlert() {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  return ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET;
}

TlsProbe Failed(TlsProbe::Step step, std::string why) {
  TlsProbe probe;
  probe.failed = step;
  probe.why = std::move(why);
  return probe;
}

TlsProbe::Step StepOf(long error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsProbe::Step::kDates;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsProbe::Step::kName;
    default: return TlsProbe::Step::kChain;
  }
}

bool LoadOwnFiles(SSL_CTX* context, const TlsProbeOptions& options) {
  return SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) == 1 &&
         SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) == 1 &&
         SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
         SSL_CTX_check_private_key(context) == 1;
}

void ExpectPeer(SSL* ssl, const TlsProbeOptions& options) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(ToSeconds(options.at)));
  const char* host = options.host.c_str();
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1) return;
  ERR_clear_error();
  CHECK(X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1);
  SSL_set_tlsext_host_name(ssl, host);
}

std::optional<Certificate> PeerOf(SSL* ssl) {
  const X509Ptr x509(SSL_get1_peer_certificate(ssl));
  if (x509 == nullptr) return std::nullopt;
  const BioPtr bio = WriteBio();
  if (PEM_write_bio_X509(bio.get(), x509.get()) != 1) return std::nullopt;
  const Result<Certificate> peer = Certificate::FromPem(AsText(BioContent(bio.get())));
  return peer.ok() ? std::optional(*peer) : std::nullopt;
}

// TLS 1.3: the peer looks at our certificate after our handshake is done, so that its refusal
// comes in place of an answer.
TlsProbe Exchange(SSL* ssl, const TlsProbeOptions& options) {
  TlsProbe probe;
  probe.protocol = SSL_get_version(ssl);
  probe.peer = PeerOf(ssl);
  if (options.greeting.empty()) return probe;
  probe.answer.resize(kAnswerBytesMax);
  std::size_t written = 0, read = 0;
  ERR_clear_error();
  errno = 0;
  const bool sent =
      SSL_write_ex(ssl, options.greeting.data(), options.greeting.size(), &written) == 1;
  if (!sent || SSL_read_ex(ssl, probe.answer.data(), probe.answer.size(), &read) != 1) {
    // Its alert is lost when the connection is reset under what we sent. Silence is no refusal.
    const bool silent = errno == EAGAIN || errno == EWOULDBLOCK;
    if (IsAlert() || !silent) probe.failed = TlsProbe::Step::kRefused;
    probe.why = LastReason("the connection was ended without an answer");
  }
  probe.answer.resize(read);
  return probe;
}

}  // namespace

TlsProbe ProbeTls(int socket, const TlsProbeOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
  ERR_clear_error();
  const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (!LoadOwnFiles(context.get(), options)) {
    return Failed(TlsProbe::Step::kOwnFiles, LastReason("no reason given"));
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const SslPtr ssl(SSL_new(context.get()));
  CHECK(ssl != nullptr && SSL_set_fd(ssl.get(), socket) == 1);
  ExpectPeer(ssl.get(), options);
  if (SSL_connect(ssl.get()) == 1) return Exchange(ssl.get(), options);
  const long verified = SSL_get_verify_result(ssl.get());
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return Failed(StepOf(verified), X509_verify_cert_error_string(verified));
  }
  const auto step = IsAlert() ? TlsProbe::Step::kRefused : TlsProbe::Step::kHandshake;
  return Failed(step, LastReason("the connection was ended or nothing came in time"));
}

}  // namespace edcsync
