#include "shared/doctor/support_bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "shared/base/file.h"
#include "shared/crypto/certificate_facts.h"

namespace edcsync::doctor {
namespace {

struct FreeArchive {
  void operator()(archive* object) const { archive_write_free(object); }
};
struct FreeArchiveEntry {
  void operator()(archive_entry* object) const { archive_entry_free(object); }
};

la_ssize_t AppendTo(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

Status ArchiveFailure(archive* writer) {
  const char* why = archive_error_string(writer);
  return Fail(ErrorCode::kInternal,
              std::string("the bundle cannot be made: ") + (why == nullptr ? "no reason" : why));
}

std::string SystemName() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("PRETTY_NAME=")) return line.substr(sizeof "PRETTY_NAME=" - 1);
  }
  return "";
}

}  // namespace

void SupportBundle::Add(const std::string& name, std::string content) {
  entries_.push_back({name, std::move(content)});
}

void SupportBundle::AddJson(const std::string& name, const Json& json) {
  Add(name, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void SupportBundle::AddJson(const std::string& name, const Result<Json>& json) {
  if (json.ok()) return AddJson(name, *json);
  AddJson(name, Json{{"notCollected", json.error().ToString()}});
}

const std::vector<std::string> SupportBundle::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  return names;
}

Status SupportBundle::WriteTo(const std::string& path, const std::string& folder,
                              WallTime now) const {
  std::string bytes;
  const std::unique_ptr<archive, FreeArchive> writer(archive_write_new());
  if (writer == nullptr || archive_write_add_filter_gzip(writer.get()) != ARCHIVE_OK ||
      archive_write_set_format_pax_restricted(writer.get()) != ARCHIVE_OK ||
      archive_write_open(writer.get(), &bytes, nullptr, AppendTo, nullptr) != ARCHIVE_OK) {
    return ArchiveFailure(writer.get());
  }
  for (const Entry& one : entries_) {
    const std::unique_ptr<archive_entry, FreeArchiveEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), (folder + "/" + one.name).c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_mtime(entry.get(), now.ms / 1000, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(one.content.size()));
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK ||
        archive_write_data(writer.get(), one.content.data(), one.content.size()) !=
            static_cast<la_ssize_t>(one.content.size())) {
      return ArchiveFailure(writer.get());
    }
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return ArchiveFailure(writer.get());
  return WriteFile(path, bytes, 0600, /*exclusive=*/true);
}

Json DescribeMachine(const std::string& program, const std::string& release) {
  utsname names{};
  ::uname(&names);
  struct sysinfo info {};
  ::sysinfo(&info);
  return {{"program", program},
          {"release", release},
          {"system", SystemName()},
          {"kernel", std::string(names.release) + " " + names.machine},
          {"processors", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"memoryMiB", info.totalram / (1024 * 1024) * info.mem_unit},
          {"upSeconds", info.uptime}};
}

Json DescribeCertificates(const std::vector<std::string>& files) {
  Json list = Json::array();
  for (const std::string& file : files) {
    const Result<Certificate> certificate = Certificate::Load(file);
    if (!certificate.ok()) {
      list.push_back({{"file", file}, {"error", certificate.error().message}});
      continue;
    }
    list.push_back({{"file", file},
                    {"subject", certificate->CommonName()},
                    {"unit", certificate->OrganizationalUnit()},
                    {"issuer", IssuerName(*certificate)},
                    {"serial", certificate->SerialHex()},
                    {"notBefore", FormatUtc(certificate->NotBefore())},
                    {"notAfter", FormatUtc(certificate->NotAfter())},
                    {"fingerprint", certificate->FingerprintHex()}});
  }
  return list;
}

Result<std::string> ReadTail(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(
      path == "-" ? nullptr : std::fopen(path.c_str(), "rbe"), [](std::FILE* file) {
        return file == nullptr ? 0 : std::fclose(file);
      });
  if (path != "-" && opened == nullptr) {
    return Fail(ErrorCode::kNotFound, "the log " + path + " cannot be opened");
  }
  std::FILE* file = path == "-" ? stdin : opened.get();
  std::string tail;
  char block[64 * 1024];
  while (const std::size_t size = std::fread(block, 1, sizeof block, file)) {
    tail.append(block, size);
    if (tail.size() > 2 * bytes_max) tail.erase(0, tail.size() - bytes_max);
  }
  if (std::ferror(file) != 0) return Fail(ErrorCode::kIo, "the log " + path + " cannot be read");
  if (tail.size() > bytes_max) tail.erase(0, tail.size() - bytes_max);
  return tail;
}

}  // namespace edcsync::doctor
