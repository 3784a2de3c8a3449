// Keys and certificates of a simulated trial, from one authority as the gateway's own.
#pragma once

#include "shared/base/check.h"
#include "shared/crypto/seal.h"

namespace edcsync::simulation {

// The value of a call that a sound world cannot see fail.
template <class T>
T Must(Result<T> result) {
  CHECK(result.ok());
  return std::move(*result);
}
inline void Must(const Status& status) { CHECK(status.ok()); }

struct Identity {
  PrivateKey key;
  Certificate certificate;
  Sealer Seal() const { return Must(Sealer::Create(key, certificate)); }
};

class Authority {
 public:
  Authority(WallTime now, Random& random)
      : random_(random), authority_(Must(CertificateAuthority::Create("CA", now, 3650, random))) {}

  // `site` empty: a gateway's.
  Identity Issue(const std::string& name, const std::string& site, WallTime not_before,
                 int valid_days) {
    CertificateAuthority::Request request;
    request.common_name = name;
    request.organizational_unit = site;
    request.purpose = site.empty() ? CertificateAuthority::Purpose::kGateway
                                   : CertificateAuthority::Purpose::kEdge;
    request.not_before = not_before;
    request.valid_days = valid_days;
    const PrivateKey key = Must(PrivateKey::Generate());
    return {key, Must(authority_.Issue(key, request, random_))};
  }
  const Certificate& certificate() const { return authority_.certificate(); }

 private:
  Random& random_;
  CertificateAuthority authority_;
};

}  // namespace edcsync::simulation
