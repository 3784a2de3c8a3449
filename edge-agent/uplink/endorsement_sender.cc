#include "edge-agent/uplink/endorsement_sender.h"

#include "shared/base/log.h"

namespace edcsync::edge {
namespace {

constexpr std::int64_t kAnswerTimeoutUs = 10'000'000;
constexpr std::int64_t kRetryStoreUs = 2'000'000;

}  // namespace

void EndorsementSender::SessionOpened(Epoch epoch) {
  epoch_ = epoch;
  proposal_id_ = 0;
  Tell();
}

void EndorsementSender::SessionLost() {
  epoch_ = Epoch();
  proposal_id_ = 0;
  scheduler_.Cancel(timer_);
}

void EndorsementSender::LookAgain() { Tell(); }

void EndorsementSender::ArmTimer(std::int64_t delay_us) {
  scheduler_.Cancel(timer_);
  timer_ = scheduler_.After(delay_us, [this] {
    proposal_id_ = 0;
    Tell();
  });
}

void EndorsementSender::Tell() {
  if (epoch_ == Epoch() || proposal_id_ != 0 || storing_) return;
  std::optional<ProposalHere> next;
  const Status read = store_.Read([&](EdgeTables& tables) -> Status {
    EDCSYNC_ASSIGN(next, tables.proposals.NextToTell());
    return Ok();
  });
  if (!read.ok()) {
    Log(LogLevel::kError, "endorsement.not_read", {{"why", read.error().message}});
    return ArmTimer(kRetryStoreUs);
  }
  if (!next) return;
  wire::Endorsement endorsement;
  endorsement.epoch = epoch_;
  endorsement.proposal_id = next->proposal_id;
  endorsement.revision = next->revision;
  endorsement.accepted = next->state == ProposalState::kAccepted;
  endorsement.user = next->answered_by;
  endorsement.reason = next->answer_reason;
  endorsement.answered_at = next->answered_at.value_or(WallTime());
  proposal_id_ = next->proposal_id;
  const Result<RecordKey> key = ParseRecordKey(next->record_key);
  const Status sent = key.ok() ? send_(endorsement, *key) : tl::unexpected<Error>(key.error());
  if (!sent.ok()) Log(LogLevel::kInfo, "endorsement.not_sent", {{"why", sent.error().message}});
  ArmTimer(kAnswerTimeoutUs);  // Lost on its way, or refused: it is told again.
}

void EndorsementSender::OnReceipt(const wire::EndorsementReceipt& receipt) {
  if (receipt.epoch != epoch_ || receipt.proposal_id != proposal_id_ || storing_) return;
  if (receipt.state == ProposalState::kWaiting) return;  // No answer at all.
  scheduler_.Cancel(timer_);
  storing_ = true;
  const auto stored = [this, alive = alive_](Status status) {
    scheduler_.Post([this, alive, status = std::move(status)] {
      if (*alive) OnStored(status);
    });
  };
  const Status queued = store_.writer().Submit(
      [this, receipt]() -> Status {
        EdgeTables& tables = store_.writer_tables();
        EDCSYNC_ASSIGN(const std::optional<ProposalHere> told,
                       tables.proposals.Find(receipt.proposal_id));
        if (!told) return Ok();
        EDCSYNC_TRY(tables.proposals.SetTold(receipt.proposal_id, receipt.state));
        AuditEntry entry;
        entry.at = store_.clock().Wall();
        entry.actor = "gateway";
        entry.action = "proposal.answer_taken";
        entry.object = told->record_key;
        entry.detail = "proposal=" + std::to_string(receipt.proposal_id) +
                       " outcome=" + std::string(ToString(receipt.state));
        return tables.audit.Append(std::move(entry));
      },
      stored);
  if (!queued.ok()) OnStored(queued);
}

void EndorsementSender::OnStored(const Status& stored) {
  storing_ = false;
  if (!stored.ok()) {
    // Told again: the centre answers as it did.
    Log(LogLevel::kError, "endorsement.not_settled", {{"why", stored.error().message}});
    return ArmTimer(kRetryStoreUs);
  }
  proposal_id_ = 0;
  Tell();
}

}  // namespace edcsync::edge
