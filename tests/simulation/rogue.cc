#include "tests/simulation/rogue.h"

#include "shared/crypto/digest.h"
#include "shared/crypto/revision_id.h"
#include "shared/wire/topics.h"

namespace edcsync::simulation {

Rogue::Rogue(World& world)
    : world_(world),
      identity_(world.authority.Issue(kName, kSite, world.clock.Wall(), 365)),
      loop_(world.scheduler, nullptr),
      incarnation_(world.random.NewId<Incarnation>()) {
  Must(world.centre.Commands()->Write([&](central::CentralWriter& writer) -> Status {
    central::EdgeRow row;
    row.edge = EdgeId(kName);
    row.site = SiteOID(kSite);
    row.certificates_pem = {identity_.certificate.ToPem()};
    row.added_at = writer.Now();
    EDCSYNC_TRY(writer.InsertEdge(row));
    return writer.AppendAudit("admin", "edge.added", kName, "");
  }));
  transport_ = world.broker.NewClient(kName, loop_, line_, {wire::DownTopic(EdgeId(kName))});
  transport_->Listen({[this] { connected_ = true; }, [this](const Error&) { connected_ = false; },
                      [this](const Message& message) { Take(message); }});
}

void Rogue::Act() {
  if (!connected_) return transport_->Connect();
  if (epoch_ == Epoch()) return SayHello();
  const std::uint64_t roll = world_.random.Below(10);
  if (roll == 0) return SayHello();
  if (roll < 6) return Push();
  if (roll < 8) return Offer();
  Send(up_topic_, wire::Pull{epoch_, FeedCursor(), 100});
}

void Rogue::Send(const std::string& topic, const wire::Frame& frame) {
  const Bytes sealed = Must(
      wire::SealFrame(frame, identity_.Seal(), world_.centre.identity().certificate));
  (void)transport_->Publish(topic, sealed, false, [](const Status&) {});
}

void Rogue::SayHello() {
  wire::Hello hello;
  hello.hello_id = world_.random.Next();
  hello.incarnation = incarnation_;
  hello.release = "rogue";
  hello.next_sequence = Sequence(sent_.size() + 1);
  hello.acknowledged_through = acknowledged_;
  for (std::size_t i = 0; i < acknowledged_.value(); ++i) {
    hello.acknowledged_chain = ChainDigest(hello.acknowledged_chain, sent_[i].view());
  }
  hello.edge_time = world_.clock.Wall();
  Send(wire::HelloTopic(EdgeId(kName)), hello);
}

void Rogue::Take(const Message& message) {
  const Result<wire::Frame> frame = wire::OpenFrame(message.payload, identity_.Seal(),
                                                    world_.centre.identity().certificate);
  if (!frame.ok()) return;
  if (const auto* welcome = std::get_if<wire::Welcome>(&*frame)) {
    epoch_ = welcome->epoch;
    up_topic_ = wire::UpTopic(welcome->gateway, EdgeId(kName));
    if (welcome->acknowledged_through.value() <= sent_.size()) {
      acknowledged_ = welcome->acknowledged_through;
    }
  } else if (const auto* receipt = std::get_if<wire::Receipt>(&*frame)) {
    if (receipt->acknowledged_through.value() <= sent_.size()) {
      acknowledged_ = std::max(acknowledged_, receipt->acknowledged_through);
    }
  } else if (const auto* feed = std::get_if<wire::Feed>(&*frame)) {
    for (const wire::FeedEntry& entry : feed->entries) {
      if (entry.kind != wire::FeedKind::kRevision) continue;
      world_.history.Checked("feed entries of the rogue");
      const Result<Revision> revision = DecodeRevision(entry.revision);
      if (revision.ok() && revision->site == SiteOID(kSite)) continue;
      world_.Violate("I8", "another site's revision was fed to an edge",
                     {IdOf(entry.revision).ToHex(), kName});
    }
  } else if (const auto* refuse = std::get_if<wire::Refuse>(&*frame)) {
    world_.history.Reached("rogue refused");
    if (refuse->reason != static_cast<std::uint16_t>(ErrorCode::kSequenceGap)) epoch_ = Epoch();
  }
}

// Well formed in itself, and wrong in one way that only the gateway's checks see.
Revision Rogue::SomeRevision() {
  const std::string& victim = world_.OneOf(world_.sites);
  Revision revision;
  revision.key = {StudyOID(kStudyOID), SubjectKey(victim + "-0"), StudyEventOID("SE.WEEK_2"),
                  RepeatKey("1"),      FormOID("F.VS"),           RepeatKey("1")};
  revision.site = SiteOID(victim);
  revision.edge = EdgeId(kName);
  revision.edited_at = {world_.clock.Wall().ms + 86'400'000, 0};
  revision.user = "nobody";
  revision.reason_for_change = "rogue";
  revision.items[{ItemGroupOID("IG.VS"), RepeatKey("1")}][ItemOID("IT.PULSE")] = "999";
  world_.random.Fill(revision.salt);
  switch (world_.random.Below(3)) {
    case 0: break;  // Another site's.
    case 1:         // Its own site's, by another writer.
      revision.site = SiteOID(kSite);
      revision.key.subject = SubjectKey(std::string(kSite) + "-0");
      revision.edge = world_.OneOf(world_.edges)->edge();
      break;
    default:  // Its own, of a version to win with.
      revision.site = SiteOID(kSite);
      revision.key.subject = SubjectKey(std::string(kSite) + "-0");
      revision.version = 1'000'000;
  }
  return revision;
}

void Rogue::Push() {
  wire::Push push;
  push.epoch = epoch_;
  // What was not acknowledged goes again, or the chain would tell it from itself.
  push.first_sequence = acknowledged_.Next();
  outbox_.push_back(EncodeRevision(SomeRevision()));
  sent_.push_back(IdOf(outbox_.back()));
  for (std::size_t i = acknowledged_.value(); i < outbox_.size(); ++i) {
    push.revisions.push_back(outbox_[i]);
  }
  world_.history.Reached("rogue pushes");
  Send(up_topic_, push);
}

void Rogue::Offer() {
  wire::Offer offer;
  offer.epoch = epoch_;
  Revision revision = SomeRevision();
  revision.site = SiteOID(kSite);
  revision.key.subject = SubjectKey(std::string(kSite) + "-1");
  revision.edge = EdgeId();
  revision.version = 1;
  revision.origin = Origin::kOnline;
  wire::OfferedRevision offered;
  offered.revision = EncodeRevision(revision);
  world_.random.Fill(offered.mark);
  offer.revisions.push_back(std::move(offered));
  world_.history.Reached("rogue offers");
  Send(up_topic_, offer);
}

}  // namespace edcsync::simulation
