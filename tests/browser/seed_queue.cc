// seed_queue DIR COUNT: adds open conflicts to the gateway installed in DIR, which does not run.
#include <cstdio>
#include <cstdlib>

#include "central-gateway/store/sqlite_central_store.h"
#include "tests/support/long_queue.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  using namespace edcsync;
  SystemClock clock;
  SystemRandom random;
  const std::string dir = argv[1];
  central::SqliteCentralStoreOptions options;
  options.path = dir + "/central.db";
  options.key_file = dir + "/central.key";
  options.start_writer = false;
  options.holder = "seed";
  auto store = central::OpenSqliteCentralStore(options, clock, random);
  const Status added =
      store.ok() ? edcsync::testing::AddOpenConflicts(**store, clock, random,
                                                      std::strtoull(argv[2], nullptr, 10))
                 : Status(tl::unexpected<Error>(store.error()));
  if (added.ok()) return 0;
  std::fprintf(stderr, "%s\n", added.error().ToString().c_str());
  return 1;
}
