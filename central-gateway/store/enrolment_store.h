// Invitations of edges and their credentials as the central store keeps them. Part of
// central_store.h, which stages include.
//
//   written by   central-gateway/enrolment, intake (credentials)
//   read by      central-gateway/enrolment, app
//   kept in      tables `invitation`, `edge_credential`, schema/central/0010_enrolment.sql
//
// Invariants the store itself keeps: an edge has one open invitation at most; one that ended is
// never altered; the secret itself is not stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/ids.h"
#include "shared/base/status.h"
#include "shared/base/time.h"
#include "shared/model/odm_keys.h"

namespace edcsync::central {

enum class InvitationState : std::uint8_t { kOpen = 1, kUsed = 2, kReplaced = 3, kBlocked = 4 };
std::string_view ToString(InvitationState state);  // "open", "used", "replaced", "blocked".

struct InvitationRow {
  std::int64_t number = 0;         // Given by the store.
  EdgeId edge;
  SiteOID site;
  bool rebuild = false;            // In place of a machine that was lost.
  Digest secret_digest{};
  std::string invited_by;
  WallTime invited_at;
  WallTime expires_at;
  std::uint32_t failed_count = 0;
  InvitationState state = InvitationState::kOpen;
  std::optional<WallTime> used_at;
  std::string certificate_pem;     // What it was used for.
};

// With what an edge last said Hello.
struct EdgeCredential {
  EdgeId edge;
  std::string certificate_serial;
  std::string gateway_serial;
  WallTime seen_at;
};

class EnrolmentReader {
 public:
  virtual ~EnrolmentReader() = default;
  // The edge's latest.
  virtual Result<std::optional<InvitationRow>> FindInvitation(const EdgeId& edge) = 0;
  virtual Result<std::vector<InvitationRow>> ListOpenInvitations() = 0;  // By edge.
  virtual Result<std::vector<EdgeCredential>> ListEdgeCredentials() = 0;  // By edge.
};

class EnrolmentWriter {
 public:
  virtual ~EnrolmentWriter() = default;
  // An earlier open one of the edge is replaced.
  virtual Status InsertInvitation(const InvitationRow& invitation) = 0;
  // State, failures, use. kInvariant if it ended before.
  virtual Status UpdateInvitation(const InvitationRow& invitation) = 0;
  virtual Status PutEdgeCredential(const EdgeCredential& credential) = 0;  // kUnknownEdge.
  // Revokes every certificate of the edge but `kept_pem`, for good; how many those were. Bumps
  // RegistryGeneration if any. kUnknownEdge.
  virtual Result<std::uint64_t> RevokeCertificatesBut(const EdgeId& edge,
                                                      const std::string& kept_pem) = 0;
  // Revokes this certificate of the edge, for good; no effect if it was. Bumps
  // RegistryGeneration. kUnknownEdge.
  virtual Status RevokeCertificate(const EdgeId& edge, const std::string& pem) = 0;
};

}  // namespace edcsync::central
