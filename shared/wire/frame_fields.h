// The fields of every frame, in the order in which they are sent (schema/wire/frame.md). One
// description serves both ways: `Io` is FrameWriter with constant fields or FrameReader with
// fields to fill, so what is written and what is read cannot come apart.
//
//   used by   shared/wire/codec.cc only
#pragma once

#include "shared/base/limits.h"
#include "shared/wire/frame_archive.h"
#include "shared/wire/frames.h"

namespace edcsync::wire {

inline constexpr std::size_t kNameBytesMax = 255;      // Certificates allow 64 (X.520).
inline constexpr std::size_t kFullNameBytesMax = 512;  // Of an account: 128 characters.
inline constexpr std::size_t kReleaseBytesMax = 255;
inline constexpr std::size_t kMessageBytesMax = 4096;  // One sentence, which may name keys.
// A record key's text, at worst percent-encoded throughout.
inline constexpr std::size_t kRecordKeyTextBytesMax =
    3 * (3 * limits::kOidBytesMax + limits::kSubjectKeyBytesMax +
         2 * limits::kRepeatKeyBytesMax) + 5;
// One receipt may answer all pushes in flight.
inline constexpr std::size_t kReceiptExceptionCountMax =
    limits::kPushRevisionCountMax * limits::kFramesInFlightMax;
// No limit on a record's heads but the frame itself: a conflict is told however many there are.
inline constexpr std::size_t kConflictHeadCountMax = limits::kFramePayloadBytesMax / sizeof(Digest);

template <class Io, class F>
void HelloFields(Io& io, F& frame) {
  io.Number("hello_id", frame.hello_id);
  io.Raw("incarnation", frame.incarnation.bytes);
  io.Text32("release", frame.release, kReleaseBytesMax);
  io.Number("next_sequence", frame.next_sequence);
  io.Number("acknowledged_through", frame.acknowledged_through);
  io.Raw("acknowledged_chain", frame.acknowledged_chain);
  io.Raw("history", frame.history.bytes);
  io.Number("feed_cursor", frame.feed_cursor);
  io.Number("edge_time", frame.edge_time.ms);
  io.Flag("chain_differs", frame.chain_differs);
}

template <class Io, class F>
void PushFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("first_sequence", frame.first_sequence);
  io.List("revisions", frame.revisions, limits::kPushRevisionCountMax, 4,
          [](Io& in, auto& revision) {
            in.Text32("revision", revision, limits::kRevisionBytesMax);
          });
}

template <class Io, class F>
void PullFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("after", frame.after);
  io.Number("entry_count_max", frame.entry_count_max);
}

template <class Io, class F>
void OfferFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("page", frame.page);
  io.List("revisions", frame.revisions, limits::kPushRevisionCountMax, 4 + sizeof(Digest),
          [](Io& in, auto& offered) {
            in.Text32("revision", offered.revision, limits::kRevisionBytesMax);
            in.Raw("mark", offered.mark);
          });
}

template <class Io, class F>
void EndorsementFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("proposal_id", frame.proposal_id);
  io.Raw("revision_id", frame.revision.digest);
  io.Flag("accepted", frame.accepted);
  io.Text32("user", frame.user, limits::kUserBytesMax);
  io.Text32("reason", frame.reason, limits::kReasonBytesMax);
  io.Number("answered_at", frame.answered_at.ms);
}

template <class Io, class F>
void EndorsementReceiptFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("proposal_id", frame.proposal_id);
  io.Choice("state", frame.state, ProposalState::kUnknown);
}

template <class Io, class F>
void CreditFields(Io& io, F& credit) {
  io.Number("credit.bytes", credit.bytes);
  io.Number("credit.frames", credit.frames);
}

template <class Io, class F>
void WelcomeFields(Io& io, F& frame) {
  io.Number("hello_id", frame.hello_id);
  io.Number("epoch", frame.epoch);
  io.Text32("gateway", frame.gateway, kNameBytesMax);
  io.Number("acknowledged_through", frame.acknowledged_through);
  io.Raw("acknowledged_chain", frame.acknowledged_chain);
  CreditFields(io, frame.credit);
  io.Number("server_time", frame.server_time.ms);
  io.Raw("history", frame.history.bytes);
  io.Number("feed_head", frame.feed_head);
}

template <class Io, class F>
void ReceiptFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("acknowledged_through", frame.acknowledged_through);
  io.Raw("acknowledged_chain", frame.acknowledged_chain);
  io.List("exceptions", frame.exceptions, kReceiptExceptionCountMax, 8 + 1 + 2,
          [](Io& in, auto& exception) {
            in.Number("sequence", exception.sequence);
            in.Choice("outcome", exception.outcome, Outcome::kConflictLost);
            in.Number("reason", exception.reason);
          });
  io.Number("offer_page", frame.offer_page);
  CreditFields(io, frame.credit);
}

template <class Io, class K>
void RecordKeyFields(Io& io, K& key) {
  io.Text32("studyOID", key.study, limits::kOidBytesMax);
  io.Text32("subjectKey", key.subject, limits::kSubjectKeyBytesMax);
  io.Text32("studyEventOID", key.event, limits::kOidBytesMax);
  io.Text32("studyEventRepeatKey", key.event_repeat, limits::kRepeatKeyBytesMax);
  io.Text32("formOID", key.form, limits::kOidBytesMax);
  io.Text32("formRepeatKey", key.form_repeat, limits::kRepeatKeyBytesMax);
}

template <class Io, class F>
void ConflictFields(Io& io, F& conflict) {
  io.Number("conflict_id", conflict.conflict_id);
  RecordKeyFields(io, conflict.key);
  io.Flag("open", conflict.open);
  io.Choice("severity", conflict.severity, Severity::kHard);
  io.List("heads", conflict.heads, kConflictHeadCountMax, sizeof(Digest),
          [](Io& in, auto& head) { in.Raw("head", head.digest); });
  io.Number("proposal_id", conflict.proposal.proposal_id);
  io.Text32("proposed_by", conflict.proposal.proposed_by, kFullNameBytesMax);
  io.Text32("proposed_revision", conflict.proposal.revision, limits::kRevisionBytesMax);
}

template <class Io, class F>
void LockFields(Io& io, F& lock) {
  io.Flag("locked", lock.locked);
  io.Choice("scope", lock.scope, LockScope::kForm);
  io.Text32("studyOID", lock.study, limits::kOidBytesMax);
  io.Text32("siteOID", lock.site, limits::kOidBytesMax);
  io.Text32("subjectKey", lock.subject, limits::kSubjectKeyBytesMax);
  io.Text32("form", lock.form, kRecordKeyTextBytesMax);
}

template <class Io, class F>
void QuarantineFields(Io& io, F& quarantine) {
  io.Raw("revision_id", quarantine.revision.digest);
  io.Choice("state", quarantine.state, std::uint8_t{3});
  io.Number("reason", quarantine.reason);
}

// An entry carries the part its kind names; the other parts stay empty.
template <class Io, class F>
void FeedEntryFields(Io& io, F& entry) {
  io.Number("cursor", entry.cursor);
  io.Choice("kind", entry.kind, FeedKind::kQuarantine);
  if (io.failed()) return;
  switch (entry.kind) {
    case FeedKind::kRevision:
      io.Text32("revision", entry.revision, limits::kRevisionBytesMax);
      io.Raw("mark", entry.mark);
      return;
    case FeedKind::kConflict: return ConflictFields(io, entry.conflict);
    case FeedKind::kLock: return LockFields(io, entry.lock);
    case FeedKind::kQuarantine: return QuarantineFields(io, entry.quarantine);
  }
}

template <class Io, class F>
void FeedFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.List("entries", frame.entries, limits::kFeedEntryCountMax, 8 + 1 + 18,
          [](Io& in, auto& entry) { FeedEntryFields(in, entry); });
  io.Number("next", frame.next);
  io.Flag("more", frame.more);
}

template <class Io, class F>
void NudgeFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("feed_head", frame.feed_head);
}

template <class Io, class F>
void RefuseFields(Io& io, F& frame) {
  io.Number("reason", frame.reason);
  io.Number("hello_id", frame.hello_id);
  io.Number("epoch", frame.epoch);
  io.Number("resend_from", frame.resend_from);
  io.Number("retry_after_ms", frame.retry_after_ms);
  io.Text32("message", frame.message, kMessageBytesMax);
}

}  // namespace edcsync::wire
