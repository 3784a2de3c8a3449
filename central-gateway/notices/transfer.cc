#include "central-gateway/notices/transfer.h"

#include <mutex>

#include "shared/base/check.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kWhyBytesMax = 300;
constexpr std::int64_t kRetryAfterSecondsMax = 3600;

void InitializeOnce() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

template <class Value>
void Set(CURL* handle, CURLoption option, Value value) {
  // Fails only if this libcurl lacks the option, or is out of memory.
  CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

Transfer::Transfer(const TransferOptions& options, const std::atomic<bool>& stop) : stop_(stop) {
  InitializeOnce();
  handle_.reset(curl_easy_init());
  CHECK(handle_ != nullptr);
  CURL* handle = handle_.get();
  Set(handle, CURLOPT_ERRORBUFFER, error_);
  Set(handle, CURLOPT_NOSIGNAL, 1L);  // There are other threads.
  Set(handle, CURLOPT_PROTOCOLS_STR, options.protocols.c_str());
  Set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  Set(handle, CURLOPT_PROXY, "");     // Not the environment's.
  Set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  Set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  Set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) {
    // That authority and no other: the system's folder of authorities would be trusted beside it.
    Set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
    Set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  // To libcurl a mail server's greeting is a part of connecting, and many make strangers wait for it.
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.timeout_ms));
  Set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_ms));
  Set(handle, CURLOPT_WRITEFUNCTION, &Transfer::TakeAnswer);
  Set(handle, CURLOPT_WRITEDATA, this);
  Set(handle, CURLOPT_NOPROGRESS, 0L);
  Set(handle, CURLOPT_XFERINFOFUNCTION, &Transfer::Progress);
  Set(handle, CURLOPT_XFERINFODATA, this);
}

void Transfer::Add(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  CHECK(longer != nullptr);
  static_cast<void>(list.release());  // It is the head of `longer`, or was empty.
  list.reset(longer);
}

std::size_t Transfer::TakeAnswer(char*, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  transfer->answer_bytes_ += size * count;
  return transfer->answer_bytes_ <= kAnswerBytesMax ? size * count : 0;
}

int Transfer::Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(self)->stopped() ? 1 : 0;
}

long Transfer::ResponseCode() const {
  long code = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

std::int64_t Transfer::RetryAfterMs() const {
  curl_off_t seconds = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &seconds);
  return std::clamp<std::int64_t>(seconds, 0, kRetryAfterSecondsMax) * 1000;
}

std::string Transfer::Why(CURLcode code) const {
  const std::string_view text = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  std::string line = OneLine(text, kWhyBytesMax);
  // Part of it may be what the other side sent.
  if (!IsUtf8(line)) line = curl_easy_strerror(code);
  return line;
}

Result<ChannelUrl> CheckChannelUrl(const std::string& url, std::string_view secure,
                                   std::string_view plain) {
  const auto wrong = [&] {
    return Fail(ErrorCode::kFieldInvalid,
                std::string(secure) + "://HOST..., or " + std::string(plain) +
                    "://HOST... on a loopback address, without user, password and fragment");
  };
  const std::unique_ptr<CURLU, UrlFree> parsed(curl_url());
  CHECK(parsed != nullptr);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return wrong();
  ChannelUrl checked;
  checked.scheme = PartOf(parsed.get(), CURLUPART_SCHEME);
  checked.host = PartOf(parsed.get(), CURLUPART_HOST);
  checked.loopback = IsLoopback(checked.host);
  const bool allowed =
      checked.scheme == secure || (checked.scheme == plain && checked.loopback);
  if (!allowed || checked.host.empty()) return wrong();
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT}) {
    if (!PartOf(parsed.get(), part).empty()) return wrong();
  }
  return checked;
}

}  // namespace edcsync::central
