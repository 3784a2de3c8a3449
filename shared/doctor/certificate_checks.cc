#include "shared/doctor/certificate_checks.h"

#include <algorithm>

#include "shared/crypto/certificate.h"
#include "shared/crypto/certificate_facts.h"
#include "shared/crypto/certificate_request.h"
#include "shared/crypto/revocation_list.h"

namespace edcsync::doctor {
namespace {

constexpr std::int64_t kMsPerDay = 86'400'000;
constexpr std::int64_t kDaysLeftWarning = 30;

Finding Unreadable(const std::string& check, const std::string& what, const Error& error) {
  if (error.code == ErrorCode::kPermissions) {
    return NotChecked(check, what + " cannot be read: " + error.message + ".",
                      "Run this as root or as the service's user.");
  }
  return Problem(check, what + " cannot be read: " + error.message + ".",
                 "Put the file back from where it is kept, or correct the path in the "
                 "configuration.");
}

std::string RenewalOf(const CertificateToCheck& asked) {
  return asked.renewal.empty() ? "Have it issued anew before then." : asked.renewal;
}

}  // namespace

Finding CheckCertificate(const CertificateToCheck& asked, WallTime now) {
  const Result<Certificate> certificate = Certificate::Load(asked.file);
  if (!certificate.ok()) return Unreadable(asked.check, asked.what, certificate.error());
  if (certificate->NotAfter() < now) {
    return Problem(asked.check, asked.what + " ended on " + FormatUtc(certificate->NotAfter()) + ".",
                   "If this machine's clock (" + FormatUtc(now) + ") is right: " +
                       RenewalOf(asked));
  }
  if (now < certificate->NotBefore()) {
    return Problem(asked.check,
                   asked.what + " is valid only from " + FormatUtc(certificate->NotBefore()) +
                       ", and this machine's clock says " + FormatUtc(now) + ".",
                   "Set the clock.");
  }
  if (!asked.ca_file.empty()) {
    const auto authorities = LoadCertificates(asked.ca_file);
    if (!authorities.ok()) {
      return Unreadable(asked.check, "The authority's certificate", authorities.error());
    }
    const Status issued = VerifyIssuedByAny(*certificate, *authorities, now);
    if (!issued.ok()) {
      return Problem(asked.check, asked.what + ": " + issued.error().message + ".",
                     "Install the certificate and " + asked.ca_file +
                         " of one and the same centre.");
    }
  }
  if (!asked.key_file.empty()) {
    const Result<bool> ours = IsCertificateOfKeyFile(*certificate, asked.key_file);
    if (!ours.ok()) return Unreadable(asked.check, "The private key", ours.error());
    if (!*ours) {
      return Problem(asked.check, asked.what + " is not the one of the key " + asked.key_file + ".",
                     "Install certificate and key of one and the same issue.");
    }
  }
  const auto named = [](const std::string& wanted, const std::string& is) {
    return wanted.empty() || wanted == is;
  };
  if (!named(asked.common_name, certificate->CommonName()) ||
      !named(asked.organizational_unit, certificate->OrganizationalUnit())) {
    return Problem(asked.check,
                   asked.what + " is that of '" + certificate->CommonName() + "' of site '" +
                       certificate->OrganizationalUnit() + "', not of '" + asked.common_name +
                       "' of site '" + asked.organizational_unit + "'.",
                   "Install the certificate of this device, or correct id and site in the "
                   "configuration.");
  }
  const std::int64_t days = (certificate->NotAfter().ms - now.ms) / kMsPerDay;
  const std::string found = asked.what + " of '" + certificate->CommonName() + "' has " +
                            std::to_string(days) + " days left.";
  if (days < kDaysLeftWarning) return Warning(asked.check, found, RenewalOf(asked));
  return Sound(asked.check, found);
}

Finding CheckRevocationList(const std::string& check, const std::string& file,
                            const std::string& ca_file, const std::string& own_certificate_file,
                            WallTime now) {
  const Result<RevocationList> list = RevocationList::Load(file);
  if (!list.ok()) return Unreadable(check, "The list of revoked certificates", list.error());
  const auto authorities = LoadCertificates(ca_file);
  if (!authorities.ok()) {
    return Unreadable(check, "The authority's certificate", authorities.error());
  }
  const std::string anew = "Start the gateway anew: it issues the list at every start.";
  const bool ours = std::ranges::any_of(
      *authorities, [&](const Certificate& authority) { return list->IsSignedBy(authority); });
  if (!ours) {
    return Problem(check, file + " was not issued by the authority in " + ca_file + ".", anew);
  }
  if (list->next_update < now) {
    return Problem(check, file + " ended on " + FormatUtc(list->next_update) +
                              ": the broker refuses every edge.", anew);
  }
  if (!own_certificate_file.empty()) {
    const Result<Certificate> own = Certificate::Load(own_certificate_file);
    if (own.ok() && list->Names(own->SerialHex())) {
      return Problem(check, own_certificate_file + " was revoked.",
                     "Ask the operator of the centre; what was captured is kept.");
    }
  }
  const std::int64_t age = (now.ms - list->issued_at.ms) / kMsPerDay;
  const std::int64_t left = (list->next_update.ms - now.ms) / kMsPerDay;
  const std::string found = std::to_string(list->revoked.size()) +
                            " certificates are revoked; the list is " + std::to_string(age) +
                            " days old and counts for " + std::to_string(left) + " more.";
  if (left < kDaysLeftWarning) return Warning(check, found, anew);
  return Sound(check, found);
}

}  // namespace edcsync::doctor
