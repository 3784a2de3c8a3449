// A message as an e-mail (RFC 5322, MIME): plain text in UTF-8, base64. Its Message-ID is the
// message's own, so that a mail which comes twice can be recognised. Whatever stands in names, no
// header is longer, and no further header, than meant: subjects go as encoded words (RFC 2047).
// Threads: any.
#pragma once

#include "central-gateway/notices/message.h"

namespace edcsync::central {

// RFC 4648.
std::string Base64(std::string_view bytes);

// `text` for a header: as it is if it is short printable ASCII, else as encoded words, folded.
std::string EncodedHeaderText(std::string_view text);

// "Sat, 21 Nov 2026 08:15:30 +0000"
std::string MailDate(WallTime time);

// REQUIRES: IsMailAddress of `from` and all of `to`, which is not empty.
std::string MailText(const Message& message, const std::string& from,
                     const std::vector<std::string>& to);

}  // namespace edcsync::central
