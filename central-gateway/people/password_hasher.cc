#include "central-gateway/people/password_hasher.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "shared/base/check.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kMemoryHashBytes = 8 * 1024 * 1024;

Status NoMemory() {
  return Fail(ErrorCode::kInternal, "a password hash could not be computed: memory is short");
}

}  // namespace

// The right to compute one hash, for as long as the object lives.
class PasswordHasher::Turn {
 public:
  explicit Turn(PasswordHasher& hasher) : hasher_(hasher) {
    std::unique_lock lock(hasher_.mutex_);
    if (hasher_.running_ >= hasher_.options_.at_once_max) {
      if (hasher_.waiting_ >= hasher_.options_.waiting_max) return;
      ++hasher_.waiting_;
      hasher_.freed_.wait(lock, [&] { return hasher_.running_ < hasher_.options_.at_once_max; });
      --hasher_.waiting_;
    }
    ++hasher_.running_;
    taken_ = true;
  }
  ~Turn() {
    if (!taken_) return;
    {
      const std::lock_guard lock(hasher_.mutex_);
      --hasher_.running_;
    }
    hasher_.freed_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  Status taken() const {
    if (taken_) return Ok();
    return Fail(ErrorCode::kBusy, "too many passwords are being checked at this moment");
  }

 private:
  PasswordHasher& hasher_;
  bool taken_ = false;
};

PasswordHasher::PasswordHasher(PasswordHasherOptions options) : options_(options) {
  CHECK(options_.at_once_max > 0);
  CHECK(sodium_init() >= 0);
}

Result<std::string> PasswordHasher::Hash(std::string_view password, std::uint64_t passes,
                                         std::size_t memory_bytes) {
  const Turn turn(*this);
  EDCSYNC_TRY(turn.taken());
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), passes, memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    EDCSYNC_TRY(NoMemory());
  }
  return std::string(text.data());
}

Result<std::string> PasswordHasher::Hash(std::string_view password) {
  return Hash(password, options_.passes, options_.memory_bytes);
}

Result<std::string> PasswordHasher::HashForMemory(std::string_view password) {
  return Hash(password, 1, std::min(options_.memory_bytes, kMemoryHashBytes));
}

Result<bool> PasswordHasher::Verify(const std::string& hash, std::string_view password) {
  const Turn turn(*this);
  EDCSYNC_TRY(turn.taken());
  errno = 0;
  if (crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0) return true;
  // libsodium tells a mismatch by EINVAL. Anything else means that nobody compared.
  if (errno != EINVAL) EDCSYNC_TRY(NoMemory());
  return false;
}

Status PasswordHasher::Waste(std::string_view password) {
  EDCSYNC_TRY(Hash(password));
  return Ok();
}

}  // namespace edcsync::central
