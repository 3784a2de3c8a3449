// What is judged while a world runs: things a look at the databases afterwards could not tell.
#pragma once

#include <map>

#include "tests/simulation/world.h"

namespace edcsync::simulation {

class Watch {
 public:
  // Hangs itself into the world's broker and steps.
  explicit Watch(World& world);

 private:
  struct Standing {
    bool known = false;
    Epoch epoch;
    std::string gateway;
    Incarnation incarnation;
    Sequence acknowledged;
    bool revoked = false;
  };
  Standing StandingOf(const EdgeId& edge);
  void BeforeTaken(const std::string& client, const Message& message);
  void AfterTaken(const std::string& client, const Message& message);
  void AfterStep();

  World& world_;
  Standing before_;
};

}  // namespace edcsync::simulation
