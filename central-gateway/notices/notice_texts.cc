#include "central-gateway/notices/notice_texts.h"

#include "shared/base/check.h"

namespace edcsync::central {
namespace {

struct Text {
  std::string_view name, english, chinese;
};

// A kind's first line is the subject of a message that holds nothing else; the rest stands in the
// message.
constexpr Text kTemplates[] = {
    {"message",
     "{{notices}}\n"
     "{{more}}\n"
     "The conflict desk: {{desk}}\n"
     "\n"
     "-- \n"
     "edcsync gateway {{gateway}}, message {{message}}. Notices hold no values: log in to see "
     "them.\n",
     "{{notices}}\n"
     "{{more}}\n"
     "冲突处理台：{{desk}}\n"
     "\n"
     "-- \n"
     "edcsync 网关 {{gateway}}，消息 {{message}}。通知中不含数据值，请登录查看。\n"},
    {"digest",
     "[edcsync] {{count}} notices: {{summary}}\n",
     "[edcsync] {{count}} 条通知：{{summary}}\n"},
    {"more", "... and {{count}} more.\n", "……另有 {{count}} 条。\n"},
    {"test",
     "[edcsync] Test of channel {{channel}}\n"
     "This is a test. Gateway {{gateway}} reaches the channel {{channel}}.\n"
     "The conflict desk: {{desk}}\n",
     "[edcsync] 通道 {{channel}} 测试\n"
     "这是一条测试消息。网关 {{gateway}} 可以到达通道 {{channel}}。\n"
     "冲突处理台：{{desk}}\n"},
    {"hard_conflict",
     "[edcsync] Hard conflict: {{study}}, site {{site}}, subject {{subject}}\n"
     "Hard conflict {{conflict}}, study {{study}}, site {{site}}, subject {{subject}}\n"
     "  record {{record}}\n"
     "  opened {{at}}, to be decided by {{due}}\n"
     "  {{link}}\n",
     "[edcsync] 硬冲突：{{study}}，中心 {{site}}，受试者 {{subject}}\n"
     "硬冲突 {{conflict}}，研究 {{study}}，中心 {{site}}，受试者 {{subject}}\n"
     "  记录 {{record}}\n"
     "  产生于 {{at}}，处理期限 {{due}}\n"
     "  {{link}}\n"},
    {"conflict_overdue",
     "[edcsync] Overdue conflict: {{study}}, site {{site}}, subject {{subject}}\n"
     "Overdue: {{severity}} conflict {{conflict}}, study {{study}}, site {{site}}, subject "
     "{{subject}}\n"
     "  record {{record}}\n"
     "  opened {{at}}, was to be decided by {{due}}\n"
     "  {{link}}\n",
     "[edcsync] 冲突已逾期：{{study}}，中心 {{site}}，受试者 {{subject}}\n"
     "已逾期：{{severity}} {{conflict}}，研究 {{study}}，中心 {{site}}，受试者 {{subject}}\n"
     "  记录 {{record}}\n"
     "  产生于 {{at}}，处理期限 {{due}}\n"
     "  {{link}}\n"},
    {"quarantine",
     "[edcsync] Quarantine: site {{site}}, {{reason}}\n"
     "In quarantine: a revision from site {{site}} waits for a decision ({{reason}})\n"
     "  record {{record}}\n"
     "  revision {{revision}}\n"
     "  received {{at}}\n"
     "  {{link}}\n",
     "[edcsync] 隔离：中心 {{site}}，{{reason}}\n"
     "已隔离：来自中心 {{site}} 的一个修订等待处理（{{reason}}）\n"
     "  记录 {{record}}\n"
     "  修订 {{revision}}\n"
     "  到达时间 {{at}}\n"
     "  {{link}}\n"},
    {"edge_silent",
     "[edcsync] Silent: edge {{edge}} of site {{site}}\n"
     "Silent: edge {{edge}} of site {{site}} was last heard of {{at}}\n"
     "  {{link}}\n",
     "[edcsync] 失联：中心 {{site}} 的边缘节点 {{edge}}\n"
     "失联：中心 {{site}} 的边缘节点 {{edge}}，最近联系 {{at}}\n"
     "  {{link}}\n"},
    {"edge_back",
     "[edcsync] Back again: edge {{edge}} of site {{site}}\n"
     "Back again: edge {{edge}} of site {{site}}, silent since {{since}}, was heard of {{at}}\n"
     "  {{link}}\n",
     "[edcsync] 已恢复：中心 {{site}} 的边缘节点 {{edge}}\n"
     "已恢复：中心 {{site}} 的边缘节点 {{edge}}，自 {{since}} 失联，恢复联系于 {{at}}\n"
     "  {{link}}\n"},
    {"clock_drift",
     "[edcsync] Clock wrong: edge {{edge}} of site {{site}}\n"
     "Clock wrong: the clock of edge {{edge}} of site {{site}} is off by {{drift}}\n"
     "  measured {{at}}\n"
     "  {{link}}\n",
     "[edcsync] 时钟偏差：中心 {{site}} 的边缘节点 {{edge}}\n"
     "时钟偏差：中心 {{site}} 的边缘节点 {{edge}} 偏差 {{drift}}\n"
     "  测量于 {{at}}\n"
     "  {{link}}\n"},
    {"clock_right",
     "[edcsync] Clock right again: edge {{edge}} of site {{site}}\n"
     "Clock right again: the clock of edge {{edge}} of site {{site}} is off by {{drift}} only\n"
     "  measured {{at}}\n"
     "  {{link}}\n",
     "[edcsync] 时钟已恢复：中心 {{site}} 的边缘节点 {{edge}}\n"
     "时钟已恢复：中心 {{site}} 的边缘节点 {{edge}} 偏差仅 {{drift}}\n"
     "  测量于 {{at}}\n"
     "  {{link}}\n"},
    {"reconciliation_mended",
     "[edcsync] Differences mended: edge {{edge}} of site {{site}}\n"
     "Differences mended: site {{site}} (edge {{edge}}) and the centre did not hold the same data; what "
     "was missing or damaged was brought back\n"
     "  ended {{at}}\n"
     "  central-gateway reconcile show {{reconciliation}}\n",
     "[edcsync] 差异已修复：中心 {{site}} 的边缘节点 {{edge}}\n"
     "差异已修复：中心 {{site}}（边缘节点 {{edge}}）与总部的数据曾不一致，缺失或损坏的数据已恢复\n"
     "  完成于 {{at}}\n"
     "  central-gateway reconcile show {{reconciliation}}\n"},
    {"reconciliation_unmended",
     "[edcsync] Differences or no comparison: edge {{edge}} of site {{site}}\n"
     "To be looked at: site {{site}} (edge {{edge}}) and the centre do not hold the same data, or could "
     "not be compared\n"
     "  ended {{at}}\n"
     "  central-gateway reconcile show {{reconciliation}}\n",
     "[edcsync] 存在差异或无法比对：中心 {{site}} 的边缘节点 {{edge}}\n"
     "需要处理：中心 {{site}}（边缘节点 {{edge}}）与总部的数据不一致，或无法完成比对\n"
     "  完成于 {{at}}\n"
     "  central-gateway reconcile show {{reconciliation}}\n"},
    {"reconciliation_overdue",
     "[edcsync] Not compared: edge {{edge}} of site {{site}}\n"
     "Not compared: site {{site}} (edge {{edge}}) and the centre were last compared {{since}}; it was due "
     "{{due}}\n"
     "  last contact {{at}}\n"
     "  central-gateway reconcile --edge {{edge}}\n",
     "[edcsync] 未按期比对：中心 {{site}} 的边缘节点 {{edge}}\n"
     "未按期比对：中心 {{site}}（边缘节点 {{edge}}）与总部上次比对于 {{since}}，应在 {{due}} 前比对\n"
     "  最近联系 {{at}}\n"
     "  central-gateway reconcile --edge {{edge}}\n"},
};

constexpr Text kKinds[] = {
    {"hard_conflict", "hard conflict", "硬冲突"},
    {"conflict_overdue", "conflict overdue", "冲突逾期"},
    {"quarantine", "quarantine", "隔离"},
    {"edge_silent", "edge silent", "边缘节点失联"},
    {"edge_back", "edge back", "边缘节点恢复"},
    {"clock_drift", "clock wrong", "时钟偏差"},
    {"clock_right", "clock right again", "时钟恢复"},
    {"reconciliation_mended", "differences mended", "差异已修复"},
    {"reconciliation_unmended", "differences or no comparison", "存在差异或无法比对"},
    {"reconciliation_overdue", "not compared", "未按期比对"},
};

constexpr Text kReasons[] = {
    {"locked", "the record is locked", "记录已锁定"},
    {"study_definition", "not in the study's definition", "研究定义中没有该内容"},
    {"field_invalid", "a field is not valid", "有值不符合要求"},
    {"field_missing", "a field is missing", "缺少内容"},
    {"version_mismatch", "its version does not follow its parents'", "版本号与父修订不符"},
    {"wrong_site", "the subject belongs to another site", "受试者属于其他中心"},
    {"malformed", "it cannot be read", "无法解读"},
};

template <std::size_t n>
const Text* Find(const Text (&texts)[n], std::string_view name) {
  for (const Text& text : texts) {
    if (text.name == name) return &text;
  }
  return nullptr;
}

std::string_view In(NoticeLanguage language, const Text& text) {
  return language == NoticeLanguage::kChinese ? text.chinese : text.english;
}

}  // namespace

std::string_view BuiltInTemplate(NoticeLanguage language, std::string_view name) {
  const Text* text = Find(kTemplates, name);
  CHECK(text != nullptr);
  return In(language, *text);
}

std::string_view NameOf(NoticeLanguage language, NoticeKind kind) {
  const Text* text = Find(kKinds, ToString(kind));
  CHECK(text != nullptr);
  return In(language, *text);
}

std::string_view NameOf(NoticeLanguage language, Severity severity) {
  if (language == NoticeLanguage::kEnglish) return ToString(severity);
  return severity == Severity::kHard ? "硬冲突" : "软冲突";
}

std::string_view ReasonText(NoticeLanguage language, std::uint16_t reason) {
  const ErrorInfo* error = FindError(reason);
  if (error == nullptr) return "";
  const Text* text = Find(kReasons, error->name);
  return text == nullptr ? error->name : In(language, *text);
}

}  // namespace edcsync::central
