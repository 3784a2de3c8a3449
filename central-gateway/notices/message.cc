#include "central-gateway/notices/message.h"

#include <cstdio>
#include <cstdlib>

#include "shared/base/json.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kValueBytesMax = 255;  // An OID whole; what is longer is for machines.
constexpr std::size_t kSubjectBytesMax = 240;

// "2026-11-21 08:15 UTC"
std::string ForReaders(WallTime time) {
  std::string text = FormatUtc(time).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

std::string ForReaders(const std::optional<WallTime>& time) {
  return time ? ForReaders(*time) : std::string();
}

// "+1 h 05 min 12 s"
std::string DriftText(std::int64_t drift_ms) {
  const std::int64_t seconds = std::llabs(drift_ms) / 1000;
  char text[64];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%c%lld h %02d min", drift_ms < 0 ? '-' : '+',
                  static_cast<long long>(seconds / 3600), static_cast<int>(seconds / 60 % 60));
  } else {
    std::snprintf(text, sizeof text, "%c%d min %02d s", drift_ms < 0 ? '-' : '+',
                  static_cast<int>(seconds / 60), static_cast<int>(seconds % 60));
  }
  return text;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

TemplateValues MessageMaker::ValuesOf(const NoticeRow& notice) const {
  TemplateValues values;
  const auto set = [&](const char* name, std::string_view text) {
    values[name] = OneLine(text, kValueBytesMax);
  };
  set("study", notice.study.str());
  set("site", notice.site.str());
  values["record"] = notice.record;  // Percent-encoded: it holds no such character.
  if (const Result<RecordKey> key = ParseRecordKey(notice.record); key.ok()) {
    set("subject", key->subject.str());
    set("event", key->event.str());
    set("form", key->form.str());
  }
  if (notice.conflict != SnowflakeId()) set("conflict", std::to_string(notice.conflict.value()));
  if (notice.revision) set("revision", notice.revision->ToHex());
  set("edge", notice.edge.str());
  set("reconciliation", ReconciliationOf(notice));
  if (notice.severity) set("severity", NameOf(templates_.language(), *notice.severity));
  set("reason", ReasonText(templates_.language(), notice.reason));
  set("at", ForReaders(notice.at));
  set("since", ForReaders(notice.since));
  set("due", ForReaders(notice.due_at));
  if (notice.drift_ms) set("drift", DriftText(*notice.drift_ms));
  values["link"] = LinkOf(notice, options_.desk_url);
  values["gateway"] = options_.gateway;
  return values;
}

std::string MessageMaker::SummaryOf(const std::vector<NoticeKindCount>& counts) const {
  std::string summary;
  for (const NoticeKindCount& count : counts) {
    summary.append(summary.empty() ? "" : ", ").append(std::to_string(count.count));
    summary.append(" \u00D7 ").append(NameOf(templates_.language(), count.kind));
  }
  return summary;
}

Message MessageMaker::Make(const NoticeMessageRow& row, const std::vector<NoticeRow>& notices,
                           const std::vector<NoticeKindCount>& counts) const {
  std::uint64_t total = 0;
  for (const NoticeKindCount& count : counts) total += count.count;
  const std::size_t listed = std::min(notices.size(), kNoticesListedMax);
  TemplateValues values;
  values["count"] = std::to_string(total);
  values["summary"] = SummaryOf(counts);
  values["desk"] = options_.desk_url;
  values["gateway"] = options_.gateway;
  values["message"] = std::to_string(row.id.value());
  values["time"] = ForReaders(row.formed_at);
  Json list = Json::array();
  std::string& texts = values["notices"];
  for (std::size_t i = 0; i < listed; ++i) {
    texts += templates_.RenderText(ToString(notices[i].kind), ValuesOf(notices[i])) + "\n";
    list.push_back(NoticeJson(notices[i], options_.desk_url));
  }
  if (!texts.empty()) texts.pop_back();  // The frame ends the line.
  if (total > listed) {
    values["more"] = templates_.Render(
        "more", {{"count", std::to_string(total - listed)}, {"desk", options_.desk_url}});
  }
  Message message;
  message.id = std::to_string(row.id.value());
  message.formed_at = row.formed_at;
  const bool alone = total == 1 && listed == 1;
  message.subject = OneLine(
      alone ? templates_.RenderSubject(ToString(notices.front().kind), ValuesOf(notices.front()))
            : templates_.RenderSubject("digest", values),
      kSubjectBytesMax);
  message.text = templates_.Render("message", values);
  Json json;
  json["version"] = 1;
  json["id"] = message.id;
  json["test"] = false;
  json["gateway"] = options_.gateway;
  json["formedAt"] = FormatUtc(row.formed_at);
  json["count"] = total;
  json["counts"] = Json::object();
  for (const NoticeKindCount& count : counts) {
    json["counts"][std::string(ToString(count.kind))] = count.count;
  }
  json["notices"] = std::move(list);
  json["notListed"] = total - listed;
  json["subject"] = message.subject;
  json["text"] = message.text;
  message.json = Dump(json);
  return message;
}

Message MessageMaker::MakeTest(const std::string& channel, const std::string& id,
                               WallTime now) const {
  const TemplateValues values = {{"channel", channel},
                                 {"gateway", options_.gateway},
                                 {"desk", options_.desk_url},
                                 {"message", id},
                                 {"time", ForReaders(now)}};
  Message message;
  message.id = id;
  message.formed_at = now;
  message.subject = OneLine(templates_.RenderSubject("test", values), kSubjectBytesMax);
  message.text = templates_.RenderText("test", values);
  Json json;
  json["version"] = 1;
  json["id"] = message.id;
  json["test"] = true;
  json["gateway"] = options_.gateway;
  json["formedAt"] = FormatUtc(now);
  json["count"] = 0;
  json["counts"] = Json::object();
  json["notices"] = Json::array();
  json["notListed"] = 0;
  json["subject"] = message.subject;
  json["text"] = message.text;
  message.json = Dump(json);
  return message;
}

}  // namespace edcsync::central
