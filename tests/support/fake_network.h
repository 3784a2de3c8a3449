// A broker in memory, and the Transports of its clients: it loses, repeats, delays and reorders
// what its chances say, by a seed. A publish is confirmed whether or not it arrives, as a real
// broker's is. Retained messages and wills are not kept: nothing of the protocol reads them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/random.h"
#include "shared/base/scheduler.h"
#include "shared/transport/transport.h"

namespace edcsync::testing {

class FakeBroker {
 public:
  struct Chances {
    unsigned lose_percent = 0;
    unsigned repeat_percent = 0;
    std::int64_t delay_us_max = 2'000;
  };
  FakeBroker(Scheduler& scheduler, std::uint64_t seed) : scheduler_(scheduler), random_(seed) {}

  class Client;
  // Filters as of MQTT, '+' for a level; "$share/NAME/..." goes to one member.
  std::unique_ptr<Client> NewClient(std::vector<std::string> filters);

  Chances chances;
  bool up = true;

 private:
  friend class Client;
  bool Roll(unsigned percent) { return random_.Below(100) < percent; }
  void Route(const Message& message);
  void Deliver(Client& client, const Message& message);

  Scheduler& scheduler_;
  SeededRandom random_;
  std::vector<Client*> clients_;
};

class FakeBroker::Client final : public Transport {
 public:
  Client(FakeBroker& broker, std::vector<std::string> filters)
      : broker_(broker), filters_(std::move(filters)) {
    broker_.clients_.push_back(this);
  }
  ~Client() override {
    *alive_ = 0;
    std::erase(broker_.clients_, this);
  }

  void Listen(TransportEvents events) override { events_ = std::move(events); }
  void Connect() override {
    Later(1000, [this] {
      if (!broker_.up || cut_) {
        return events_.disconnected({ErrorCode::kNotConnected, "no broker"});
      }
      connected_ = true;
      events_.connected();
    });
  }
  void Disconnect() override {
    connected_ = false;
    ++*alive_;
  }
  Status Publish(const std::string& topic, BytesView payload, bool,
                 std::function<void(Status)> confirmed) override {
    if (!connected_) return Fail(ErrorCode::kNotConnected, "not connected");
    broker_.Route({topic, Bytes(payload.begin(), payload.end())});
    Later(500, [confirmed] { confirmed(Ok()); });
    return Ok();
  }

  // The link is cut, and stays so until it is mended.
  void Cut(bool cut) {
    cut_ = cut;
    if (!cut || !connected_) return;
    Disconnect();
    Later(0, [this] { events_.disconnected({ErrorCode::kNotConnected, "cut"}); });
  }
  // A process that hangs: what comes for it waits, until it goes on.
  void Hang(bool hang) {
    hanging_ = hang;
    for (Message& message : std::exchange(parked_, {})) events_.message(std::move(message));
  }

 private:
  friend class FakeBroker;
  // Unless the connection ends before.
  void Later(std::int64_t delay_us, std::function<void()> run) {
    broker_.scheduler_.After(delay_us, [alive = alive_, then = *alive_, run = std::move(run)] {
      if (*alive == then) run();
    });
  }

  FakeBroker& broker_;
  std::vector<std::string> filters_;
  TransportEvents events_;
  bool connected_ = false;
  bool cut_ = false;
  bool hanging_ = false;
  std::vector<Message> parked_;
  std::shared_ptr<std::uint64_t> alive_ = std::make_shared<std::uint64_t>(1);  // 0: gone.
};

inline std::unique_ptr<FakeBroker::Client> FakeBroker::NewClient(
    std::vector<std::string> filters) {
  return std::make_unique<Client>(*this, std::move(filters));
}

// A filter's '+' stands for one level.
inline bool MatchesTopic(std::string_view filter, std::string_view topic) {
  while (true) {
    const auto level = filter.substr(0, filter.find('/'));
    const auto name = topic.substr(0, topic.find('/'));
    if (level != "+" && level != name) return false;
    if (level.size() == filter.size() || name.size() == topic.size()) {
      return level.size() == filter.size() && name.size() == topic.size();
    }
    filter.remove_prefix(level.size() + 1);
    topic.remove_prefix(name.size() + 1);
  }
}

inline void FakeBroker::Route(const Message& message) {
  constexpr std::string_view kShared = "$share/gateways/";
  std::vector<Client*> members;
  for (Client* client : clients_) {
    if (!client->connected_) continue;
    for (const std::string& filter : client->filters_) {
      if (filter.starts_with(kShared)) {
        const bool matches = MatchesTopic(filter.substr(kShared.size()), message.topic);
        if (matches && !client->hanging_) members.push_back(client);
      } else if (MatchesTopic(filter, message.topic)) {
        Deliver(*client, message);
      }
    }
  }
  if (!members.empty()) Deliver(*members[random_.Below(members.size())], message);
}

inline void FakeBroker::Deliver(Client& client, const Message& message) {
  if (Roll(chances.lose_percent)) return;
  const int times = Roll(chances.repeat_percent) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    const auto bound = static_cast<std::uint64_t>(chances.delay_us_max) + 1;
    client.Later(static_cast<std::int64_t>(random_.Below(bound)), [&client, message] {
      if (client.hanging_) {
        client.parked_.push_back(message);
      } else {
        client.events_.message(message);
      }
    });
  }
}

}  // namespace edcsync::testing
