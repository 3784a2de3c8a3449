// Bytes as the broker delivers them, and what stands inside the encryption: whoever has the
// receiver's certificate may encrypt to it. The first byte says what the others are:
//   0  a frame             1  changes to the good frame
//   2  a SignedData, which is encrypted to the receiver             3  changes to the good one
// The law: what opens holds what the sender signed. Outside the encryption, where nothing
// authenticates the encoding itself, a frame has one form: nothing but the good frame opens.
#include <cstdio>

#include "shared/base/check.h"
#include "shared/base/limits.h"
#include "shared/crypto/openssl_handles.h"
#include "shared/wire/codec.h"
#include "tests/fuzz/fixed_frame.h"

namespace {

using edcsync::Bytes;
using edcsync::BytesView;

constexpr std::size_t kHeaderBytes = 8;

edcsync::Sealer LoadSealer(const char* key, const char* certificate) {
  return edcsync::Sealer::Create(edcsync::PrivateKey::FromPem(key).value(),
                                 edcsync::Certificate::FromPem(certificate).value())
      .value();
}

Bytes CopyOf(BytesView bytes) { return Bytes(bytes.begin(), bytes.end()); }

struct World {
  edcsync::Sealer gateway =
      LoadSealer(edcsync::fuzz::kGatewayKeyPem, edcsync::fuzz::kGatewayCertificatePem);
  edcsync::Sealer edge = LoadSealer(edcsync::fuzz::kEdgeKeyPem, edcsync::fuzz::kEdgeCertificatePem);
  edcsync::PrivateKey edge_key = edcsync::PrivateKey::FromPem(edcsync::fuzz::kEdgeKeyPem).value();
  Bytes frame = edcsync::FromHex(edcsync::fuzz::kFrameHex).value();
  Bytes payload;
  Bytes signed_data;

  World() {
    const auto opened = edge.Open(BytesView(frame).subspan(kHeaderBytes), gateway.certificate(),
                                  edcsync::limits::kFrameBytesMax);
    if (!opened.ok()) {
      const auto nudge = edcsync::wire::Nudge{edcsync::Epoch(3), edcsync::FeedCursor(7)};
      const Bytes now = edcsync::wire::SealFrame(nudge, gateway, edge.certificate()).value();
      std::fprintf(stderr, "kFrameHex in tests/fuzz/fixed_frame.h is out of date; a new one:\n%s\n",
                   edcsync::ToHex(now).c_str());
    }
    payload = opened.value();
    signed_data = Decrypt(BytesView(frame).subspan(kHeaderBytes));
  }

  Bytes Decrypt(BytesView sealed) const {
    const unsigned char* at = sealed.data();
    const edcsync::CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(sealed.size())));
    const edcsync::BioPtr out = edcsync::WriteBio();
    CHECK(CMS_decrypt(cms.get(), edge_key.impl().key.get(), edge.certificate().impl().x509.get(),
                      nullptr, out.get(), CMS_BINARY) == 1);
    return CopyOf(edcsync::BioContent(out.get()));
  }

  // As Sealer::Seal does with what it signed.
  Bytes Encrypt(BytesView content) const {
    constexpr unsigned kFlags = CMS_BINARY | CMS_PARTIAL;
    const edcsync::BioPtr in = edcsync::ReadBio(content);
    const edcsync::CmsPtr cms(CMS_encrypt(nullptr, in.get(), EVP_aes_256_gcm(), kFlags));
    CMS_RecipientInfo* info =
        CMS_add1_recipient_cert(cms.get(), edge.certificate().impl().x509.get(), CMS_KEY_PARAM);
    CHECK(EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(info), EVP_sha256()) == 1);
    CHECK(CMS_set1_eContentType(cms.get(), OBJ_nid2obj(NID_pkcs7_signed)) == 1);
    CHECK(CMS_final(cms.get(), in.get(), nullptr, kFlags) == 1);
    const edcsync::BioPtr out = edcsync::WriteBio();
    CHECK(i2d_CMS_bio(out.get(), cms.get()) == 1);
    return CopyOf(edcsync::BioContent(out.get()));
  }
};

// `good` with `changes` to it: pairs of a place, in two bytes, and what is XORed there.
Bytes Changed(Bytes good, BytesView changes) {
  for (std::size_t i = 0; i + 2 < changes.size(); i += 3) {
    good[(changes[i] * 256u + changes[i + 1]) % good.size()] ^= changes[i + 2];
  }
  return good;
}

void TryFrame(const World& world, BytesView bytes) {
  const bool good = edcsync::AsText(bytes) == edcsync::AsText(world.frame);
  const auto frame = edcsync::wire::OpenFrame(bytes, world.edge, world.gateway.certificate());
  CHECK(frame.ok() == good);
  if (frame.ok()) CHECK(std::get<edcsync::wire::Nudge>(*frame).feed_head.value() == 7);
}

void TrySignedData(const World& world, BytesView content) {
  const auto payload = world.edge.Open(world.Encrypt(content), world.gateway.certificate(),
                                       edcsync::limits::kFrameBytesMax);
  if (payload.ok()) CHECK(*payload == world.payload);
  if (edcsync::AsText(content) == edcsync::AsText(world.signed_data)) CHECK(payload.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  switch (data[0]) {
    case 0:
      TryFrame(world, input);
      break;
    case 1:
      TryFrame(world, Changed(world.frame, input));
      break;
    case 2:
      TrySignedData(world, input);
      break;
    case 3:
      TrySignedData(world, Changed(world.signed_data, input));
      break;
    default:
      return -1;
  }
  return 0;
}
