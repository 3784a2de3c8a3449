// What enrolment reads from outside: a token that a person pasted, and bodies of EST. What is taken
// must come back the same.
#include "shared/base/check.h"
#include "shared/crypto/certificate_request.h"
#include "shared/wire/enrolment_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edcsync;
  const std::string_view text = AsText({data, size});
  const auto token = wire::ParseToken(text);
  if (token.ok()) {
    const auto again = wire::ParseToken(wire::FormatToken(*token));
    CHECK(again.ok() && again->secret == token->secret && again->address == token->address);
  }
  const auto body = FromBase64(text, 16 * 1024);
  if (body.ok()) CHECK(*FromBase64(ToBase64Lines(*body), body->size()) == *body);
  const BytesView der = body.ok() ? BytesView(*body) : BytesView(data, size);
  const auto request = CertificateRequest::FromDer(der);
  if (request.ok()) (void)(request->CommonName() + request->OrganizationalUnit());
  const auto bundle = CertificatesFromPkcs7(der);
  if (bundle.ok()) CHECK(CertificatesFromPem(ToPem(*bundle))->size() == bundle->size());
  (void)CertificatesFromPem(text);
  return 0;
}
