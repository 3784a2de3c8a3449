#include "tests/simulation/seeded_openssl.h"

#include <openssl/rand.h>
#include <sqlite3.h>

#include <random>

#include "shared/base/check.h"

namespace edcsync::simulation {
namespace {

std::mt19937_64 engine;  // NOLINT: the library asks by a plain function.

int Fill(unsigned char* out, int count) {
  for (int i = 0; i < count; ++i) out[i] = static_cast<unsigned char>(engine());
  return 1;
}
int Ready() { return 1; }

}  // namespace

void SeedLibraries(std::uint64_t seed) {
  engine.seed(seed ^ 0x6f70656e73736cULL);
// Deprecated since OpenSSL 3.0 in favour of providers, which need far more code for the same.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  static RAND_METHOD method{nullptr, Fill, nullptr, nullptr, Fill, Ready};
  CHECK(RAND_set_rand_method(&method) == 1);
#pragma GCC diagnostic pop
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed | 1), nullptr);
}

}  // namespace edcsync::simulation
