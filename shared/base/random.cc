#include "shared/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "shared/base/check.h"

namespace edcsync {

std::uint64_t Random::Next() {
  std::uint64_t value = 0;
  Fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  return value;
}

std::uint64_t Random::Below(std::uint64_t bound) {
  CHECK(bound > 0);
  // Values from the incomplete last range would favour small results; they are drawn again.
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = Next();
  while (value >= limit) value = Next();
  return value % bound;
}

void SystemRandom::Fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t count = getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    CHECK(count > 0);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

void SeededRandom::Fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::uint64_t value = engine_();
    const std::size_t count = out.size() < sizeof value ? out.size() : sizeof value;
    std::memcpy(out.data(), &value, count);
    out = out.subspan(count);
  }
}

}  // namespace edcsync
