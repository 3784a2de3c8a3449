#include "central-gateway/people/user_name.h"

#include <algorithm>

namespace edcsync::central {
namespace {

bool MayStandInName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '@' || c == '-';
}

}  // namespace

Status CheckUserName(std::string_view user) {
  if (!user.empty() && user.size() <= kUserNameLengthMax &&
      std::all_of(user.begin(), user.end(), MayStandInName)) {
    return Ok();
  }
  return Fail(ErrorCode::kFieldInvalid, "a user's name is 1 to 64 of A-Z a-z 0-9 . _ @ -");
}

}  // namespace edcsync::central
