// Argon2id by libsodium: slow and hungry on purpose, so that a stolen hash is dear to guess. One
// object a process: it bounds how many hashes are computed at a time, and so the memory that
// anybody who tries passwords can make the gateway take.
//
//   used by   accounts.h (first, changed), authentication.h (every attempt), sessions.h
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "shared/base/status.h"

namespace edcsync::central {

struct PasswordHasherOptions {
  // About 0.1 s a hash; OWASP asks for no less than 19 MiB and 2 passes. Tests take less.
  std::uint64_t passes = 3;  // libsodium's OPSLIMIT_MODERATE.
  std::size_t memory_bytes = 64 * 1024 * 1024;
  std::size_t at_once_max = 2;
  std::size_t waiting_max = 32;  // Beyond: kBusy, so that no server thread
                                 // waits long.
};

class PasswordHasher {
 public:
  explicit PasswordHasher(PasswordHasherOptions options = {});

  // A text with algorithm, cost, salt and hash. kBusy; kInternal if memory is short.
  Result<std::string> Hash(std::string_view password);
  // The same at a sixteenth of the cost: to hold in memory, never to store. Verify takes it too.
  Result<std::string> HashForMemory(std::string_view password);
  // Whether `hash` is of `password`. kBusy; kInternal if memory is short.
  Result<bool> Verify(const std::string& hash, std::string_view password);
  // Takes the time of a Verify where there is no hash to compare with.
  Status Waste(std::string_view password);

 private:
  class Turn;
  Result<std::string> Hash(std::string_view password, std::uint64_t passes,
                           std::size_t memory_bytes);

  const PasswordHasherOptions options_;
  std::mutex mutex_;  // Of the two counts; a leaf.
  std::condition_variable freed_;
  std::size_t running_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace edcsync::central
