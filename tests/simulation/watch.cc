#include "tests/simulation/watch.h"

#include "shared/base/limits.h"
#include "shared/wire/topics.h"

namespace edcsync::simulation {

Watch::Watch(World& world) : world_(world) {
  world.broker.on_publish = [this](const std::string& client, const Message& message) {
    world_.history.Checked("frames");
    if (message.payload.size() <= limits::kFrameBytesMax) return;
    world_.Violate("I9", "a frame of " + std::to_string(message.payload.size()) + " bytes",
                   {client});
  };
  world.broker.before_taken = [this](const std::string& client, const Message& message) {
    BeforeTaken(client, message);
  };
  world.broker.after_taken = [this](const std::string& client, const Message& message) {
    AfterTaken(client, message);
  };
  world.after_step.push_back([this] { AfterStep(); });
}

Watch::Standing Watch::StandingOf(const EdgeId& edge) {
  Standing standing;
  if (world_.centre.disk.dead()) return standing;
  central::CentralStore* store = world_.centre.Commands();
  if (store == nullptr) return standing;
  (void)store->Read([&](central::CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(const auto row, reader.FindEdge(edge));
    if (!row) return Ok();
    standing = {true,
                row->epoch,
                row->gateway.str(),
                row->incarnation,
                row->acknowledged_through,
                row->standing == central::EdgeStanding::kRevoked};
    return Ok();
  });
  return standing;
}

void Watch::BeforeTaken(const std::string& client, const Message& message) {
  before_ = {};
  if (!client.starts_with("gateway-")) return;
  const std::optional<EdgeId> edge = wire::EdgeOfTopic(message.topic);
  if (edge) before_ = StandingOf(*edge);
}

// A gateway's works run inside its handler, so whatever one message changed is seen here.
void Watch::AfterTaken(const std::string& client, const Message& message) {
  if (!before_.known) return;
  const std::optional<EdgeId> edge = wire::EdgeOfTopic(message.topic);
  const Standing after = StandingOf(*edge);
  if (!after.known) return;
  world_.history.Checked("frames at a gateway");
  if (after.epoch < before_.epoch) {
    world_.Violate("I2", "the epoch of an edge ran backwards", {edge->str()});
  }
  if (after.incarnation != before_.incarnation) return;
  if (after.acknowledged < before_.acknowledged) {
    world_.Violate("I2", "what was acknowledged to an edge ran backwards", {edge->str()});
  }
  if (after.acknowledged <= before_.acknowledged) return;
  world_.history.Reached("commits of pushes");
  if (before_.revoked) {
    world_.Violate("I8", "a revoked edge's push was committed", {edge->str()});
  }
  if (before_.gateway != client) {
    world_.Violate("I2", client + " committed a push of the session that " + before_.gateway +
                             " has by now",
                   {edge->str()});
  }
}

void Watch::AfterStep() {
  for (const auto& edge : world_.edges) {
    if (!edge->running()) continue;
    const edge::SyncStatus status = edge->status();
    if (status.frames_in_flight > limits::kFramesInFlightMax) {
      world_.Violate("I9", std::to_string(status.frames_in_flight) + " frames in flight",
                     {edge->name()});
    }
    if (world_.centre_was_restored) continue;
    const std::optional<edge::Checkpoint> checkpoint = edge->Checkpoint();
    const Standing standing = StandingOf(edge->edge());
    if (!checkpoint || !standing.known || checkpoint->incarnation != standing.incarnation) continue;
    world_.history.Checked("acknowledgements");
    if (checkpoint->acknowledged_through <= standing.acknowledged) continue;
    world_.Violate("I1", "the edge holds for acknowledged what the centre never committed",
                   {edge->name()});
  }
}

}  // namespace edcsync::simulation
