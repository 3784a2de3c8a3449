// A broker in memory, and the Transports of its clients. By the weather it loses, repeats, delays
// and reorders; by each client's line it cuts, stalls, or loses one way only; it restarts and
// forgets. A publish is confirmed whether or not it arrives, as a real broker's is. Retained
// messages and wills are not kept: nothing of the protocol reads them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/random.h"
#include "tests/simulation/virtual_time.h"
#include "shared/transport/transport.h"

namespace edcsync::simulation {

class Broker {
 public:
  struct Weather {
    unsigned lose_percent = 0;
    unsigned repeat_percent = 0;
    std::int64_t delay_us_max = 2'000;
  };
  // What is wrong with one client's line.
  enum class Line { kGood, kCut, kLosesUp, kLosesDown, kStalls };

  Broker(Scheduler& world, std::uint64_t seed) : world_(world), random_(seed) {}

  // `line` outlives the client's process: a restarted agent meets the same network. Filters are
  // MQTT's, '+' for one level; "$share/NAME/..." goes to one of the members.
  class Client;
  std::unique_ptr<Client> NewClient(const std::string& name, ProcessLoop& process,
                                    std::shared_ptr<Line> line, std::vector<std::string> filters);

  // Everybody falls off; what is on its way is lost. Down for `down_us`.
  void Restart(std::int64_t down_us);
  // A line changed: cut clients fall off, what was stalled moves again.
  void LineChanged(const std::shared_ptr<Line>& line);

  Weather weather;
  // The wiretap: of each message that a client publishes, and around each that a client takes.
  std::function<void(const std::string& client, const Message&)> on_publish;
  std::function<void(const std::string& client, const Message&)> before_taken;
  std::function<void(const std::string& client, const Message&)> after_taken;

  struct Figures {
    std::uint64_t published = 0, taken = 0, lost = 0, repeated = 0, stalled = 0;
  };
  const Figures& figures() const { return figures_; }

 private:
  friend class Client;
  bool Roll(unsigned percent) { return random_.Below(100) < percent; }
  void Route(const Message& message);
  void Deliver(Client& client, const Message& message);

  Scheduler& world_;
  SeededRandom random_;
  bool up_ = true;
  std::uint64_t life_ = 0;
  std::vector<Client*> clients_;
  Figures figures_;
};

class Broker::Client final : public Transport {
 public:
  Client(Broker& broker, std::string name, ProcessLoop& process, std::shared_ptr<Line> line,
         std::vector<std::string> filters);
  ~Client() override;

  void Listen(TransportEvents events) override { events_ = std::move(events); }
  void Connect() override;
  void Disconnect() override;
  Status Publish(const std::string& topic, BytesView payload, bool retained,
                 std::function<void(Status)> confirmed) override;

  // Called before each publish; true: the machine dies here, nothing is sent.
  std::function<bool()> dies_at_publish;

 private:
  friend class Broker;
  // On the process's loop, unless the connection ends before.
  void Later(std::int64_t delay_us, std::function<void()> run);
  void Fall(const std::string& why);

  Broker& broker_;
  std::string name_;
  ProcessLoop& process_;
  std::shared_ptr<Line> line_;
  std::vector<std::string> filters_;
  TransportEvents events_;
  bool connected_ = false;
  std::vector<Message> stalled_up_;
  std::vector<Message> stalled_down_;
  std::shared_ptr<std::uint64_t> connection_ = std::make_shared<std::uint64_t>(1);  // 0: gone.
};

}  // namespace edcsync::simulation
