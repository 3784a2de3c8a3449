// A PKCS#11 token of the tests' own: SoftHSM in a folder that goes with the test. Children of this
// process see it, too.
#pragma once

#include <string>

#include "shared/keys/key_settings.h"

namespace edcsync::testing {

class SoftToken {
 public:
  // Makes a token with a user PIN in `folder`, and a file (0600) with that PIN.
  SoftToken(const std::string& folder, const std::string& label);
  ~SoftToken();
  SoftToken(const SoftToken&) = delete;
  SoftToken& operator=(const SoftToken&) = delete;

  bool usable() const { return usable_; }
  // A further token of the same library with the same PIN; and one is gone for good. True: done.
  bool Add(const std::string& label) const;
  bool Destroy(const std::string& label) const;
  // The settings that name it.
  Pkcs11Settings Settings() const;
  // The lines of a configuration's [keys] that name it.
  std::string TomlLines() const;
  void WritePin(const std::string& pin, unsigned mode = 0600) const;

  static constexpr char kPin[] = "273581";

 private:
  const std::string folder_, label_;
  bool usable_ = false;
};

}  // namespace edcsync::testing
