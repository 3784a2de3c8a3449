// The fields of a reconciliation's frames, as frame_fields.h has the others'; and the body of a
// frame, whichever it is.
//
//   used by   shared/wire/codec.cc only
#pragma once

#include "shared/wire/frame_fields.h"

namespace edcsync::wire {

// Leaves of 16 branches: 160 KiB.
inline constexpr std::size_t kDigestNodeCountMax = 4096;
inline constexpr std::size_t kReconcilePartCountMax = 4096;
inline constexpr std::size_t kListedRevisionCountMax = 8192;
inline constexpr std::size_t kStatementBytesMax = 16 * 1024;
inline constexpr std::size_t kSignatureBytesMax = 256;  // DER of a P-256 signature takes 72.
inline constexpr std::size_t kReportBytesMax = 1536 * 1024;

template <class Io, class F>
void ReconcilePointFields(Io& io, F& point) {
  io.Number("point.sequence", point.sequence);
  io.Number("point.cursor", point.cursor);
  io.Number("point.row", point.row);
}

template <class Io, class F>
void ReconcileHeadFields(Io& io, F& frame) {
  io.Number("epoch", frame.epoch);
  io.Number("reconciliation", frame.reconciliation);
  io.Number("serial", frame.serial);
}

template <class Io, class List>
void OfferedListFields(Io& io, List& list) {
  io.List("revisions", list, limits::kPushRevisionCountMax, 4 + sizeof(Digest),
          [](Io& in, auto& offered) {
            in.Text32("revision", offered.revision, limits::kRevisionBytesMax);
            in.Raw("mark", offered.mark);
          });
}

template <class Io, class List>
void RevisionIdListFields(Io& io, const char* name, List& list) {
  io.List(name, list, limits::kPushRevisionCountMax, sizeof(Digest),
          [](Io& in, auto& id) { in.Raw("revision id", id.digest); });
}

template <class Io, class F>
void CompareFields(Io& io, F& frame) {
  ReconcileHeadFields(io, frame);
  io.Choice("question", frame.question, ReconcileQuestion::kGive);
  ReconcilePointFields(io, frame.point);
  io.Number("wait_sequence", frame.wait_sequence);
  io.Number("wait_cursor", frame.wait_cursor);
  io.Raw("history", frame.history.bytes);
  io.List("parts", frame.parts, kReconcilePartCountMax, 2,
          [](Io& in, auto& part) { in.Number("part", part); });
  io.Number("after_row", frame.after_row);
  RevisionIdListFields(io, "revisions", frame.revisions);
}

template <class Io, class F>
void ComparisonFields(Io& io, F& frame) {
  ReconcileHeadFields(io, frame);
  io.Choice("answer", frame.answer, ReconcileAnswer::kFailed);
  ReconcilePointFields(io, frame.point);
  io.Number("wait_sequence", frame.wait_sequence);
  io.List("nodes", frame.nodes, kDigestNodeCountMax, sizeof(Digest) + 8, [](Io& in, auto& node) {
    in.Raw("digest", node.digest);
    in.Number("count", node.count);
  });
  io.List("revisions", frame.revisions, kListedRevisionCountMax, 8 + 6 * 4 + sizeof(Digest),
          [](Io& in, auto& listed) {
            in.Number("row", listed.row);
            RecordKeyFields(in, listed.key);
            in.Raw("revision id", listed.revision.digest);
          });
  io.Flag("more", frame.more);
  io.List("presences", frame.presences, limits::kPushRevisionCountMax, 1,
          [](Io& in, auto& presence) {
            in.Choice("presence", presence, RevisionPresence::kRefused);
          });
  io.Text32("statement", frame.statement, kStatementBytesMax);
  io.Text32("signature", frame.signature, kSignatureBytesMax);
  io.Text32("message", frame.message, kMessageBytesMax);
}

template <class Io, class F>
void ReturnFields(Io& io, F& frame) {
  ReconcileHeadFields(io, frame);
  OfferedListFields(io, frame.revisions);
  RevisionIdListFields(io, "absent", frame.absent);
}

template <class Io, class F>
void RedeliveryFields(Io& io, F& frame) {
  ReconcileHeadFields(io, frame);
  io.Flag("as_new", frame.as_new);
  OfferedListFields(io, frame.revisions);
}

template <class Io, class F>
void SettlementFields(Io& io, F& frame) {
  ReconcileHeadFields(io, frame);
  io.Text32("report", frame.report, kReportBytesMax);
  io.Text32("signature", frame.signature, kSignatureBytesMax);
}

// The body of `frame`, whichever it is.
template <class Io, class F>
void BodyFields(Io& io, F& frame) {
  using Kind = std::remove_const_t<F>;
  if constexpr (std::is_same_v<Kind, Hello>) HelloFields(io, frame);
  if constexpr (std::is_same_v<Kind, Push>) PushFields(io, frame);
  if constexpr (std::is_same_v<Kind, Pull>) PullFields(io, frame);
  if constexpr (std::is_same_v<Kind, Offer>) OfferFields(io, frame);
  if constexpr (std::is_same_v<Kind, Endorsement>) EndorsementFields(io, frame);
  if constexpr (std::is_same_v<Kind, Comparison>) ComparisonFields(io, frame);
  if constexpr (std::is_same_v<Kind, Return>) ReturnFields(io, frame);
  if constexpr (std::is_same_v<Kind, Welcome>) WelcomeFields(io, frame);
  if constexpr (std::is_same_v<Kind, Receipt>) ReceiptFields(io, frame);
  if constexpr (std::is_same_v<Kind, Feed>) FeedFields(io, frame);
  if constexpr (std::is_same_v<Kind, Nudge>) NudgeFields(io, frame);
  if constexpr (std::is_same_v<Kind, Refuse>) RefuseFields(io, frame);
  if constexpr (std::is_same_v<Kind, EndorsementReceipt>) EndorsementReceiptFields(io, frame);
  if constexpr (std::is_same_v<Kind, Compare>) CompareFields(io, frame);
  if constexpr (std::is_same_v<Kind, Redelivery>) RedeliveryFields(io, frame);
  if constexpr (std::is_same_v<Kind, Settlement>) SettlementFields(io, frame);
}

}  // namespace edcsync::wire
