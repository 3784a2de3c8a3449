// Random numbers, by constructor, so that a seed can replay a whole world.
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "shared/base/ids.h"

namespace edcsync {

class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t Next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  template <class Id>
  Id NewId() {
    Id id;
    Fill(id.bytes);
    return id;
  }
};

// The kernel's generator (getrandom). Threads: any.
class SystemRandom final : public Random {
 public:
  void Fill(std::span<std::uint8_t> out) override;
};

// Repeats itself from its seed; for tests and the simulation only. Threads: one.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void Fill(std::span<std::uint8_t> out) override;

 private:
  std::mt19937_64 engine_;
};

}  // namespace edcsync
