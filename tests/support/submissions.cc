#include "tests/support/submissions.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace edcsync::testing {

std::string DataFile(const std::string& name) {
  return std::string(EDCSYNC_SOURCE_DIR "/tests/data/") + name;
}

Lines RecordsOf(const std::string& site, int copies) {
  const std::string number = site.substr(site.find('.') + 1);
  std::ifstream file(DataFile("cdiscpilot/site-" + number + ".ndjson"));
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  EXPECT_FALSE(lines.empty()) << "There are no records of " << site;
  const std::size_t real = lines.size();
  for (int copy = 2; copy <= copies; ++copy) {
    for (std::size_t i = 0; i < real; ++i) {
      SortedJson json = SortedJson::parse(lines[i]);
      json["subjectKey"] = json["subjectKey"].get<std::string>() + "-" + std::to_string(copy);
      lines.push_back(json.dump());
    }
  }
  return lines;
}

Lines Slice(const Lines& lines, std::size_t first, std::size_t count) {
  Lines slice;
  for (std::size_t i = first; i < lines.size() && i < first + count; ++i) {
    slice.push_back(lines[i]);
  }
  return slice;
}

std::string KeyOf(const std::string& line) {
  const SortedJson json = SortedJson::parse(line);
  const auto text = [&](const char* name) { return json[name].get<std::string>(); };
  return text("studyOID") + "/" + text("subjectKey") + "/" + text("studyEventOID") + ":" +
         text("studyEventRepeatKey") + "/" + text("formOID") + ":" + text("formRepeatKey");
}

std::string ItemName(const std::string& line, std::size_t index) {
  const SortedJson items = SortedJson::parse(line)["itemGroups"][0]["items"];
  auto item = items.begin();
  for (std::size_t i = 0; i < index && item != items.end(); ++i) ++item;
  EXPECT_NE(item, items.end()) << "The record has too few items";
  return item == items.end() ? "" : item.key();
}

std::string Edited(const std::string& line, const std::string& item, const std::string& value,
                   const std::string& user) {
  SortedJson json = SortedJson::parse(line);
  json["itemGroups"][0]["items"][item] = value;
  json["user"] = user;
  json["reasonForChange"] = "Transcription error, seen by " + user;
  return json.dump();
}

std::string ContentOf(const SortedJson& submission) {
  SortedJson content;
  for (const char* name :
       {"studyOID", "siteOID", "subjectKey", "studyEventOID", "studyEventRepeatKey", "formOID",
        "formRepeatKey", "metaDataVersionOID", "user", "reasonForChange", "remove"}) {
    if (submission.contains(name)) content[name] = submission[name];
  }
  for (const SortedJson& group : submission["itemGroups"]) {
    SortedJson& items = content["items"][group["itemGroupOID"].get<std::string>()]
                               [group["itemGroupRepeatKey"].get<std::string>()];
    EXPECT_TRUE(items.is_null()) << "An item group stands twice in one record";
    items = group["items"];
  }
  return content.dump();
}

std::vector<SortedJson> ParseLines(const std::string& ndjson) {
  std::vector<SortedJson> parsed;
  std::istringstream lines(ndjson);
  for (std::string line; std::getline(lines, line);) {
    parsed.push_back(SortedJson::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_TRUE(parsed.back().is_object()) << "No JSON object: " << line;
  }
  return parsed;
}

}  // namespace edcsync::testing
