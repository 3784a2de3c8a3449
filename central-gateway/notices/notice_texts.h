// The words of notices in each language: the built-in templates and the names within them.
// Threads: any.
#pragma once

#include <string_view>

#include "central-gateway/notices/notice.h"

namespace edcsync::central {

enum class NoticeLanguage : std::uint8_t { kEnglish, kChinese };

// What `templates.h` shows unless an operator's file says otherwise.
std::string_view BuiltInTemplate(NoticeLanguage language, std::string_view name);

// "hard conflict"
std::string_view NameOf(NoticeLanguage language, NoticeKind kind);
std::string_view NameOf(NoticeLanguage language, Severity severity);
// Why a revision is in quarantine; the error's own name if it has no other.
std::string_view ReasonText(NoticeLanguage language, std::uint16_t reason);

}  // namespace edcsync::central
