// An edge that was enrolled and turned bad: it holds a right certificate and says whatever it
// likes. Its revisions name other sites, other writers and wrong versions; it offers revisions with
// marks it made up; and it keeps what the gateway tells it, which may be of its own site only.
#pragma once

#include "tests/simulation/world.h"
#include "shared/wire/codec.h"

namespace edcsync::simulation {

class Rogue {
 public:
  static constexpr char kName[] = "rogue";
  static constexpr char kSite[] = "SITE.999";

  // Enrols it. Its own site has no other edge.
  explicit Rogue(World& world);

  // One move: opens a session if it has none, else sends something.
  void Act();

 private:
  void Take(const Message& message);
  void SayHello();
  void Push();
  void Offer();
  Revision SomeRevision();
  void Send(const std::string& topic, const wire::Frame& frame);

  World& world_;
  Identity identity_;
  std::shared_ptr<Broker::Line> line_ = std::make_shared<Broker::Line>(Broker::Line::kGood);
  ProcessLoop loop_;
  std::unique_ptr<Broker::Client> transport_;
  bool connected_ = false;
  Incarnation incarnation_;
  std::vector<RevisionId> sent_;  // By sequence, from 1.
  std::vector<Bytes> outbox_;
  Sequence acknowledged_;
  Epoch epoch_;
  std::string up_topic_;
};

}  // namespace edcsync::simulation
