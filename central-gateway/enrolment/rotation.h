// Rotation of the centre's own certificate and of its authority, without a site that has to act.
//
//   certificate rotate   a new key and certificate for the gateway, and for the broker; frames
//                        sealed to the earlier ones open, since an edge learns of the new one
//                        when it next asks
//   ca rotate            a new authority issues from now on and both are trusted; servers still
//   show
//                        certificates of the former, which every edge knows; edges renew by
//                        themselves
//   ca retire            ends that once no edge needs the former one any more: servers show
//                        certificates of the new one, the former is trusted no longer
//
// A running gateway follows within a second (central-gateway/admin/trust.h). Each step may be
// broken off anywhere and be repeated.
//
// Threads: one command at a time.
#pragma once

#include "central-gateway/admin/trust.h"
#include "central-gateway/store/central_store.h"

namespace edcsync::central {

struct RotationContext {
  const Installation& installation;
  CentralStore& store;
  const Clock& clock;
  Random& random;
  std::string user;
  std::vector<std::string> broker_hosts;  // For the broker's certificate.
};

// The gateway's new certificate.
Result<Certificate> RotateGatewayCertificate(const RotationContext& context);

// The new authority. kAlreadyExists if a rotation is under way.
Result<Certificate> RotateAuthority(const RotationContext& context);

// What still needs the former authority, each a sentence that names an edge or invitation; empty if
// nothing, or if no rotation is under way.
Result<std::vector<std::string>> NeedsFormerAuthority(const RotationContext& context);

// kNotFound if no rotation is under way; kForbidden, naming them, while something needs the former
// authority, unless `regardless`: then what needs it must enrol anew.
Status RetireAuthority(const RotationContext& context, bool regardless);

}  // namespace edcsync::central
