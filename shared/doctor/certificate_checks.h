// Is a certificate there, somebody's we trust, in its time, ours by its key, and named as it must
// be?
#pragma once

#include <string>
#include <string_view>

#include "shared/base/time.h"
#include "shared/doctor/finding.h"

namespace edcsync::doctor {

struct CertificateToCheck {
  std::string check;
  std::string what;                  // "The edge's certificate".
  std::string file;
  std::string key_file;              // Empty: its key lies elsewhere.
  std::string ca_file;               // Of one authority or two; empty: they are not known here.
  std::string common_name;           // Empty: any. As the next.
  std::string organizational_unit;
  std::string renewal;               // What to do about one that ends; empty: a general sentence.
};
// The first thing wrong of: present, readable, issued by the authority, begun, not ended, of that
// key, of that name; else how many days are left, a warning below 30.
Finding CheckCertificate(const CertificateToCheck& asked, WallTime now);

// The list of revoked certificates: present, signed by one of the authorities, in its time; a warning if it
// ends within 30 days. Where `own_certificate_file` is given, that certificate is not on it.
Finding CheckRevocationList(const std::string& check, const std::string& file,
                            const std::string& ca_file, const std::string& own_certificate_file,
                            WallTime now);

}  // namespace edcsync::doctor
