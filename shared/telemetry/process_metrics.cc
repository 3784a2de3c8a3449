#include "shared/telemetry/process_metrics.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "shared/base/release.h"
#include "shared/crypto/certificate.h"

namespace edcsync {
namespace {

constexpr std::uint64_t kFreeBytesLeast = 16ULL * 1024 * 1024;

double SizeOf(const std::string& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  return error ? 0 : static_cast<double>(size);
}

// /proc/self/stat after the program's name in parentheses: field 3 of proc(5) comes first.
std::vector<double> StatFields() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 3)));
  return {std::istream_iterator<double>(rest), {}};
}

// Seconds since 1970. Not from /proc/stat, which a sandboxed service does not see (ProcSubset=pid).
double BootTime() {
  const auto seconds = [](clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  };
  return seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME);
}

}  // namespace

void CollectProcess(MetricSamples& samples, const std::string& service_name) {
  samples.Gauge("edcsync_build_info", "The program and its release.", 1,
                {{"service", service_name}, {"release", kRelease}});
  // The state (field 3) was skipped with the name: field n of proc(5) is at n - 4.
  const std::vector<double> fields = StatFields();
  if (fields.size() < 21) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  samples.Total("process_cpu_seconds_total", "User and system time spent.",
                (fields[10] + fields[11]) / ticks);
  samples.Gauge("process_start_time_seconds", "When the process began, since 1970.",
                BootTime() + fields[18] / ticks);
  samples.Gauge("process_resident_memory_bytes", "Memory in use.",
                fields[20] * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

void CollectDisk(MetricSamples& samples, const std::string& prefix, const std::string& folder,
                 const std::string& database_file) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) == 0) {
    const auto block = static_cast<double>(disk.f_frsize);
    samples.Gauge(prefix + "_disk_free_bytes", "Free for this program where its data lie.",
                  block * static_cast<double>(disk.f_bavail));
    samples.Gauge(prefix + "_disk_size_bytes", "Size of the file system where its data lie.",
                  block * static_cast<double>(disk.f_blocks));
  }
  samples.Gauge(prefix + "_database_size_bytes", "The database and its write-ahead log.",
                SizeOf(database_file) + SizeOf(database_file + "-wal"));
}

void CollectExpiry(MetricSamples& samples, const std::string& prefix, const std::string& name,
                   WallTime at) {
  samples.Gauge(prefix + "_certificate_expiry_timestamp_seconds",
                "When it ends, since 1970: a certificate, or the list of revoked ones (crl).",
                static_cast<double>(at.ms) / 1e3, {{"certificate", name}});
}

void CollectCertificate(MetricSamples& samples, const std::string& prefix, const std::string& name,
                        const std::string& file) {
  const Result<Certificate> certificate = Certificate::Load(file);
  if (certificate.ok()) CollectExpiry(samples, prefix, name, certificate->NotAfter());
}

void CollectSpans(MetricSamples& samples, const std::string& prefix,
                  const OtlpExporter* exporter) {
  const OtlpExporter::Figures figures =
      exporter == nullptr ? OtlpExporter::Figures{} : exporter->figures();
  const std::string help = "Spans exported, and dropped because the collector did not take them.";
  samples.Total(prefix + "_spans_total", help, static_cast<double>(figures.sent),
                {{"outcome", "exported"}});
  samples.Total(prefix + "_spans_total", help, static_cast<double>(figures.dropped),
                {{"outcome", "dropped"}});
}

void CollectState(MetricSamples& samples, const std::string& name, const std::string& help,
                  std::string_view state, std::initializer_list<std::string_view> states,
                  const MetricLabels& labels) {
  for (const std::string_view each : states) {
    MetricLabels labelled = labels;
    labelled["state"] = each;
    samples.Gauge(name, help, each == state ? 1 : 0, labelled);
  }
}

Status CheckFolderWritable(const std::string& folder) {
  if (access(folder.c_str(), W_OK) != 0) {
    return Fail(ErrorCode::kPermissions, folder + " cannot be written to: " + std::strerror(errno));
  }
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) {
    return Fail(ErrorCode::kIo, folder + " cannot be asked for: " + std::strerror(errno));
  }
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free_bytes < kFreeBytesLeast) {
    return Fail(ErrorCode::kDiskFull, "only " + std::to_string(free_bytes / 1024) +
                                          " KiB are free where " + folder +
                                          " lies; make room there");
  }
  return Ok();
}

}  // namespace edcsync
