// A support bundle: what helps somebody who cannot see the machine, in one .tar.gz for its owner
// only. What goes in is put together by each program; this folder alone uses libarchive.
//
//   filled by   edge-agent/app/support.h, central-gateway/app/support.h
//
// Never in it: keys, tokens, passwords and the files that hold them (they are not opened), item
// values, reasons for change, SubjectKeys. See shared/doctor/redaction.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/json.h"
#include "shared/base/status.h"
#include "shared/base/time.h"

namespace edcsync::doctor {

class SupportBundle {
 public:
  void Add(const std::string& name, std::string content);
  void AddJson(const std::string& name, const Json& json);
  // The same of what could not be had: a text that says why.
  void AddJson(const std::string& name, const Result<Json>& json);

  const std::vector<std::string> names() const;
  // Writes all of it below one folder, mode 0600. kAlreadyExists if `path` is there; kDiskFull, kIo.
  Status WriteTo(const std::string& path, const std::string& folder, WallTime now) const;

 private:
  struct Entry {
    std::string name;
    std::string content;
  };
  std::vector<Entry> entries_;
};

// {"program","release","system","kernel","processors","memoryMiB"}
Json DescribeMachine(const std::string& program, const std::string& release);

// The certificates in `files`, each {"file","subject","unit","issuer","serial","notBefore",
// "notAfter","fingerprint"} or {"file","error"}. Public halves only.
Json DescribeCertificates(const std::vector<std::string>& files);

// The last `bytes_max` bytes of `path`, "-" for standard input. Fails as opening it does.
Result<std::string> ReadTail(const std::string& path, std::size_t bytes_max);

}  // namespace edcsync::doctor
