#include "tests/simulation/broker.h"

#include <algorithm>

namespace edcsync::simulation {
namespace {

// A filter's '+' stands for one level.
bool MatchesTopic(std::string_view filter, std::string_view topic) {
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

}  // namespace

Broker::Client::Client(Broker& broker, std::string name, ProcessLoop& process,
                       std::shared_ptr<Line> line, std::vector<std::string> filters)
    : broker_(broker),
      name_(std::move(name)),
      process_(process),
      line_(std::move(line)),
      filters_(std::move(filters)) {
  broker_.clients_.push_back(this);
}

Broker::Client::~Client() {
  *connection_ = 0;
  std::erase(broker_.clients_, this);
}

void Broker::Client::Later(std::int64_t delay_us, std::function<void()> run) {
  process_.After(delay_us, [connection = connection_, then = *connection_, run = std::move(run)] {
    if (*connection == then) run();
  });
}

void Broker::Client::Connect() {
  Later(1000, [this] {
    if (!broker_.up_ || *line_ == Line::kCut || *line_ == Line::kStalls) {
      return events_.disconnected({ErrorCode::kNotConnected, "no broker"});
    }
    connected_ = true;
    events_.connected();
  });
}

void Broker::Client::Disconnect() {
  connected_ = false;
  stalled_up_.clear();
  stalled_down_.clear();
  ++*connection_;
}

void Broker::Client::Fall(const std::string& why) {
  if (!connected_) return;
  Disconnect();
  Later(0, [this, why] { events_.disconnected({ErrorCode::kNotConnected, why}); });
}

Status Broker::Client::Publish(const std::string& topic, BytesView payload, bool,
                               std::function<void(Status)> confirmed) {
  if (dies_at_publish && dies_at_publish()) return Fail(ErrorCode::kNotConnected, "dead");
  if (!connected_) return Fail(ErrorCode::kNotConnected, "not connected");
  Message message{topic, Bytes(payload.begin(), payload.end())};
  ++broker_.figures_.published;
  if (broker_.on_publish) broker_.on_publish(name_, message);
  if (*line_ == Line::kLosesUp) {
    ++broker_.figures_.lost;
    return Ok();  // Never confirmed: TCP goes on repeating into the void.
  }
  if (*line_ == Line::kStalls) {
    ++broker_.figures_.stalled;
    stalled_up_.push_back(std::move(message));
    return Ok();
  }
  broker_.Route(message);
  Later(500, [confirmed = std::move(confirmed)] { confirmed(Ok()); });
  return Ok();
}

std::unique_ptr<Broker::Client> Broker::NewClient(const std::string& name, ProcessLoop& process,
                                                  std::shared_ptr<Line> line,
                                                  std::vector<std::string> filters) {
  return std::make_unique<Client>(*this, name, process, std::move(line), std::move(filters));
}

void Broker::Restart(std::int64_t down_us) {
  up_ = false;
  const std::uint64_t life = ++life_;
  for (Client* client : clients_) client->Fall("the broker went away");
  world_.After(down_us, [this, life] {
    if (life == life_) up_ = true;
  });
}

void Broker::LineChanged(const std::shared_ptr<Line>& line) {
  for (Client* client : std::vector<Client*>(clients_)) {
    if (client->line_ != line) continue;
    if (*line == Line::kCut) client->Fall("the line is cut");
    if (*line != Line::kGood) continue;
    for (const Message& message : std::exchange(client->stalled_up_, {})) Route(message);
    for (const Message& message : std::exchange(client->stalled_down_, {})) {
      Deliver(*client, message);
    }
  }
}

void Broker::Route(const Message& message) {
  constexpr std::string_view kShared = "$share/gateways/";
  std::vector<Client*> members;
  for (Client* client : clients_) {
    if (!client->connected_) continue;
    for (const std::string& filter : client->filters_) {
      if (filter.starts_with(kShared)) {
        if (MatchesTopic(filter.substr(kShared.size()), message.topic)) members.push_back(client);
      } else if (MatchesTopic(filter, message.topic)) {
        Deliver(*client, message);
      }
    }
  }
  if (!members.empty()) Deliver(*members[random_.Below(members.size())], message);
}

void Broker::Deliver(Client& client, const Message& message) {
  if (*client.line_ == Line::kLosesDown || Roll(weather.lose_percent)) {
    ++figures_.lost;
    return;
  }
  if (*client.line_ == Line::kStalls) {
    ++figures_.stalled;
    client.stalled_down_.push_back(message);
    return;
  }
  const int times = Roll(weather.repeat_percent) ? 2 : 1;
  if (times == 2) ++figures_.repeated;
  for (int i = 0; i < times; ++i) {
    const auto bound = static_cast<std::uint64_t>(weather.delay_us_max) + 1;
    client.Later(static_cast<std::int64_t>(random_.Below(bound)), [this, &client, message] {
      ++figures_.taken;
      const std::string name = client.name_;
      if (before_taken) before_taken(name, message);
      client.events_.message(message);
      if (after_taken) after_taken(name, message);
    });
  }
}

}  // namespace edcsync::simulation
