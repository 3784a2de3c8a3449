#include "tests/support/raw_edge.h"

#include <gtest/gtest.h>

#include <chrono>

#include "shared/model/submission.h"
#include "shared/wire/topics.h"

namespace edcsync::testing {
namespace {

constexpr std::chrono::seconds kWait(30);
constexpr std::chrono::seconds kHelloWait(3);
constexpr int kHelloTries = 10;

}  // namespace

RawEdge::RawEdge(const Site& site) : edge_(site.edge()), loop_(clock_) {
  const auto in = [&](const char* name) { return site.dir() + "/" + name; };
  Result<PrivateKey> key = PrivateKey::Load(in("edge.key"));
  Result<Certificate> certificate = Certificate::Load(in("edge.crt"));
  Result<Certificate> gateway = Certificate::Load(in("gateway.crt"));
  if (!key.ok() || !certificate.ok() || !gateway.ok()) {
    ADD_FAILURE() << "The bundle of " << site.edge() << " cannot be read";
    return;
  }
  gateway_ = *gateway;
  Result<Sealer> sealer = Sealer::Create(*key, *certificate);
  if (!sealer.ok()) {
    ADD_FAILURE() << sealer.error().message;
    return;
  }
  sealer_.emplace(std::move(*sealer));
  MqttOptions options;
  options.host = "localhost";
  options.port = site.link().port();
  options.client_id = site.edge();
  options.ca_file = in("ca.crt");
  options.certificate_file = in("edge.crt");
  options.key_file = in("edge.key");
  options.subscriptions = {wire::DownTopic(edge_)};
  transport_ = NewMqttTransport(options, loop_);
  const auto note = [this](bool connected) {
    std::lock_guard lock(mutex_);
    connected_ = connected;
    changed_.notify_all();
  };
  transport_->Listen({[note] { note(true); }, [note](Error) { note(false); },
                      [this](Message message) {
                        std::lock_guard lock(mutex_);
                        arrived_.push_back(std::move(message.payload));
                        changed_.notify_all();
                      }});
  loop_.Start();
  loop_.Post([this] { transport_->Connect(); });
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, kWait, [this] { return connected_; }))
      << "The broker did not take " << site.edge();
}

RawEdge::~RawEdge() {
  if (transport_ != nullptr) loop_.PostAndWait([this] { transport_->Disconnect(); });
  loop_.Stop();
}

bool RawEdge::connected() {
  std::lock_guard lock(mutex_);
  return connected_;
}

Bytes RawEdge::Sealed(const wire::Frame& frame) const {
  Result<Bytes> sealed = wire::SealFrame(frame, *sealer_, *gateway_);
  EXPECT_TRUE(sealed.ok());
  return sealed.ok() ? std::move(*sealed) : Bytes();
}

void RawEdge::Publish(const std::string& topic, const Bytes& bytes,
                      const std::string& trace_parent) {
  loop_.PostAndWait([&] {
    const Status sent =
        trace_parent.empty()
            ? transport_->Publish(topic, bytes, /*retained=*/false, [](Status) {})
            : transport_->PublishTraced(topic, bytes, trace_parent, [](Status) {});
    EXPECT_TRUE(sent.ok()) << sent.error().message;
  });
}

void RawEdge::PublishToGateway(const Bytes& bytes, const std::string& trace_parent) {
  Publish(up_topic_, bytes, trace_parent);
}

void RawEdge::Send(const wire::Frame& frame) {
  const bool hello = std::holds_alternative<wire::Hello>(frame);
  Publish(hello ? wire::HelloTopic(edge_) : up_topic_, Sealed(frame), "");
}

void RawEdge::OpenSession() {
  wire::Hello hello;
  hello.incarnation = random_.NewId<Incarnation>();
  hello.release = "raw";
  hello.next_sequence = Sequence(1);
  for (int i = 0; i < kHelloTries; ++i) {
    hello.hello_id = random_.Next();
    Send(hello);
    while (const std::optional<wire::Frame> frame = Take(kHelloWait)) {
      const auto* welcome = std::get_if<wire::Welcome>(&*frame);
      if (welcome == nullptr || welcome->hello_id != hello.hello_id) continue;
      epoch_ = welcome->epoch;
      up_topic_ = wire::UpTopic(welcome->gateway, edge_);
      return;
    }
  }
  ADD_FAILURE() << "No gateway welcomed " << edge_.str();
}

std::optional<wire::Frame> RawEdge::Next() {
  std::optional<wire::Frame> frame = Take(kWait);
  if (!frame) ADD_FAILURE() << "No frame came down";
  return frame;
}

std::optional<wire::Frame> RawEdge::Take(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, wait, [this] { return !arrived_.empty(); })) return std::nullopt;
  const Bytes bytes = std::move(arrived_.front());
  arrived_.pop_front();
  lock.unlock();
  Result<wire::Frame> frame = wire::OpenFrame(bytes, *sealer_, *gateway_);
  if (frame.ok()) return std::move(*frame);
  ADD_FAILURE() << frame.error().message;
  return std::nullopt;
}

template <class Kind>
Kind RawEdge::NextOf() {
  while (std::optional<wire::Frame> frame = Next()) {
    if (auto* kind = std::get_if<Kind>(&*frame)) return std::move(*kind);
  }
  return Kind();
}

wire::Receipt RawEdge::NextReceipt() { return NextOf<wire::Receipt>(); }
wire::Refuse RawEdge::NextRefuse() { return NextOf<wire::Refuse>(); }

Bytes RawEdge::Encoded(const std::string& line, const std::string& writer, std::uint8_t salt) {
  const Result<Submission> submission = ParseSubmission(line);
  EXPECT_TRUE(submission.ok());
  Revision revision;
  revision.key = submission->key;
  revision.site = submission->site;
  revision.edge = EdgeId(writer);
  revision.edited_at.ms = SystemClock().Wall().ms;
  revision.salt.fill(salt);
  revision.items = submission->items;
  return EncodeRevision(revision);
}

}  // namespace edcsync::testing
