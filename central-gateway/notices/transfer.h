// One exchange by libcurl. Every option that decides about safety is set here: TLS 1.2 or better
// with the other side's name checked, no redirect, no proxy of the environment, no signal, limits
// of time and size. Private to this folder; only webhook_channel.cc and mail_channel.cc include it.
//
// Threads: one at a time.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>

#include "central-gateway/notices/channel.h"

namespace edcsync::central {

struct TransferOptions {
  std::string protocols;          // As CURLOPT_PROTOCOLS_STR: "https".
  std::string ca_file;            // PEM; empty: the system's authorities.
  std::int64_t timeout_ms = 15'000;
};

class Transfer {
 public:
  // Answers are thrown away past this: what they say is not needed.
  static constexpr std::size_t kAnswerBytesMax = 64 * 1024;

  // `stop` outlives it.
  Transfer(const TransferOptions& options, const std::atomic<bool>& stop);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_.get(); }
  // Kept until the transfer goes.
  void AddHeader(const std::string& line) { Add(headers_, line); }
  void AddRecipient(const std::string& address) { Add(recipients_, address); }
  curl_slist* headers() const { return headers_.get(); }
  curl_slist* recipients() const { return recipients_.get(); }

  CURLcode Perform() { return curl_easy_perform(handle_.get()); }
  bool stopped() const { return stop_.load(); }
  long ResponseCode() const;
  std::int64_t RetryAfterMs() const;
  // What went wrong, for a person; one line.
  std::string Why(CURLcode code) const;

 private:
  struct EasyFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct ListFree {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using List = std::unique_ptr<curl_slist, ListFree>;

  static void Add(List& list, const std::string& line);
  static std::size_t TakeAnswer(char* bytes, std::size_t size, std::size_t count, void* self);
  static int Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  const std::atomic<bool>& stop_;
  List headers_, recipients_;  // Before the handle: it uses them until it goes.
  char error_[CURL_ERROR_SIZE] = {};
  std::size_t answer_bytes_ = 0;
  std::unique_ptr<CURL, EasyFree> handle_;
};

}  // namespace edcsync::central
