// What may leave the machine in a support bundle: texts without secrets, item values, reasons for
// change and SubjectKeys. It lets through what it knows to be harmless, and says where it left
// something out, rather than looking for what it knows to be harmful.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edcsync::doctor {

// A configuration file without comments, with numbers, switches, and texts under keys that hold
// names, addresses and paths; every other text, an unknown key's for instance, is "(left out)".
// Of an address only scheme, host and port stay; of a PKCS#11 URI no PIN. A text that is no TOML
// gives one line that says so.
std::string RedactConfiguration(std::string_view toml);

// The last `bytes_max` bytes of a log of JSON lines, whole lines only: fields named as subjects,
// records, values, reasons, users or secrets are left out, record keys within texts too. Lines that
// are no JSON objects are counted, not kept.
std::string RedactJsonLog(std::string_view log, std::size_t bytes_max);

// The last lines of a broker's log, at most `bytes_max`: those that tell of listeners, clients and
// errors. A line that tells of a message is left out.
std::string RedactBrokerLog(std::string_view log, std::size_t bytes_max);

// A text in which record keys (STUDY/SUBJECT/EVENT/FORM) are "(record)".
std::string WithoutRecordKeys(std::string_view text);

}  // namespace edcsync::doctor
