// The link between an edge and the broker, in the test's hands: it forwards TCP from a port of its
// own to the broker's, and can be cut, refused, restored, stalled in one direction, or made to fail
// after so many bytes.
//
// Threads: its own forwards; all calls from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace edcsync::testing {

class TcpProxy {
 public:
  enum class Way { kUp, kDown };  // Up: from the edge to the broker.

  explicit TcpProxy(int target_port);
  ~TcpProxy();

  int port() const { return port_; }

  void Cut();      // Every connection breaks; new ones break at once.
  void Refuse();   // The same, but new ones are refused, as where nobody listens.
  // New connections pass again; stalls and counts are forgotten.
  void Restore();
  // Connections stay, but nothing goes this way any more.
  void Stall(Way way);
  // Once `bytes` more went this way: every connection breaks, in the middle of whatever was being
  // said; new ones pass.
  void BreakAfter(Way way, std::int64_t bytes);
  // Once `bytes` more went this way: as Stall.
  void StallAfter(Way way, std::int64_t bytes);

  std::uint64_t accepted() const { return accepted_; }  // Connections that were tried.
  std::uint64_t breaks() const { return breaks_; }      // Times BreakAfter came true.
  bool stalled(Way way) const;
  std::uint64_t bytes(Way way) const { return moved_[Index(way)]; }

 private:
  struct Pipe {  // One direction of a connection.
    std::vector<char> waiting;
  };
  struct Pair {
    int edge = -1, broker = -1;
    Pipe up, down;
  };
  enum class Then { kNothing, kBreak, kStall };
  struct Rule {
    std::int64_t bytes_left = 0;
    Then then = Then::kNothing;
    bool stalled = false;
  };

  static std::size_t Index(Way way) { return way == Way::kUp ? 0 : 1; }
  void Bind(int port);  // A new listener, which does not listen yet.
  void Run();
  void Accept();
  bool Move(Pair& pair, Way way);  // False if the connection has ended.
  bool Spend(Way way, std::int64_t bytes);
  void CloseAll();
  void Wake() const;

  int target_port_;
  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  mutable std::mutex mutex_;  // Guards all below but the atomics.
  std::list<Pair> pairs_;
  Rule rules_[2];
  bool cut_ = false;
  bool refusing_ = false;
  bool stopping_ = false;
  bool break_now_ = false;
  std::atomic<std::uint64_t> accepted_{0}, breaks_{0};
  std::atomic<std::uint64_t> moved_[2] = {0, 0};
  std::thread thread_;
};

}  // namespace edcsync::testing
