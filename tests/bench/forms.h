// The CRF form every benchmark submits: 25 items in three groups, about 1 KB as JSON, and the ODM
// definition of it, so that the gateway checks types and code lists as it does for a real study.
#pragma once

#include <cstdint>
#include <string>

namespace edcsync::bench {

// The study's metadata as ODM 1.3.2.
std::string StudyMetadata();

// Submission number `number` of site `site` as one line of JSON. The same number gives the same
// text; different numbers name different records, 48 forms a subject.
std::string Form(const std::string& site, std::uint64_t number);

}  // namespace edcsync::bench
