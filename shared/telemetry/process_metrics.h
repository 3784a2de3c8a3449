// Samples that both programs have: the process, its folder's disk, certificates, the span exporter;
// and the checks that a folder can be written to and has room. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/disk_guard.h"
#include "shared/http/http_server.h"
#include "shared/metrics/metrics.h"
#include "shared/telemetry/health_server.h"
#include "shared/telemetry/otlp_exporter.h"

namespace edcsync {

// edcsync_build_info, and Prometheus' standard process_* of /proc/self.
void CollectProcess(MetricSamples& samples, const std::string& service_name);

// PREFIX_disk_free_bytes, PREFIX_disk_size_bytes of the file system `folder` is on, and
// PREFIX_database_size_bytes of the database and its log.
void CollectDisk(MetricSamples& samples, const std::string& prefix, const std::string& folder,
                 const std::string& database_file);

// PREFIX_disk_warn_bytes, PREFIX_disk_refuse_bytes: the marks on that disk; PREFIX_disk_state{state}.
void CollectDiskGuard(MetricSamples& samples, const std::string& prefix, const DiskGuard& guard);

// PREFIX_requests_put_off_total{server,why}: what a server told to come again.
void CollectPutOff(MetricSamples& samples, const std::string& prefix, const std::string& server,
                   const HttpServer::Figures& figures);

// PREFIX_certificate_expiry_timestamp_seconds{certificate}. Certificates are few: never edges.
void CollectExpiry(MetricSamples& samples, const std::string& prefix, const std::string& name,
                   WallTime at);
// The same of a PEM file; nothing if it cannot be read.
void CollectCertificate(MetricSamples& samples, const std::string& prefix, const std::string& name,
                        const std::string& file);

// PREFIX_spans_total{outcome}; zeros if `exporter` is nullptr.
void CollectSpans(MetricSamples& samples, const std::string& prefix, const OtlpExporter* exporter);

// One sample of 1 for the state that is, 0 for each that could be.
void CollectState(MetricSamples& samples, const std::string& name, const std::string& help,
                  std::string_view state, std::initializer_list<std::string_view> states,
                  const MetricLabels& labels = {});

// "disk": `folder` can be written to and its disk is not below the refuse mark (kPermissions,
// kDiskFull). "disk_room", which is not required: it is not below the warn mark. `guard` outlives
// the checks.
std::vector<HealthCheck> DiskChecks(const std::string& folder, DiskGuard& guard);

}  // namespace edcsync
