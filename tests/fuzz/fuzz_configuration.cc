// Both programs' configuration texts: the first byte says whose, 0 the edge agent's, 1 the
// gateway's. What is taken is within its bounds and fit for file names, host names and the
// broker's configuration; what is refused says so in UTF-8.
#include <algorithm>

#include "central-gateway/app/config.h"
#include "edge-agent/app/config.h"
#include "shared/base/bytes.h"
#include "shared/base/check.h"

namespace {

void CheckText(const std::string& text) {
  CHECK(edcsync::IsUtf8(text));
  CHECK(std::none_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
}

void TryEdge(std::string_view text) {
  const auto config = edcsync::edge::ParseConfig(text, "/nowhere/edge-agent.toml");
  if (!config.ok()) {
    CHECK(edcsync::IsUtf8(config.error().message));
    return;
  }
  CHECK(edcsync::IsDeviceName(config->edge.str()));
  CHECK(!config->site.str().empty());
  CHECK(config->broker_port >= 1 && config->broker_port <= 65535);
  CHECK(config->http_port >= 0 && config->http_port <= 65535);
  CHECK(config->data_dir.empty() || config->data_dir.front() == '/');
  for (const std::string* one :
       {&config->site.str(), &config->data_dir, &config->broker_host, &config->ca_file,
        &config->certificate_file, &config->key_file, &config->gateway_certificate_file,
        &config->http_address, &config->http_certificate_file, &config->http_key_file}) {
    CheckText(*one);
  }
}

void TryGateway(std::string_view text) {
  const auto config = edcsync::central::ParseConfig(text, "/nowhere");
  if (!config.ok()) {
    CHECK(edcsync::IsUtf8(config.error().message));
    return;
  }
  CHECK(edcsync::IsDeviceName(config->gateway.str()));
  CHECK(config->broker_port >= 1 && config->broker_port <= 65535);
  CHECK(config->frames_per_second_max >= 1 && config->bytes_per_second_max >= 1'048'576);
  CheckText(config->broker_host);
  CheckText(config->broker_bind_address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || data[0] > 1) return -1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] == 0 ? TryEdge(text) : TryGateway(text);
  return 0;
}
