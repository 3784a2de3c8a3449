// The ids by which one record, and one revision, is found in traces and logs of both programs
// without a further field on disk or wire: they follow from what both sides have anyway.
//
//   trace id of a record    first 16 bytes of SHA-256("edcsync-trace-v1:" || record key's text)
//   span id of a revision   first 8 bytes of SHA-256("edcsync-span-v1:" || revision id): of the
//                           span in which it was written (captured, edited online, decided)
//
// All of a record's spans thereby stand in one trace, from capture through receipt to resolution.
// The ids tell nothing that the record key does not; W3C Trace Context forbids only all zeros.
#pragma once

#include <array>
#include <string>

#include "shared/model/odm_keys.h"
#include "shared/model/revision.h"

namespace edcsync {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

TraceId TraceIdOf(const RecordKey& key);
SpanId SpanIdOf(const RevisionId& revision);

// 32 lower-case hexadecimal digits: `trace_id` of log lines, and what `record show` prints.
std::string TraceIdText(const RecordKey& key);

}  // namespace edcsync
