// Reconciliation in a running gateway: a thread of its own, and the way between it and the
// session's loop.
//
//   threads   its worker (central-gateway/reconcile/reconciler.h)
#pragma once

#include "central-gateway/app/config.h"
#include "central-gateway/intake/gateway_session.h"
#include "central-gateway/reconcile/answer_inbox.h"
#include "central-gateway/reconcile/reconciler.h"

namespace edcsync::central {

class ReconcileService {
 public:
  // Hears the session's answers from now on. All outlive it; the loop still runs when it goes. Made
  // before the loop starts.
  ReconcileService(const Config& config, CentralStore& store, GatewaySession& session,
                   EventLoop& loop, const Clock& clock, Sealer identity);
  ~ReconcileService();
  void Start();
  // After a rotation. On the loop.
  void SetIdentity(Sealer identity);

 private:
  EventLoop& loop_;
  GatewaySession& session_;
  EventLoop worker_;
  Reconciler reconciler_;
  AnswerInbox inbox_;
};

}  // namespace edcsync::central
