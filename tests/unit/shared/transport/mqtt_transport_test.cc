#include "shared/transport/mqtt_transport.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>

#include "shared/base/file.h"
#include "shared/base/scheduler.h"
#include "tests/support/test_broker.h"

namespace edcsync {
namespace {

using ::testing::HasSubstr;
using testing::TestBroker;

constexpr std::chrono::seconds kPatience{30};
const EdgeId kKisumu("Kisumu");
const EdgeId kTororo("Tororo");

// A transport with a scheduler of its own and a record of what it told.
class Peer {
 public:
  explicit Peer(MqttOptions options) : loop_(clock_) {
    loop_.Start();
    transport_ = NewMqttTransport(std::move(options), loop_);
    transport_->Listen(
        {[this] { Note([this] { ++connected_; }); },
         [this](Error why) {
           Note([&] {
             ++disconnected_;
             why_ = why;
           });
         },
         [this](Message message) { Note([&] { messages_.push_back(std::move(message)); }); }});
  }
  ~Peer() {
    Do([this] { transport_.reset(); });
    loop_.Stop();
  }

  // Runs `work` on the scheduler and waits for it.
  void Do(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.Post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void Connect() {
    Do([this] { transport_->Connect(); });
  }
  void Disconnect() {
    Do([this] { transport_->Disconnect(); });
  }
  bool ConnectAndWait() {
    const int before = connected();
    Connect();
    return Await([&] { return connected_ > before; });
  }
  // Publishes and waits for the broker's word.
  Status Publish(const std::string& topic, const std::string& text, bool retained = false) {
    auto result = std::make_shared<std::promise<Status>>();
    Do([&] {
      Status queued = transport_->Publish(topic, AsBytes(text), retained, [result](Status status) {
        result->set_value(std::move(status));
      });
      if (!queued.ok()) result->set_value(std::move(queued));
    });
    auto future = result->get_future();
    if (future.wait_for(kPatience) != std::future_status::ready) {
      return Fail(ErrorCode::kTimeout, "no confirmation");
    }
    return future.get();
  }
  bool Await(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }
  bool AwaitMessages(std::size_t count) {
    return Await([&] { return messages_.size() >= count; });
  }
  bool AwaitDisconnected(int count) {
    return Await([&] { return disconnected_ >= count; });
  }
  // Lets everything that is queued on the scheduler run.
  void Flush() {
    Do([] {});
  }

  Transport& transport() { return *transport_; }
  int connected() { return Read(connected_); }
  int disconnected() { return Read(disconnected_); }
  Error why() { return Read(why_); }
  std::vector<Message> messages() { return Read(messages_); }

 private:
  void Note(const std::function<void()>& note) {
    const std::lock_guard lock(mutex_);
    note();
    changed_.notify_all();
  }
  template <class T>
  T Read(const T& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }

  SystemClock clock_;
  EventLoop loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int connected_ = 0;
  int disconnected_ = 0;
  Error why_;
  std::vector<Message> messages_;
  std::unique_ptr<Transport> transport_;
};

class MqttTransportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto broker = TestBroker::Start({kKisumu, kTororo});
    ASSERT_TRUE(broker.ok()) << broker.error().ToString();
    broker_ = std::move(*broker);
  }
  MqttOptions Options(const std::string& name, std::vector<std::string> subscriptions) {
    auto options = broker_->OptionsFor(name);
    EXPECT_TRUE(options.ok());
    options->subscriptions = std::move(subscriptions);
    return *options;
  }
  MqttOptions Gateway() {
    return Options("gateway", {"$share/gateways/edcsync/v1/hello/+", "edcsync/v1/up/gw-1/+",
                               "edcsync/v1/presence/+"});
  }
  MqttOptions Edge(const EdgeId& edge) {
    return Options(edge.str(), {"edcsync/v1/down/" + edge.str()});
  }

  std::unique_ptr<TestBroker> broker_;
};

TEST_F(MqttTransportTest, AnEdgeAndTheGatewayReachEachOtherThroughTheBroker) {
  Peer gateway(Gateway());
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait()) << gateway.why().ToString();
  ASSERT_TRUE(kisumu.ConnectAndWait()) << kisumu.why().ToString();

  ASSERT_TRUE(kisumu.Publish("edcsync/v1/hello/Kisumu", "hello").ok());
  ASSERT_TRUE(gateway.AwaitMessages(1));
  EXPECT_EQ(gateway.messages()[0].topic, "edcsync/v1/hello/Kisumu");
  EXPECT_EQ(AsText(gateway.messages()[0].payload), "hello");

  const std::string welcome = std::string("wel\0come", 8);
  ASSERT_TRUE(gateway.Publish("edcsync/v1/down/Kisumu", welcome).ok());
  ASSERT_TRUE(kisumu.AwaitMessages(1));
  EXPECT_EQ(AsText(kisumu.messages()[0].payload), welcome);
}

TEST_F(MqttTransportTest, ATraceParentTravelsBesideItsMessageAndNoOther) {
  Peer gateway(Gateway());
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait());
  ASSERT_TRUE(kisumu.ConnectAndWait());
  const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  // More than fly at once: some wait here, with what goes beside them.
  constexpr std::size_t kCount = 60;
  kisumu.Do([&] {
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto confirmed = [](const Status&) {};
      const std::string text = std::to_string(i);
      const Status sent =
          i % 2 == 0 ? kisumu.transport().PublishTraced("edcsync/v1/up/gw-1/Kisumu", AsBytes(text),
                                                        parent, confirmed)
                     : kisumu.transport().Publish("edcsync/v1/up/gw-1/Kisumu", AsBytes(text), false,
                                                  confirmed);
      EXPECT_TRUE(sent.ok());
    }
  });
  ASSERT_TRUE(gateway.AwaitMessages(kCount));
  const auto messages = gateway.messages();
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(AsText(messages[i].payload), std::to_string(i));
    EXPECT_EQ(messages[i].trace_parent, i % 2 == 0 ? parent : "");
  }
}

TEST_F(MqttTransportTest, TwoThousandMessagesArriveOnceAndInTheirOrder) {
  constexpr std::size_t kCount = 2000;
  constexpr std::size_t kWindow = 8;
  Peer gateway(Gateway());
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait());
  ASSERT_TRUE(kisumu.ConnectAndWait());

  std::size_t sent = 0;
  std::size_t refused = 0;
  std::function<void()> send_next = [&] {
    if (sent == kCount) return;
    std::string text = std::to_string(sent++);
    text.resize(9000, '.');  // Beyond one TLS record's and one segment's size.
    const auto confirmed = [&](const Status& status) {
      refused += status.ok() ? 0 : 1;
      send_next();
    };
    if (!kisumu.transport()
             .Publish("edcsync/v1/up/gw-1/Kisumu", AsBytes(text), false, confirmed)
             .ok()) {
      ++refused;
    }
  };
  kisumu.Do([&] {
    for (std::size_t i = 0; i < kWindow; ++i) send_next();
  });
  ASSERT_TRUE(gateway.AwaitMessages(kCount)) << gateway.messages().size();
  const auto messages = gateway.messages();
  ASSERT_EQ(messages.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(std::stoul(std::string(AsText(messages[i].payload))), i);
  }
  kisumu.Disconnect();
  EXPECT_EQ(refused, 0U);
}

TEST_F(MqttTransportTest, TheLargestFrameArrivesAndALargerOneIsRefusedBeforeItIsSent) {
  Peer gateway(Gateway());
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait());
  ASSERT_TRUE(kisumu.ConnectAndWait());
  const std::string largest(limits::kFrameBytesMax, 'x');
  ASSERT_TRUE(kisumu.Publish("edcsync/v1/up/gw-1/Kisumu", largest).ok());
  ASSERT_TRUE(gateway.AwaitMessages(1));
  EXPECT_EQ(gateway.messages()[0].payload.size(), limits::kFrameBytesMax);

  const Status refused = kisumu.Publish("edcsync/v1/up/gw-1/Kisumu", largest + "x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(kisumu.disconnected(), 0);
}

TEST_F(MqttTransportTest, ACertificateOfAnotherAuthorityIsRefusedWithAdvice) {
  auto options = broker_->ForeignOptionsFor("gateway");
  ASSERT_TRUE(options.ok());
  Peer stranger(*options);
  stranger.Connect();
  ASSERT_TRUE(stranger.AwaitDisconnected(1));
  EXPECT_EQ(stranger.connected(), 0);
  EXPECT_EQ(stranger.why().code, ErrorCode::kBroker);
  EXPECT_THAT(stranger.why().message, HasSubstr(options->certificate_file));
  EXPECT_THAT(stranger.why().message, HasSubstr(options->ca_file));
  EXPECT_THAT(stranger.why().message, HasSubstr("broker's log"));
}

TEST_F(MqttTransportTest, ABrokerWhoseCertificateDoesNotNameTheHostIsRefused) {
  const auto connections = [&] {
    const auto log = ReadFile(BrokerPathsIn(broker_->settings().directory).log_file, 1 << 20);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = log->find("New connection from", at)) != std::string::npos;
         ++at) {
      ++count;
    }
    return count;
  };
  const std::size_t before = connections();
  MqttOptions options = Gateway();
  options.host = "127.1";  // Another spelling of 127.0.0.1, which the certificate does not have.
  Peer gateway(options);
  gateway.Connect();
  ASSERT_TRUE(gateway.AwaitDisconnected(1));
  EXPECT_EQ(gateway.connected(), 0);
  EXPECT_GT(connections(), before);  // It was reached.
}

TEST_F(MqttTransportTest, ARevokedEdgeLosesItsRightsAndItsWayInWithoutARestartOfTheBroker) {
  Peer kisumu(Edge(kKisumu));
  Peer tororo(Edge(kTororo));
  ASSERT_TRUE(kisumu.ConnectAndWait());
  ASSERT_TRUE(kisumu.Publish("edcsync/v1/hello/Kisumu", "before").ok());
  ASSERT_TRUE(broker_->Revoke("Kisumu").ok());
  // The connection stays, without rights, from some time after the signal on: try until then.
  Status refused = Ok();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (refused.ok() && std::chrono::steady_clock::now() < until) {
    refused = kisumu.Publish("edcsync/v1/hello/Kisumu", "after");
  }
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("0x87"));
  kisumu.Disconnect();
  kisumu.Connect();
  ASSERT_TRUE(kisumu.AwaitDisconnected(1));
  EXPECT_EQ(kisumu.connected(), 1);
  // A handshake beside one that is refused has timed out on a busy machine: tried again, as edges do.
  EXPECT_TRUE(tororo.ConnectAndWait() || tororo.ConnectAndWait()) << tororo.why().ToString();
  EXPECT_EQ(broker_->supervisor().RestartCount(), 0U);
}

TEST_F(MqttTransportTest, AMissingKeyFileIsNamed) {
  MqttOptions options = Gateway();
  options.key_file += ".absent";
  Peer gateway(options);
  gateway.Connect();
  ASSERT_TRUE(gateway.AwaitDisconnected(1));
  EXPECT_THAT(gateway.why().message, HasSubstr(options.key_file));
}

TEST_F(MqttTransportTest, AKilledBrokerIsOneDisconnectAndConnectRestoresTheSubscriptions) {
  Peer gateway(Gateway());
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait());
  ASSERT_TRUE(kisumu.ConnectAndWait());
  ASSERT_TRUE(broker_->KillAndAwaitRestart().ok());
  ASSERT_TRUE(gateway.AwaitDisconnected(1));
  ASSERT_TRUE(kisumu.AwaitDisconnected(1));
  const Status refused = kisumu.Publish("edcsync/v1/hello/Kisumu", "lost");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kNotConnected);

  ASSERT_TRUE(gateway.ConnectAndWait()) << gateway.why().ToString();
  ASSERT_TRUE(kisumu.ConnectAndWait()) << kisumu.why().ToString();
  ASSERT_TRUE(kisumu.Publish("edcsync/v1/hello/Kisumu", "again").ok());
  ASSERT_TRUE(gateway.AwaitMessages(1));
  EXPECT_EQ(AsText(gateway.messages()[0].payload), "again");
  EXPECT_EQ(gateway.disconnected(), 1);
  EXPECT_EQ(kisumu.disconnected(), 1);
}

TEST_F(MqttTransportTest, PublishesUnderWayWhenTheBrokerIsKilledAreEachSettledOnce) {
  constexpr int kCount = 64;
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(kisumu.ConnectAndWait());
  const std::string frame(90'000, 'x');
  int settled = 0;
  bool disconnected_last = false;
  kisumu.Do([&] {
    for (int i = 0; i < kCount; ++i) {
      EXPECT_TRUE(kisumu.transport()
                      .Publish("edcsync/v1/up/gw-1/Kisumu", AsBytes(frame), false,
                               [&](const Status&) {
                                 ++settled;
                                 disconnected_last = kisumu.disconnected() == 0;
                               })
                      .ok());
    }
  });
  ASSERT_TRUE(broker_->KillAndAwaitRestart().ok());
  ASSERT_TRUE(kisumu.AwaitDisconnected(1));
  kisumu.Flush();
  EXPECT_EQ(settled, kCount);
  EXPECT_TRUE(disconnected_last);
}

TEST_F(MqttTransportTest, AnEdgeMayNotWriteOrReadAnotherEdgesTopics) {
  Peer gateway(Gateway());
  MqttOptions curious = Edge(kTororo);
  curious.subscriptions.push_back("edcsync/v1/#");
  Peer tororo(curious);
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait());
  ASSERT_TRUE(tororo.ConnectAndWait());
  ASSERT_TRUE(kisumu.ConnectAndWait());
  const Status forged = tororo.Publish("edcsync/v1/up/gw-1/Kisumu", "forged");
  ASSERT_FALSE(forged.ok());
  EXPECT_EQ(forged.error().code, ErrorCode::kBroker);
  EXPECT_THAT(forged.error().message, HasSubstr("0x87"));

  ASSERT_TRUE(gateway.Publish("edcsync/v1/down/Kisumu", "for Kisumu").ok());
  ASSERT_TRUE(gateway.Publish("edcsync/v1/down/Tororo", "for Tororo").ok());
  ASSERT_TRUE(kisumu.AwaitMessages(1));
  ASSERT_TRUE(tororo.AwaitMessages(1));
  for (const Message& message : tororo.messages()) {
    EXPECT_EQ(message.topic, "edcsync/v1/down/Tororo");
  }
  EXPECT_TRUE(gateway.messages().empty());
}

TEST_F(MqttTransportTest, NoEventFollowsADisconnect) {
  Peer gateway(Gateway());
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(gateway.ConnectAndWait());
  ASSERT_TRUE(kisumu.ConnectAndWait());
  int confirmed = 0;
  int confirmed_at_disconnect = -1;
  kisumu.Do([&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(kisumu.transport()
                      .Publish("edcsync/v1/hello/Kisumu", AsBytes("x"), false,
                               [&](const Status&) { ++confirmed; })
                      .ok());
    }
    kisumu.transport().Disconnect();
    confirmed_at_disconnect = confirmed;
    kisumu.transport().Disconnect();
  });
  // What was queued before an orderly disconnect still reaches the broker.
  ASSERT_TRUE(gateway.AwaitMessages(100));
  kisumu.Flush();
  EXPECT_EQ(confirmed, confirmed_at_disconnect);
  EXPECT_EQ(kisumu.disconnected(), 0);

  kisumu.Do([&] {  // An attempt cut off at once ends without an event too.
    kisumu.transport().Connect();
    kisumu.transport().Disconnect();
  });
  ASSERT_TRUE(kisumu.ConnectAndWait());
  EXPECT_EQ(kisumu.connected(), 2);
  EXPECT_EQ(kisumu.disconnected(), 0);
}

// The edge's session gives a connection up when its Hello was not confirmed. Told so because the
// connection was lost, it disconnected; the loss was then told all the same, a second attempt was
// planned beside the first, and the later one met a connection and ended the agent (CHECK in
// Connect). The torture run found it: torture --seed 202.
TEST_F(MqttTransportTest, NoLossIsToldToAListenerWhoDisconnectsOverAPublishThatItLost) {
  constexpr int kCount = 14;
  Peer kisumu(Edge(kKisumu));
  ASSERT_TRUE(kisumu.ConnectAndWait());
  const auto broker = broker_->supervisor().ProcessId();
  ASSERT_TRUE(broker.has_value());
  ::kill(*broker, SIGSTOP);  // It reads and confirms nothing any more.
  const std::string frame(limits::kFrameBytesMax, 'x');  // A few fill every buffer on the way.
  std::promise<Status> confirmed;
  kisumu.Do([&] {
    for (int i = 1; i <= kCount; ++i) {
      const auto settled = [&, last = i == kCount](Status status) {
        if (!last) return;
        kisumu.transport().Disconnect();
        confirmed.set_value(std::move(status));
      };
      EXPECT_TRUE(kisumu.transport()
                      .Publish("edcsync/v1/up/gw-1/Kisumu", AsBytes(frame), false, settled)
                      .ok());
    }
  });
  ASSERT_TRUE(broker_->KillAndAwaitRestart().ok());
  auto told = confirmed.get_future();
  ASSERT_EQ(told.wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(told.get().ok());
  kisumu.Flush();
  EXPECT_EQ(kisumu.disconnected(), 0);
  EXPECT_TRUE(kisumu.ConnectAndWait());
}

TEST_F(MqttTransportTest, AListenerMayDestroyTheTransportInAnyEvent) {
  SystemClock clock;
  EventLoop loop(clock);
  loop.Start();
  for (int round = 0; round < 3; ++round) {
    std::promise<void> destroyed;
    auto transport = NewMqttTransport(Gateway(), loop);
    const auto destroy = [&] {
      if (transport == nullptr) return;
      transport.reset();
      destroyed.set_value();
    };
    loop.Post([&] {
      transport->Listen({[&] {
                           if (round == 0) return destroy();
                           EXPECT_TRUE(transport
                                           ->Publish("edcsync/v1/presence/Kisumu", AsBytes("x"),
                                                     false,
                                                     [&](const Status&) {
                                                       if (round == 1) destroy();
                                                     })
                                           .ok());
                         },
                         [](const Error&) { ADD_FAILURE() << "lost"; },
                         [&](const Message&) {
                           if (round == 2) destroy();
                         }});
      transport->Connect();
    });
    ASSERT_EQ(destroyed.get_future().wait_for(kPatience), std::future_status::ready);
  }
  loop.Stop();
}

TEST_F(MqttTransportTest, TheWillIsDeliveredWhenTheConnectionBreaksAndNotAfterADisconnect) {
  Peer gateway(Gateway());
  ASSERT_TRUE(gateway.ConnectAndWait());
  MqttOptions options = Edge(kKisumu);
  options.will = MqttOptions::Will{"edcsync/v1/presence/Kisumu", {'o', 'f', 'f'}, true};
  Peer kisumu(options);
  ASSERT_TRUE(kisumu.ConnectAndWait());
  kisumu.Disconnect();
  ASSERT_TRUE(kisumu.ConnectAndWait());
  ASSERT_TRUE(kisumu.Publish("edcsync/v1/presence/Kisumu", "on", true).ok());
  // A second connection under the same client id makes the broker end the first without the
  // DISCONNECT of its client: to the will it is a broken connection.
  MqttOptions usurper_options = options;
  usurper_options.will.reset();
  Peer usurper(usurper_options);
  ASSERT_TRUE(usurper.ConnectAndWait());
  ASSERT_TRUE(kisumu.AwaitDisconnected(1));
  ASSERT_TRUE(gateway.AwaitMessages(2));
  EXPECT_EQ(AsText(gateway.messages()[0].payload), "on");
  EXPECT_EQ(AsText(gateway.messages()[1].payload), "off");

  Peer late(Options("gateway", {"edcsync/v1/presence/+"}));  // Retained for who comes later.
  gateway.Disconnect();
  ASSERT_TRUE(late.ConnectAndWait());
  ASSERT_TRUE(late.AwaitMessages(1));
  EXPECT_EQ(AsText(late.messages()[0].payload), "off");
}

TEST_F(MqttTransportTest, PublishesBeyondTheBufferAreRefusedAsBusy) {
  MqttOptions options = Edge(kKisumu);
  options.publish_buffer_max = 4;
  Peer kisumu(options);
  ASSERT_TRUE(kisumu.ConnectAndWait());
  int queued = 0;
  int busy = 0;
  kisumu.Do([&] {
    for (int i = 0; i < 10; ++i) {
      const Status status = kisumu.transport().Publish("edcsync/v1/hello/Kisumu", AsBytes("x"),
                                                       false, [](const Status&) {});
      queued += status.ok() ? 1 : 0;
      busy += !status.ok() && status.error().code == ErrorCode::kBusy ? 1 : 0;
    }
  });
  EXPECT_EQ(queued, 4);
  EXPECT_EQ(busy, 6);
}

}  // namespace
}  // namespace edcsync
