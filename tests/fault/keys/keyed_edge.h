// An edge's database with its keys in every source there is: a file, two credentials, a SoftHSM
// token. What may be killed or must not touch a token of this process runs in a child.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "edge-agent/site/key_api.h"
#include "tests/support/edge_world.h"
#include "tests/support/soft_token.h"

namespace edcsync::testing {

// What a child's body comes to: 0, or what it printed failed; 137: killed.
inline int InChild(const std::function<Status()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const Status done = body();
    if (!done.ok()) std::fprintf(stderr, "in the child: %s\n", done.error().ToString().c_str());
    std::fflush(nullptr);
    ::_exit(done.ok() ? 0 : static_cast<int>(done.error().code) % 100 + 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The exit code of a child that fails so.
inline int CodeOf(ErrorCode code) { return static_cast<int>(code) % 100 + 1; }

class KeyedEdge {
 public:
  KeyedEdge() : token_(world_.PathOf("token"), "site") {
    std::filesystem::create_directories(world_.PathOf("credentials"));
    SystemRandom random;
    for (const char* name : {"one", "two"}) {
      EXPECT_TRUE(KeyEncryptionKey::Create(world_.PathOf("credentials/") + name, random).ok());
    }
  }

  KeySettings Settings(KeySource source) const {
    KeySettings settings;
    settings.source = source;
    settings.file = world_.options.key_file;
    settings.credential = "one";
    settings.credential_next = "two";
    settings.credentials_directory = world_.PathOf("credentials");
    settings.pkcs11 = token_.Settings();
    return settings;
  }

  struct Opened {
    std::shared_ptr<KeySources> keys;
    std::unique_ptr<edge::EdgeStore> store;
    KeyedStore keyed;
  };
  // `reload`: what the configuration says by then.
  Result<std::unique_ptr<Opened>> Open(const KeySettings& settings, Random& random,
                                       std::function<Result<KeySettings>()> reload = {}) const {
    auto opened = std::make_unique<Opened>();
    opened->keys = std::make_shared<KeySources>(settings, std::move(reload));
    edge::EdgeStoreOptions options = world_.options;
    options.keys = opened->keys;
    EDCSYNC_ASSIGN(opened->store, edge::EdgeStore::Open(options, world_.clock, random));
    opened->keyed = edge::KeyedStoreOf(*opened->store, "tester");
    return opened;
  }

  // Makes the database with its keys from `source` and seals something.
  Status Make(KeySource source) const {
    SystemRandom random;
    EDCSYNC_ASSIGN(const std::unique_ptr<Opened> opened, Open(Settings(source), random));
    Bytes sealed;
    EDCSYNC_TRY(opened->store->writer().Run([&] {
      opened->store->cipher().Seal(AsBytes("systolic 120"), AsBytes("row"), sealed);
      return Ok();
    }));
    std::ofstream(world_.PathOf("sealed"), std::ios::binary) << AsText(sealed);
    return Ok();
  }

  // Opens, reads what was sealed, checks all.
  Status Verify(const KeySettings& settings) const {
    SystemRandom random;
    EDCSYNC_ASSIGN(const std::unique_ptr<Opened> opened, Open(settings, random));
    const std::string sealed = world_.BytesOf("sealed");
    EDCSYNC_ASSIGN(const Bytes text,
                   opened->store->cipher().Open(AsBytes(sealed), AsBytes("row")));
    if (AsText(text) != "systolic 120") return Fail(ErrorCode::kCorrupt, "another text");
    EDCSYNC_ASSIGN(const std::vector<std::string> findings,
                   opened->store->Check([](std::string_view, int) {}));
    if (!findings.empty()) return Fail(ErrorCode::kCorrupt, findings.front());
    return Ok();
  }

  edge::EdgeWorld world_;
  SoftToken token_;
};

}  // namespace edcsync::testing
