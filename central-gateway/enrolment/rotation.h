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
// A running gateway follows within a second (central-gateway/admin/trust.h). Each may be broken off
// anywhere: what is trusted and who speaks stays whole, and the same command, or any other of them,
// takes up what is left, also on a machine restored from a backup made in between.
//
// What tells that: an authority rotation ends with its entry in the audit trail; a retirement ends
// when the retired key is removed, last.
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

// The command that was broken off and is to be repeated ("ca rotate", "ca retire"); empty if none.
Result<std::string> BrokenOff(const RotationContext& context);

// The gateway's new certificate.
Result<Certificate> RotateGatewayCertificate(const RotationContext& context);

// The new authority; the one at hand if its rotation was broken off. kAlreadyExists if a rotation is
// under way.
Result<Certificate> RotateAuthority(const RotationContext& context);

// What still needs the former authority, each a sentence that names an edge or invitation; empty if
// nothing, or if no rotation is under way.
Result<std::vector<std::string>> NeedsFormerAuthority(const RotationContext& context);

// kNotFound if no rotation is under way; kForbidden, naming them, while something needs the former
// authority, unless `regardless`: then what needs it must enrol anew.
Status RetireAuthority(const RotationContext& context, bool regardless);

}  // namespace edcsync::central
