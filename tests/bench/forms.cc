#include "tests/bench/forms.h"

#include <array>
#include <cstdio>
#include <random>
#include <string_view>

namespace edcsync::bench {
namespace {

constexpr std::uint64_t kFormsPerSubject = 48;
constexpr std::array<std::string_view, 16> kEvents = {
    "SE.SCREENING_1", "SE.SCREENING_2", "SE.BASELINE", "SE.AMBUL_ECG", "SE.WEEK_2",  "SE.WEEK_4",
    "SE.WEEK_6",      "SE.WEEK_8",      "SE.WEEK_12",  "SE.WEEK_16",   "SE.WEEK_20", "SE.WEEK_24",
    "SE.WEEK_26",     "SE.FOLLOW_UP",   "SE.RETRIEVAL", "SE.UNSCHEDULED"};
constexpr std::array<std::string_view, 4> kPositions = {"SITTING", "STANDING", "SUPINE",
                                                        "SEMI-RECUMBENT"};
constexpr std::array<std::string_view, 3> kYesNo = {"Y", "N", "U"};

// An item and the values it takes: a number between two ends with some digits, or a code.
struct Item {
  std::string_view oid;
  std::string_view type;
  double low;
  double high;
  int digits;
};
constexpr std::array<Item, 8> kVitals = {{{"IT.VS.SYSBP", "integer", 95, 175, 0},
                                          {"IT.VS.DIABP", "integer", 55, 100, 0},
                                          {"IT.VS.PULSE", "integer", 48, 105, 0},
                                          {"IT.VS.TEMP", "float", 96.5, 99.5, 1},
                                          {"IT.VS.WEIGHT", "float", 95, 240, 1},
                                          {"IT.VS.HEIGHT", "float", 57, 75, 1},
                                          {"IT.VS.RESP", "integer", 12, 22, 0},
                                          {"IT.VS.OXYSAT", "integer", 93, 100, 0}}};
constexpr std::array<Item, 11> kLabs = {{{"IT.LB.ALB", "float", 34, 50, 1},
                                         {"IT.LB.ALP", "integer", 35, 120, 0},
                                         {"IT.LB.ALT", "integer", 6, 48, 0},
                                         {"IT.LB.AST", "integer", 9, 45, 0},
                                         {"IT.LB.BILI", "float", 3.4, 20.5, 2},
                                         {"IT.LB.BUN", "float", 2.5, 8.9, 2},
                                         {"IT.LB.CA", "float", 2.1, 2.6, 4},
                                         {"IT.LB.CHOL", "float", 3.1, 7.7, 4},
                                         {"IT.LB.CREAT", "float", 53, 124, 2},
                                         {"IT.LB.GLUC", "float", 3.9, 10.5, 4},
                                         {"IT.LB.K", "float", 3.4, 5.4, 1}}};

std::string Decimal(const Item& item, std::mt19937_64& random) {
  const double share = static_cast<double>(random() >> 11) * 0x1.0p-53;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", item.digits,
                item.low + share * (item.high - item.low));
  return text;
}

std::string Date(std::mt19937_64& random) {
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", 2012 + static_cast<int>(random() % 3),
                1 + static_cast<int>(random() % 12), 1 + static_cast<int>(random() % 28));
  return text;
}

void AddGroup(std::string& json, std::string_view oid) {
  json += R"({"itemGroupOID":")";
  json += oid;
  json += R"(","itemGroupRepeatKey":"1","items":{)";
}

void AddItem(std::string& json, std::string_view oid, std::string_view value) {
  if (json.back() != '{') json += ',';
  json += '"';
  json += oid;
  json += "\":\"";
  json += value;
  json += '"';
}

template <class Items>
void DefineItems(std::string& odm, const Items& items) {
  for (const Item& item : items) {
    odm += "<ItemDef OID=\"" + std::string(item.oid) + "\" Name=\"" + std::string(item.oid) +
           "\" DataType=\"" + std::string(item.type) + "\" Length=\"8\"" +
           (item.digits > 0 ? " SignificantDigits=\"4\"" : "") + "/>\n";
  }
}

template <class Codes>
void DefineCodes(std::string& odm, std::string_view oid, const Codes& codes) {
  odm += "<CodeList OID=\"" + std::string(oid) + "\" Name=\"" + std::string(oid) +
         "\" DataType=\"text\">";
  for (const std::string_view code : codes) {
    odm += "<EnumeratedItem CodedValue=\"" + std::string(code) + "\"/>";
  }
  odm += "</CodeList>\n";
}

std::string Reference(std::string_view oid) {
  return "<ItemRef ItemOID=\"" + std::string(oid) + "\" Mandatory=\"No\"/>";
}

void DefineGroups(std::string& odm) {
  odm += R"(<ItemGroupDef OID="IG.VS" Name="Vital signs" Repeating="No">)";
  odm += Reference("IT.VS.VSDTC") + Reference("IT.VS.VSPOS");
  for (const Item& item : kVitals) odm += Reference(item.oid);
  odm += "</ItemGroupDef>\n<ItemGroupDef OID=\"IG.LB\" Name=\"Chemistry\" Repeating=\"No\">";
  odm += Reference("IT.LB.LBDTC") + Reference("IT.LB.LBFAST");
  for (const Item& item : kLabs) odm += Reference(item.oid);
  odm += "</ItemGroupDef>\n<ItemGroupDef OID=\"IG.CO\" Name=\"Comment\" Repeating=\"No\">";
  odm += Reference("IT.CO.COVAL") + Reference("IT.CO.CODTC") + "</ItemGroupDef>\n";
}

}  // namespace

std::string StudyMetadata() {
  std::string odm =
      R"(<?xml version="1.0" encoding="UTF-8"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" ODMVersion="1.3.2" FileType="Snapshot" )"
      R"(Granularity="Metadata" FileOID="BENCH01.metadata" CreationDateTime="2015-03-31T00:00:00Z">
<Study OID="BENCH01">
<GlobalVariables><StudyName>BENCH01</StudyName><StudyDescription>Benchmark</StudyDescription>)"
      R"(<ProtocolName>BENCH01</ProtocolName></GlobalVariables>
<MetaDataVersion OID="MDV.1" Name="Version 1">
<Protocol>)";
  for (const std::string_view event : kEvents) {
    odm += "<StudyEventRef StudyEventOID=\"" + std::string(event) + "\" Mandatory=\"No\"/>";
  }
  odm += "</Protocol>\n";
  for (const std::string_view event : kEvents) {
    odm += "<StudyEventDef OID=\"" + std::string(event) + "\" Name=\"" + std::string(event) +
           "\" Repeating=\"No\" Type=\"Scheduled\"><FormRef FormOID=\"F.EXAM\" "
           "Mandatory=\"No\"/></StudyEventDef>\n";
  }
  odm += R"(<FormDef OID="F.EXAM" Name="Examination" Repeating="Yes">)";
  for (const std::string_view group : {"IG.VS", "IG.LB", "IG.CO"}) {
    odm += "<ItemGroupRef ItemGroupOID=\"" + std::string(group) + "\" Mandatory=\"No\"/>";
  }
  odm += "</FormDef>\n";
  DefineGroups(odm);
  DefineItems(odm, kVitals);
  DefineItems(odm, kLabs);
  for (const std::string_view item : {"IT.VS.VSDTC", "IT.LB.LBDTC", "IT.CO.CODTC"}) {
    odm += "<ItemDef OID=\"" + std::string(item) + "\" Name=\"" + std::string(item) +
           "\" DataType=\"date\"/>\n";
  }
  odm += R"(<ItemDef OID="IT.CO.COVAL" Name="COVAL" DataType="text" Length="200"/>
<ItemDef OID="IT.VS.VSPOS" Name="VSPOS" DataType="text" Length="14">
<CodeListRef CodeListOID="CL.POS"/></ItemDef>
<ItemDef OID="IT.LB.LBFAST" Name="LBFAST" DataType="text" Length="1">
<CodeListRef CodeListOID="CL.NYU"/></ItemDef>
)";
  DefineCodes(odm, "CL.POS", kPositions);
  DefineCodes(odm, "CL.NYU", kYesNo);
  odm += "</MetaDataVersion>\n</Study>\n</ODM>\n";
  return odm;
}

std::string Form(const std::string& site, std::uint64_t number) {
  std::mt19937_64 random(number * 0x9E3779B97F4A7C15u + site.size());
  const std::uint64_t within = number % kFormsPerSubject;
  std::string json = R"({"studyOID":"BENCH01","siteOID":")" + site + R"(","subjectKey":")" + site +
                     "-" + std::to_string(1000 + number / kFormsPerSubject) +
                     R"(","studyEventOID":")" + std::string(kEvents[within % kEvents.size()]) +
                     R"(","studyEventRepeatKey":"1","formOID":"F.EXAM","formRepeatKey":")" +
                     std::to_string(1 + within / kEvents.size()) +
                     R"(","user":"coordinator","itemGroups":[)";
  AddGroup(json, "IG.VS");
  const std::string date = Date(random);
  AddItem(json, "IT.VS.VSDTC", date);
  AddItem(json, "IT.VS.VSPOS", kPositions[random() % kPositions.size()]);
  for (const Item& item : kVitals) AddItem(json, item.oid, Decimal(item, random));
  json += "}},";
  AddGroup(json, "IG.LB");
  AddItem(json, "IT.LB.LBDTC", date);
  AddItem(json, "IT.LB.LBFAST", kYesNo[random() % kYesNo.size()]);
  for (const Item& item : kLabs) AddItem(json, item.oid, Decimal(item, random));
  json += "}},";
  AddGroup(json, "IG.CO");
  AddItem(json, "IT.CO.COVAL", "VERBATIM_" + std::to_string(random() % 10'000));
  AddItem(json, "IT.CO.CODTC", Date(random));
  json += "}}]}";
  return json;
}

}  // namespace edcsync::bench
