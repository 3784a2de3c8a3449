#include "shared/model/audit_entry.h"

namespace edcsync {
namespace {

void Put(Bytes& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

Bytes EncodeAuditEntry(const AuditEntry& entry) {
  Bytes out;
  Put(out, entry.number, 8);
  Put(out, entry.id, 8);
  Put(out, static_cast<std::uint64_t>(entry.at.ms), 8);
  for (const std::string* text : {&entry.actor, &entry.action, &entry.object, &entry.detail}) {
    Put(out, text->size(), 4);
    Append(out, AsBytes(*text));
  }
  return out;
}

}  // namespace edcsync
