#include "central-gateway/reconcile/answer_inbox.h"

#include <memory>

namespace edcsync::central {

void AnswerInbox::Add(Answer answer) {
  if (!waiting_.insert(answer.edge).second) return;
  worker_.Post([this, taken = std::make_shared<const Answer>(std::move(answer))] {
    // First this, then the next question: its answer finds the way free.
    loop_.Post([this, edge = taken->edge] { waiting_.erase(edge); });
    take_(*taken);
  });
}

}  // namespace edcsync::central
