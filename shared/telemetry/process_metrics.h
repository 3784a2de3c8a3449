// Samples that both programs have: the process, its folder's disk, certificates, the span exporter;
// and the check that a folder can be written to. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "shared/metrics/metrics.h"
#include "shared/telemetry/otlp_exporter.h"

namespace edcsync {

// edcsync_build_info, and Prometheus' standard process_* of /proc/self.
void CollectProcess(MetricSamples& samples, const std::string& service_name);

// PREFIX_disk_free_bytes, PREFIX_disk_size_bytes of the file system `folder` is on, and
// PREFIX_database_size_bytes of the database and its log.
void CollectDisk(MetricSamples& samples, const std::string& prefix, const std::string& folder,
                 const std::string& database_file);

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

// kPermissions, kDiskFull (less than 16 MiB are left) or kIo, with what to do.
Status CheckFolderWritable(const std::string& folder);

}  // namespace edcsync
