// Real CRF records for tests (CDISCPILOT01, tests/data/NOTICE) and edits of them, as lines in the
// submission format; and the form in which what was submitted is compared with what is exported.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace edcsync::testing {

using SortedJson = nlohmann::json;
using Lines = std::vector<std::string>;

inline constexpr char kStudy[] = "CDISCPILOT01";

std::string DataFile(const std::string& name);  // Below tests/data.

// Every record of a site ("SITE.702"), `copies` times: later copies are other subjects.
Lines RecordsOf(const std::string& site, int copies = 1);
Lines Slice(const Lines& lines, std::size_t first, std::size_t count);

// The key as the commands take it: STUDY/SUBJECT/EVENT:REPEAT/FORM:REPEAT.
std::string KeyOf(const std::string& line);

// An item of the first item group of a record, in the order of their names.
std::string ItemName(const std::string& line, std::size_t index);

// `line` with another value for an item of its first item group, by `user`, for a reason.
std::string Edited(const std::string& line, const std::string& item, const std::string& value,
                   const std::string& user);

// Everything a person entered, in one text: key, site, items, user, reason, removal. Two lines
// say the same exactly if their texts are equal, whatever the order of groups and members.
std::string ContentOf(const SortedJson& submission);

std::vector<SortedJson> ParseLines(const std::string& ndjson);

}  // namespace edcsync::testing
