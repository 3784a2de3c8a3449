// One message to a channel: everything that had gathered for it, as a subject, a text and a JSON
// body. A message that is sent again, after a failure or a crash, is made again from the same rows
// and times: it has the same id and says the same.
//
//   made by      central-gateway/notices/sender.h
//   carried by   webhook_channel.h (json), mail_channel.h (subject, text)
//
// Threads: any.
#pragma once

#include "central-gateway/notices/templates.h"

namespace edcsync::central {

// The list of notices in a message ends here; what is beyond is counted. Nobody reads more.
inline constexpr std::size_t kNoticesListedMax = 50;

struct Message {
  std::string id;         // Decimal; the same whenever it is sent again.
  WallTime formed_at;
  std::string subject;    // One line.
  std::string text;       // Lines that end in LF.
  std::string json;       // schema/notices.md.
};

// What the gateway says of itself in messages.
struct MessageOptions {
  std::string gateway;
  std::string desk_url;   // Without a slash at its end; empty: no links.
};

class MessageMaker {
 public:
  MessageMaker(MessageOptions options, Templates templates)
      : options_(std::move(options)), templates_(std::move(templates)) {}

  // `notices`: the first of them, as NoticesIn gives them; `counts`: of all.
  Message Make(const NoticeMessageRow& row, const std::vector<NoticeRow>& notices,
               const std::vector<NoticeKindCount>& counts) const;
  // What `notices test` sends.
  Message MakeTest(const std::string& channel, const std::string& id, WallTime now) const;

 private:
  TemplateValues ValuesOf(const NoticeRow& notice) const;
  std::string SummaryOf(const std::vector<NoticeKindCount>& counts) const;

  MessageOptions options_;
  Templates templates_;
};

}  // namespace edcsync::central
