#include "tests/support/soft_token.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/process.h"

namespace edcsync::testing {
namespace {

constexpr char kLibrary[] = "/usr/lib/softhsm/libsofthsm2.so";

}  // namespace

SoftToken::SoftToken(const std::string& folder, const std::string& label)
    : folder_(folder), label_(label) {
  std::filesystem::create_directories(folder_ + "/tokens");
  std::ofstream(folder_ + "/softhsm2.conf") << "directories.tokendir = " << folder_ << "/tokens\n"
                                            << "objectstore.backend = file\nlog.level = ERROR\n";
  ::setenv("SOFTHSM2_CONF", (folder_ + "/softhsm2.conf").c_str(), 1);
  usable_ = Add(label_);
  WritePin(kPin);
}

bool SoftToken::Add(const std::string& label) const {
  return Run({"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin",
              "8643571", "--pin", kPin})
             .exit_code == 0;
}

bool SoftToken::Destroy(const std::string& label) const {
  return Run({"/usr/bin/softhsm2-util", "--delete-token", "--token", label}).exit_code == 0;
}

SoftToken::~SoftToken() { ::unsetenv("SOFTHSM2_CONF"); }

void SoftToken::WritePin(const std::string& pin, unsigned mode) const {
  std::ofstream(folder_ + "/pin") << pin << "\n";
  ::chmod((folder_ + "/pin").c_str(), mode);
}

Pkcs11Settings SoftToken::Settings() const {
  Pkcs11Settings settings;
  settings.module = kLibrary;
  settings.token = label_;
  settings.label = "edcsync";
  settings.pin_file = folder_ + "/pin";
  return settings;
}

std::string SoftToken::TomlLines() const {
  return std::string("pkcs11_module = \"") + kLibrary + "\"\npkcs11_token = \"" + label_ +
         "\"\npkcs11_pin_file = \"" + folder_ + "/pin\"\n";
}

}  // namespace edcsync::testing
