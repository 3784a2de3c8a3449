#include "edge-agent/enrolment/est_client.h"

#include <nlohmann/json.hpp>

#include "shared/base/json.h"

namespace edcsync::edge {
namespace {

constexpr std::size_t kAnswerBytesMax = 512 * 1024;
constexpr std::size_t kPkcs7BytesMax = 256 * 1024;
constexpr std::size_t kDetailBytesMax = 1000;
constexpr int kTimeoutS = 10;
constexpr int kDeadlineS = 20;
const std::string kEst = "/.well-known/est/";

HttpClientOptions ClientOptions(const EstClient::Options& options) {
  HttpClientOptions http;
  http.base_url = options.address;
  http.ca_file = options.ca_file;
  http.certificate_file = options.certificate_file;
  http.key_file = options.key_file;
  http.trust_any_server = options.ca_file.empty();
  http.timeout_s = kTimeoutS;
  http.deadline_s = kDeadlineS;
  http.response_bytes_max = kAnswerBytesMax;
  return http;
}

// What the centre says of its refusal, bounded and without control characters: it goes to a
// terminal.
Error RefusalOf(const HttpResponse& response) {
  const Json body = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::string detail;
  ErrorCode code = ErrorCode::kForbidden;
  if (body.is_object()) {
    if (body.contains("detail") && body["detail"].is_string()) detail = body["detail"];
    if (body.contains("code") && body["code"].is_number_unsigned()) {
      const ErrorInfo* info = FindError(body["code"].get<std::uint16_t>());
      if (info != nullptr) code = info->code;
    }
  }
  detail.resize(std::min(detail.size(), kDetailBytesMax));
  for (char& c : detail) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (detail.empty()) detail = "The centre answered with HTTP " + std::to_string(response.status);
  return {code, detail};
}

Result<HttpResponse> Good(Result<HttpResponse> response) {
  if (!response.ok() || response->status == 200) return response;
  return tl::unexpected<Error>(RefusalOf(*response));
}

std::string TextOf(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

}  // namespace

EstClient::EstClient(const Options& options) : client_(ClientOptions(options)) {}

Result<std::vector<Certificate>> EstClient::Authorities() {
  EDCSYNC_ASSIGN(const HttpResponse response, Good(client_.Get(kEst + "cacerts")));
  EDCSYNC_ASSIGN(const Bytes der, FromBase64(response.body, kPkcs7BytesMax));
  return CertificatesFromPkcs7(der);
}

Result<Certificate> EstClient::Ask(const std::string& operation, BytesView request,
                                   const HttpClient::Headers& headers) {
  HttpClient::Headers all = headers;
  all.emplace("Content-Transfer-Encoding", "base64");
  EDCSYNC_ASSIGN(
      const HttpResponse response,
      Good(client_.Post(kEst + operation, ToBase64Lines(request), "application/pkcs10", all)));
  EDCSYNC_ASSIGN(const Bytes der, FromBase64(response.body, kPkcs7BytesMax));
  EDCSYNC_ASSIGN(std::vector<Certificate> certificates, CertificatesFromPkcs7(der));
  return std::move(certificates.front());
}

Result<Certificate> EstClient::Enrol(const EdgeId& edge, const std::string& secret,
                                     BytesView request) {
  std::string basic = ToBase64Lines(AsBytes(edge.str() + ":" + secret));
  std::erase(basic, '\n');
  return Ask("simpleenroll", request, {{"Authorization", "Basic " + basic}});
}

Result<Certificate> EstClient::Reenrol(BytesView request) {
  return Ask("simplereenroll", request, {});
}

Result<CentreConfiguration> EstClient::Configuration() {
  EDCSYNC_ASSIGN(const HttpResponse response, Good(client_.Get("/v1/edge/configuration")));
  const Json body = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const auto malformed = [] {
    return Fail(ErrorCode::kMalformed, "The centre's configuration for this edge cannot be read");
  };
  if (!body.is_object() || !body.contains("broker") || !body["broker"].is_object()) {
    return malformed();
  }
  const Json& broker = body["broker"];
  CentreConfiguration configuration;
  configuration.edge = EdgeId(TextOf(body, "edgeId"));
  configuration.site = SiteOID(TextOf(body, "siteOID"));
  configuration.broker_host = TextOf(broker, "host");
  if (broker.contains("port") && broker["port"].is_number_unsigned()) {
    configuration.broker_port =
        static_cast<int>(std::min<std::uint64_t>(broker["port"].get<std::uint64_t>(), 65536));
  }
  configuration.issuer = TextOf(body, "issuer");
  configuration.server_time = ParseTime(TextOf(body, "serverTime"));
  EDCSYNC_ASSIGN(configuration.gateways, CertificatesFromPem(TextOf(body, "gatewayCertificates")));
  EDCSYNC_ASSIGN(configuration.authorities, CertificatesFromPem(TextOf(body, "authorities")));
  const bool plain_host =
      !configuration.broker_host.empty() && configuration.broker_host.size() <= 255 &&
      configuration.broker_host.find_first_of("\"\\ \n\r\t") == std::string::npos;
  if (!IsDeviceName(configuration.edge.str()) || configuration.site.str().empty() || !plain_host ||
      configuration.broker_port < 1 || configuration.broker_port > 65535) {
    return malformed();
  }
  return configuration;
}

}  // namespace edcsync::edge
