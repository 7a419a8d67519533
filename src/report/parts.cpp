#include "report/sections.h"

namespace seqvit::report {

Html section(const std::string& id, const std::string& heading, std::initializer_list<Html> content) {
  Html all = element("h2", {{"id", id + "-heading"}}, heading);
  for (const Html& part : content)
    all += part;
  return element("section", {{"id", id}, {"aria-labelledby", id + "-heading"}}, all);
}

Html paragraph(const Html& text, const char* kind) {
  return kind == nullptr ? element("p", {}, text) : element("p", {{"class", kind}}, text);
}

Html note(const Html& text) {
  return paragraph(text, "note");
}

Html facts_list(const std::vector<std::pair<std::string, std::string>>& facts, const char* kind) {
  Html rows;
  for (const auto& [name, value] : facts) {
    if (!value.empty()) rows += element("div", {}, {element("dt", {}, name), element("dd", {}, value)});
  }
  return kind == nullptr ? element("dl", {}, rows) : element("dl", {{"class", kind}}, rows);
}

Html scrolling_table(const std::string& name, const Html& content) {
  return element("div", {{"class", "scroll"}, {"role", "region"}, {"aria-label", name}, {"tabindex", "0"}},
                 element("table", {}, content));
}

}  // namespace seqvit::report
