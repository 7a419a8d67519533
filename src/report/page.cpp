#include "report/page.h"

#include "core/version.h"
#include "report/style.h"

namespace seqvit::report {

std::string page(const std::string& title, const Html& body) {
  const Html head =
      element("head", {},
              {element("meta", {{"charset", "utf-8"}}),
               element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}),
               element("meta", {{"name", "color-scheme"}, {"content", "light dark"}}),
               element("title", {}, title), element("style", {}, Html::markup(report_style()))});
  const Html footer = element("footer", {}, std::string("Made by seqvit ") + kVersion + ".");
  return "<!DOCTYPE html>\n" +
         element("html", {{"lang", "en"}}, {head, element("body", {}, body + footer)}).str() + "\n";
}

}  // namespace seqvit::report
