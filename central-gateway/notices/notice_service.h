// The notices of a running gateway: a thread that finds what is new (watch.h), and one for each
// channel that sends (sender.h), so that a mail server which hangs holds up nothing but mail.
//
//   started by   central-gateway/app/gateway.h, after the store; stopped before it
//
// Threads: Start and the destructor from one; it has its own. Its mutex is a leaf.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "central-gateway/notices/mail_channel.h"
#include "central-gateway/notices/sender.h"
#include "central-gateway/notices/watch.h"
#include "central-gateway/notices/webhook_channel.h"

namespace edcsync::central {

// What the configuration says. Files are read by OpenChannels and Templates::Load.
struct NoticesSettings {
  struct Webhook {
    WebhookOptions options;        // Without its secret,
    std::string secret_file;       // which stands here.
    NoticeTopics topics;
  };
  struct Mail {
    MailOptions options;           // Likewise.
    std::string password_file;     // Empty: no log-in.
    NoticeTopics topics;
  };
  NoticeLanguage language = NoticeLanguage::kEnglish;
  std::int64_t digest_ms = 15 * 60'000;
  std::int64_t edge_silent_ms = 24LL * 3600 * 1000;
  std::int64_t clock_drift_ms = 5LL * 60 * 1000;
  std::int64_t reconcile_every_ms = 0;  // Of [reconcile]; 0: no schedule.
  std::string desk_url;            // Empty: the desk's own address.
  std::vector<Webhook> webhooks;
  std::optional<Mail> mail;
  bool empty() const { return webhooks.empty() && !mail; }
};

// A channel and what it asks for.
struct OpenedChannel {
  std::unique_ptr<Channel> channel;
  NoticeTopics topics;
};
// Reads secrets and passwords: files of one line, mode 0600, a secret of 16 bytes at least. Errors
// name the file and what is wrong with it. `clock` outlives them.
Result<std::vector<OpenedChannel>> OpenChannels(const NoticesSettings& settings,
                                                const Clock& clock);

class NoticeService {
 public:
  // `store`, `clock` and `random` outlive it.
  NoticeService(const NoticesSettings& settings, std::vector<OpenedChannel> channels,
                MessageMaker maker, const DueTimes& due_times, const std::string& gateway,
                CentralStore& store, const Clock& clock, Random& random);
  ~NoticeService();  // Stops: breaks off what is on its way; it will be sent again.
  NoticeService(const NoticeService&) = delete;
  NoticeService& operator=(const NoticeService&) = delete;

 private:
  void RunWatch();
  void RunSender(Sender& sender);
  // False once it stops.
  bool Sleep(std::int64_t ms);

  std::vector<OpenedChannel> channels_;
  MessageMaker maker_;
  std::unique_ptr<Watch> watch_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;  // Last: they use everything above.
};

}  // namespace edcsync::central
