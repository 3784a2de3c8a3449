// The texts of notices with named placeholders ({{site}}): the built-in ones of a language, or an
// operator's own in DIR/notices/NAME.txt, checked when they are read.
//
//   message       the frame around every message: {{notices}} {{more}} {{desk}} ...
//   digest        the subject of a message that holds several notices
//   more          what stands for notices beyond the list
//   test          what `notices test` sends: subject, then text
//   KIND          a notice: subject of a message that holds nothing else, then text
//
// A line whose placeholders are all empty is left out. What a placeholder stands for is put in as
// it is and not looked into again. Threads: any, once made.
#pragma once

#include <map>

#include "central-gateway/notices/notice_texts.h"

namespace edcsync::central {

// By the placeholder's name.
using TemplateValues = std::map<std::string, std::string, std::less<>>;

class Templates {
 public:
  static Templates BuiltIn(NoticeLanguage language);
  // With the files of `folder`, which need not exist. kConfiguration names file, line and what is
  // allowed, also for a file whose name is no template's.
  static Result<Templates> Load(NoticeLanguage language, const std::string& folder);

  NoticeLanguage language() const { return language_; }
  // The whole text. REQUIRES: `name` is a template's.
  std::string Render(std::string_view name, const TemplateValues& values) const;
  // Its first line, without the end of line, and what follows it.
  std::string RenderSubject(std::string_view name, const TemplateValues& values) const;
  std::string RenderText(std::string_view name, const TemplateValues& values) const;

 private:
  explicit Templates(NoticeLanguage language) : language_(language) {}

  NoticeLanguage language_;
  std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace edcsync::central
