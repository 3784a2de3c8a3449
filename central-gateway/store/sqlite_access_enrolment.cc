#include "central-gateway/store/sqlite_access.h"

namespace edcsync::central {

Result<std::optional<InvitationRow>> SqliteAccess::FindInvitation(const EdgeId& edge) {
  return tables_.enrolment.Find(edge);
}

Result<std::vector<InvitationRow>> SqliteAccess::ListOpenInvitations() {
  return tables_.enrolment.ListOpen();
}

Result<std::vector<EdgeCredential>> SqliteAccess::ListEdgeCredentials() {
  return tables_.enrolment.ListCredentials();
}

Status SqliteAccess::InsertInvitation(const InvitationRow& invitation) {
  return tables_.enrolment.Insert(invitation);
}

Status SqliteAccess::UpdateInvitation(const InvitationRow& invitation) {
  return tables_.enrolment.Update(invitation);
}

Status SqliteAccess::PutEdgeCredential(const EdgeCredential& credential) {
  return tables_.enrolment.PutCredential(credential);
}

Result<std::uint64_t> SqliteAccess::RevokeCertificatesBut(const EdgeId& edge,
                                                          const std::string& kept_pem) {
  EDCSYNC_ASSIGN(const std::uint64_t count, tables_.enrolment.RevokeBut(edge, kept_pem, now_));
  if (count > 0) EDCSYNC_TRY(tables_.state.BumpRegistryGeneration());
  return count;
}

Status SqliteAccess::RevokeCertificate(const EdgeId& edge, const std::string& pem) {
  EDCSYNC_TRY(tables_.enrolment.Revoke(edge, pem, now_));
  return tables_.state.BumpRegistryGeneration();
}

}  // namespace edcsync::central
