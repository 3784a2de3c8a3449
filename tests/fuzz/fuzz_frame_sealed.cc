// Bytes as the broker delivers them. Keys are made at the start, so nothing the fuzzer invents is
// validly sealed: every input must be refused. The input is also put behind a good header, and
// laid over a good frame from its front, to reach the CMS structures.
#include "shared/base/check.h"
#include "shared/wire/codec.h"

namespace {

struct World {
  edcsync::SystemRandom random;
  edcsync::CertificateAuthority authority =
      edcsync::CertificateAuthority::Create("CA", edcsync::WallTime{}, 100, random).value();
  edcsync::PrivateKey gateway_key = edcsync::PrivateKey::Generate().value();
  edcsync::PrivateKey edge_key = edcsync::PrivateKey::Generate().value();
  edcsync::Certificate gateway = Issue("gateway", gateway_key);
  edcsync::Certificate edge = Issue("edge", edge_key);
  edcsync::Sealer gateway_sealer = edcsync::Sealer::Create(gateway_key, gateway).value();
  edcsync::Sealer edge_sealer = edcsync::Sealer::Create(edge_key, edge).value();
  edcsync::Bytes good =
      edcsync::wire::SealFrame(edcsync::wire::Nudge(), gateway_sealer, edge).value();

  edcsync::Certificate Issue(const std::string& name, const edcsync::PrivateKey& key) {
    edcsync::CertificateAuthority::Request request;
    request.common_name = name;
    request.valid_days = 10;
    return authority.Issue(key, request, random).value();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const auto open = [](const edcsync::Bytes& bytes) {
    return edcsync::wire::OpenFrame(bytes, world.edge_sealer, world.gateway).ok();
  };
  const edcsync::BytesView input(data, size);
  CHECK(!open(edcsync::Bytes(input.begin(), input.end())));
  edcsync::Bytes behind_header(world.good.begin(), world.good.begin() + 8);
  edcsync::Append(behind_header, input);
  CHECK(!open(behind_header));

  // Pairs of (place, change), each place two bytes.
  edcsync::Bytes altered = world.good;
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    altered[(data[i] * 256u + data[i + 1]) % altered.size()] ^= data[i + 2];
  }
  CHECK(open(altered) == (altered == world.good));
  return 0;
}
