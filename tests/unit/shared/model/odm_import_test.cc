#include "shared/model/odm_import.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace edcsync {
namespace {

std::string ReadData(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(EDCSYNC_SOURCE_DIR) + "/tests/data/" + name).rdbuf();
  return text.str();
}

constexpr std::string_view kItem = "<ItemDef OID='IT' Name='Item' DataType='text'/>\n";

// A file of one study "S"; what is given stands in lines 4 and on.
std::string File(const std::string& versions) {
  return "<?xml version='1.0' encoding='UTF-8'?>\n"
         "<ODM xmlns='http://www.cdisc.org/ns/odm/v1.3' xmlns:v='urn:vendor' ODMVersion='1.3.2'>\n"
         "<Study OID='S'><GlobalVariables><StudyName>Kisumu</StudyName></GlobalVariables>\n" +
         versions + "</Study></ODM>\n";
}

// One version "M"; what is given stands in lines 5 and on.
std::string Version(std::string_view content) {
  return File("<MetaDataVersion OID='M' Name='Version'>\n" + std::string(content) +
              "</MetaDataVersion>\n");
}

// "" if the file is taken, otherwise "<error name>: <message>".
std::string Refusal(const std::string& xml) {
  const auto result = ImportOdm(xml);
  if (result.ok()) return "";
  return std::string(Describe(result.error().code).name) + ": " + result.error().message;
}

TEST(OdmImport, ThePilotStudyIsReadWhole) {
  const auto studies = ImportOdm(ReadData("cdiscpilot/metadata.xml"));
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  ASSERT_EQ(studies->size(), 1u);
  const StudyDefinition& study = studies->front();
  EXPECT_EQ(study.study_oid, "CDISCPILOT01");
  EXPECT_EQ(study.study_name, "CDISCPILOT01");
  EXPECT_EQ(study.forms.size(), 16u);
  EXPECT_EQ(study.item_groups.size(), 18u);
  EXPECT_EQ(study.items.size(), 152u);
  EXPECT_EQ(study.code_lists.size(), 24u);
  EXPECT_EQ(study.protocol.size(), study.study_events.size());

  const ItemDef* temperature = study.items.Find("IT.VS.TEMP");
  ASSERT_NE(temperature, nullptr);
  EXPECT_EQ(temperature->data_type, DataType::kFloat);
  EXPECT_EQ(temperature->length, 5u);
  EXPECT_EQ(temperature->significant_digits, 1u);
  EXPECT_FALSE(temperature->question.empty());
  ASSERT_EQ(temperature->measurement_unit_oids, std::vector<std::string>{"MU.F"});
  EXPECT_EQ(TextIn(study.measurement_units.Find("MU.F")->symbol, "en"), "F");
  EXPECT_TRUE(study.forms.Find("F.MH")->item_groups.Contains("IG.MH"));
  EXPECT_TRUE(study.item_groups.Find("IG.MH")->repeating);
  EXPECT_TRUE(study.code_lists.Find("CL.DM.SEX")->values.Contains("Female"));
}

TEST(OdmImport, TextsInEveryLanguageAreKept) {
  const auto studies = ImportOdm(ReadData("odm/CES_metadata_1_3_2_multilang.xml"));
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  const StudyDefinition& study = studies->front();
  EXPECT_EQ(study.items.size(), 63u);
  const Translations& question = study.items.Find("I_HEIGHT")->question;
  EXPECT_EQ(TextIn(question, "fr"), "Taille");
  EXPECT_EQ(TextIn(question, "de-AT"),
            "Gr\xC3\xB6\xC3\x9F"
            "e");
  EXPECT_EQ(study.items.Find("I_AE_DURATION")->data_type, DataType::kDurationDatetime);
  EXPECT_EQ(study.protocol.begin()->oid, "BASELINE");
}

TEST(OdmImport, TheDataOfASnapshotArePassedOver) {
  const auto studies = ImportOdm(ReadData("odm/odm-data-snapshot.xml"));
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  EXPECT_EQ(studies->front().items.size(), 52u);
  EXPECT_EQ(studies->front().study_name, "virus");
}

TEST(OdmImport, AnElementInTheWrongCaseIsRefusedWithItsLineAndItsRightName) {
  EXPECT_EQ(Refusal(ReadData("odm/cdash-odm-test-invalid.xml")),
            "malformed: Line 14: element \"studyName\" is not one ODM 1.3.2 knows in "
            "GlobalVariables; it is written \"StudyName\".");
  EXPECT_EQ(Refusal(Version("<itemDef OID='IT' Name='Item' DataType='text'/>\n")),
            "malformed: Line 5: element \"itemDef\" is not one ODM 1.3.2 knows in "
            "MetaDataVersion; it is written \"ItemDef\".");
  EXPECT_EQ(Refusal(Version("\n<ItemDef OID='IT' Name='Item' DataType='text' length='3'/>\n")),
            "malformed: Line 6: attribute \"length\" is not one ODM 1.3.2 knows in ItemDef; it is "
            "written \"Length\".");
}

TEST(OdmImport, AnotherVersionOfOdmIsRefusedByName) {
  EXPECT_EQ(Refusal(ReadData("odm/odm1_1_0_example.xml")),
            "malformed: Line 2: a document type declaration is not accepted; ODM 1.3 has none, "
            "and a file of ODM 1.1 or earlier must be converted to ODM 1.3.");
  EXPECT_EQ(Refusal("<ODM><Study OID='S'/></ODM>"),
            "study_definition: Line 1: the ODM element has no namespace, as in ODM 1.1 and "
            "earlier; convert it to ODM 1.3.");
  EXPECT_EQ(Refusal("<ODM xmlns='http://www.cdisc.org/ns/odm/v2.0'/>"),
            "study_definition: Line 1: the file is ODM 2.0; convert it to ODM 1.3.");
  EXPECT_EQ(Refusal("<ODM xmlns='http://www.cdisc.org/ns/odm/v1.3' ODMVersion='1.2.1'/>"),
            "study_definition: Line 1: ODMVersion is \"1.2.1\"; ODM 1.3 is accepted.");
  EXPECT_EQ(Refusal("<html xmlns='http://www.w3.org/1999/xhtml'/>"),
            "study_definition: Line 1: the root element is \"html\", not ODM.");
  EXPECT_EQ(Refusal("<ODM xmlns='http://www.cdisc.org/ns/odm/v1.3'/>"),
            "study_definition: Line 1: the file has no MetaDataVersion.");
}

// The fuzzer's corpus held a namespace of some kilobytes behind ".../odm/v". The refusal quoted all
// of it as the version, so that a file of 64 MiB would have made a message, and log line, of 64 MiB.
TEST(OdmImport, AnEndlessVersionIsCutInTheRefusal) {
  const std::string refusal =
      Refusal("<ODM xmlns='http://www.cdisc.org/ns/odm/v" + std::string(100'000, '9') + "'/>");
  EXPECT_EQ(refusal.substr(0, 55), "study_definition: Line 1: the file is ODM \"999999999999");
  EXPECT_LT(refusal.size(), 200u);
}

TEST(OdmImport, AReferenceToNothingIsRefusedWhereItStands) {
  EXPECT_EQ(Refusal(Version("<ItemGroupDef OID='IG' Name='Group' Repeating='No'>\n"
                            "<ItemRef ItemOID='IT' Mandatory='No'/></ItemGroupDef>\n")),
            "study_definition: Line 6: no ItemDef has the OID \"IT\".");
  EXPECT_EQ(Refusal(Version("<FormDef OID='F' Name='Form' Repeating='No'>"
                            "<ItemGroupRef ItemGroupOID='IG' Mandatory='No'/></FormDef>\n")),
            "study_definition: Line 5: no ItemGroupDef has the OID \"IG\".");
  EXPECT_EQ(Refusal(Version("<StudyEventDef OID='E' Name='E' Repeating='No' Type='Scheduled'>"
                            "<FormRef FormOID='F' Mandatory='No'/></StudyEventDef>\n")),
            "study_definition: Line 5: no FormDef has the OID \"F\".");
  EXPECT_EQ(Refusal(Version("<Protocol><StudyEventRef StudyEventOID='E' Mandatory='No'/>"
                            "</Protocol>\n")),
            "study_definition: Line 5: no StudyEventDef has the OID \"E\".");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='Item' DataType='text'>"
                            "<CodeListRef CodeListOID='CL'/></ItemDef>\n")),
            "study_definition: Line 5: no CodeList has the OID \"CL\".");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='Item' DataType='text'>"
                            "<MeasurementUnitRef MeasurementUnitOID='MU'/></ItemDef>\n")),
            "study_definition: Line 5: no MeasurementUnit has the OID \"MU\".");
}

TEST(OdmImport, AnOidDefinedTwiceIsRefused) {
  EXPECT_EQ(Refusal(Version(std::string(kItem) + std::string(kItem))),
            "study_definition: Line 6: a second ItemDef has the OID \"IT\".");
  EXPECT_EQ(Refusal(Version(std::string(kItem) +
                            "<ItemGroupDef OID='IG' Name='Group' Repeating='No'>"
                            "<ItemRef ItemOID='IT' Mandatory='No'/>\n"
                            "<ItemRef ItemOID='IT' Mandatory='No'/></ItemGroupDef>\n")),
            "study_definition: Line 7: a second ItemRef has the ItemOID \"IT\".");
  EXPECT_EQ(Refusal(File("<MetaDataVersion OID='M' Name='1'/>\n"
                         "<MetaDataVersion OID='M' Name='2'/>\n")),
            "study_definition: Line 5: a second MetaDataVersion has the OID \"M\".");
}

TEST(OdmImport, AnAttributeThatIsAbsentOrMeansNothingIsRefused) {
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='Item'/>\n")),
            "malformed: Line 5: ItemDef has no attribute \"DataType\".");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='Item' DataType='number'/>\n")),
            "malformed: Line 5: DataType \"number\" is not one ODM 1.3.2 knows for ItemDef.");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='Item' DataType='text' Length='0'/>\n")),
            "malformed: Line 5: Length of ItemDef is \"0\", which is not a number it may have.");
  EXPECT_EQ(Refusal(Version("<FormDef OID='F' Name='Form' Repeating='yes'/>\n")),
            "malformed: Line 5: Repeating of FormDef must be Yes or No.");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='' Name='Item' DataType='text'/>\n")),
            "malformed: Line 5: OID of ItemDef must have 1 to 255 bytes.");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='A' OID='B' Name='Item' DataType='text'/>\n")),
            "malformed: Line 5: attribute \"OID\" stands twice.");
}

TEST(OdmImport, WhatAVendorAddedIsPassedOver) {
  const auto studies = ImportOdm(
      Version("<v:Extra><ItemDef OID='v' Name='v'/></v:Extra>\n"
              "<Other xmlns='urn:other' a='1'><itemdef/></Other>\n"
              "<ItemDef OID='IT' Name='Item' DataType='text' v:Hidden='Yes'><v:Note>x</v:Note>"
              "<Question v:a='b'><TranslatedText xml:lang='en'> Age<!-- in years --> &amp; sex "
              "</TranslatedText>"
              "</Question></ItemDef>\n"));
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  EXPECT_EQ(studies->front().items.size(), 1u);
  EXPECT_EQ(TextIn(studies->front().items.Find("IT")->question, "en"), "Age & sex");
}

TEST(OdmImport, AFileThatWritesOdmWithAPrefixIsReadTheSame) {
  const auto studies = ImportOdm(
      "<o:ODM xmlns:o='http://www.cdisc.org/ns/odm/v1.3' xmlns='urn:vendor'><o:Study OID='S'>"
      "<o:GlobalVariables><o:StudyName>Tororo</o:StudyName></o:GlobalVariables>"
      "<o:MetaDataVersion OID='M' Name='1'><ItemDef/>"
      "<o:ItemDef OID='IT' Name='Item' DataType='date'/></o:MetaDataVersion></o:Study></o:ODM>");
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  EXPECT_EQ(studies->front().study_name, "Tororo");
  EXPECT_EQ(studies->front().items.Find("IT")->data_type, DataType::kDate);
}

TEST(OdmImport, AnIncludedVersionOfTheSameFileIsMergedWhereverItStands) {
  const auto studies = ImportOdm(
      File("<MetaDataVersion OID='M2' Name='2'><Include StudyOID='S' MetaDataVersionOID='M1'/>"
           "<ItemGroupDef OID='IG' Name='Group' Repeating='No'>"
           "<ItemRef ItemOID='IT' Mandatory='Yes'/></ItemGroupDef></MetaDataVersion>\n"
           "<MetaDataVersion OID='M1' Name='1'>" +
           std::string(kItem) + "</MetaDataVersion>\n"));
  ASSERT_TRUE(studies.ok()) << studies.error().ToString();
  ASSERT_EQ(studies->size(), 2u);
  EXPECT_EQ(studies->front().metadata_version_oid, "M2");
  EXPECT_TRUE(studies->front().KnowsItem("IG", "IT"));
  EXPECT_TRUE(studies->front().items.Contains("IT"));
  EXPECT_FALSE(studies->back().KnowsItem("IG", "IT"));
}

TEST(OdmImport, AnIncludeThatCannotBeMergedIsRefused) {
  EXPECT_EQ(Refusal(Version("<Include StudyOID='S' MetaDataVersionOID='M0'/>\n")),
            "study_definition: Line 5: Include names MetaDataVersion \"M0\" of Study \"S\", which "
            "is not in this file; export both into one file.");
  EXPECT_EQ(Refusal(Version("<Include StudyOID='S' MetaDataVersionOID='M'/>\n")),
            "study_definition: Line 5: MetaDataVersion \"M\" includes itself.");
}

TEST(OdmImport, TextThatIsNotWellFormedXmlIsRefusedWithItsLine) {
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='Item' DataType='text'>\n</FormDef>\n")),
            "malformed: Line 6: not well-formed XML: Start-end tags mismatch.");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='&secret;' DataType='text'/>\n")),
            "malformed: Line 5: \"&\" begins no reference that XML defines (write &amp; for the "
            "sign).");
  EXPECT_EQ(Refusal(Version("<ItemDef OID='IT' Name='a&#0;b' DataType='text'/>\n")),
            "malformed: Line 5: \"&\" begins no reference that XML defines (write &amp; for the "
            "sign).");
  EXPECT_EQ(Refusal(""), "malformed: Line 1: not well-formed XML: No document element found.");
  EXPECT_NE(Refusal(File("") + "<ODM/>"), "");
  EXPECT_NE(Refusal(File("") + "more"), "");
  EXPECT_NE(Refusal(File("").substr(0, 150)), "");
  EXPECT_NE(Refusal(Version("<v:a>\xFF</v:a>")), "");
  EXPECT_NE(Refusal(Version(std::string("<v:a>\0</v:a>", 12))), "");
}

TEST(OdmImport, AFileThatDefinesEntitiesIsRefused) {
  const std::string entities = "<!DOCTYPE ODM [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]>\n";
  EXPECT_NE(Refusal(entities + File("")).find("document type declaration"), std::string::npos);
}

TEST(OdmImport, WhatIsPastABoundIsRefused) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<v:a>";
  EXPECT_NE(Refusal(Version(deep)).find("elements nest deeper than 64"), std::string::npos);
  EXPECT_EQ(Refusal(std::string(kOdmBytesMax + 1, ' ')),
            "too_large: The file has 67108865 bytes; at most 67108864 are accepted.");
  std::string many = "<a>";
  for (std::size_t i = 0; i < kOdmNodeCountMax; ++i) many += "<b/>";
  EXPECT_EQ(Refusal(many), "too_large: The file has more than 5000000 elements and attributes.");
}

// A small file whose versions each include the one before would otherwise stand for gigabytes.
TEST(OdmImport, IncludesThatMultiplyAreRefusedBeforeTheyAreMerged) {
  std::string versions;
  for (int i = 1; i < 3000; ++i) {
    versions += "<MetaDataVersion OID='" + std::to_string(i) + "' Name='n'>";
    versions += "<Include StudyOID='S' MetaDataVersionOID='" + std::to_string(i - 1) + "'/>";
    versions += "</MetaDataVersion>\n";
  }
  versions += "<MetaDataVersion OID='0' Name='n'>" + std::string(kItem) + "</MetaDataVersion>\n";
  EXPECT_EQ(Refusal(File(versions)).substr(0, 10), "too_large:");
}

}  // namespace
}  // namespace edcsync
