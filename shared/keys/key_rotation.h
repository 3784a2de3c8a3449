// A rotation of the key-encryption key, step by step; and what people are told of keys. In this
// order, so that at no moment a database stands whose key is in no place where it is looked for:
//
//   1. the next key is made, durably, beside the present one       (a crash: an unused key lies there)
//   2. every data key is re-wrapped, in one transaction            (a crash: all or none; both keys are)
//   3. a new key file takes the present one's name                 (a crash: found under its id)
//
// Services go on meanwhile: sealed fields and data keys stay as they are, and who needs the next key
// finds it by the id beside the data key.
#pragma once

#include "shared/base/json.h"
#include "shared/keys/key_sources.h"

namespace edcsync {

// What the rotation asks of a store.
struct KeyedStore {
  std::function<Result<FieldCipher::Keys>()> describe;
  // One transaction with its audit entry ("key.rotated", `detail`). Returns how many data keys.
  std::function<Result<std::size_t>(WrappingKey& next, const std::string& detail)> rewrap;
};

enum class RotationStep : std::uint8_t { kBegun, kNextKeyMade, kRewrapped, kSettled };

struct Rotation {
  std::vector<std::string> from;  // Ids in hexadecimal; "unnamed" of the first release.
  KeySource to = KeySource::kFile;
  KeyId id;
  std::string where;
  std::size_t data_key_count = 0;
  std::string unsettled;  // Why step 3 did not succeed; it is no harm. Empty: it did.
};

// To another key of `to`; without one, of the source in use. Serialise rotations of one database: the
// caller holds a lock. `at` is called after each step; may be empty.
Result<Rotation> RotateKeys(KeySources& sources, const KeyedStore& store,
                            std::optional<KeySource> to, Random& random,
                            const std::function<void(RotationStep)>& at = {});

// Gives a new key file its name if a rotation was interrupted before; else does nothing. Logged.
void SettleInterrupted(KeySources& sources, const KeyedStore& store);

// {"source", "chosenSource", "keyId", "where", "dataKeys", "wrappedSince", "ageDays", ...,
// "otherKeys"}: no secret.
Result<Json> KeyStatusJson(KeySources& sources, const KeyedStore& store, WallTime now);
Json ToJson(const Rotation& rotation, const KeySettings& settings);

// For a person, with line ends.
std::string KeyStatusText(const Json& status);
std::string RotationText(const Json& rotation);
std::string GeneratedText(const std::string& file, const KeyId& id);

}  // namespace edcsync
