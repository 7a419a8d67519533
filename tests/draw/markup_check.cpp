#include "draw/markup_check.h"

#include <algorithm>

namespace seqvit::draw {
namespace {

bool is_void(const std::string& tag) {
  return tag == "meta" || tag == "br" || tag == "hr" || tag == "img" || tag == "!DOCTYPE";
}

// Whether a tag's inside is a name and then name="value" pairs.
bool well_formed(std::string_view inside) {
  if (inside == "!DOCTYPE html") return true;
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-/";
  inside.remove_prefix(std::min(inside.find_first_not_of(letters), inside.size()));
  while (!inside.empty()) {
    if (inside.front() != ' ') return false;
    inside.remove_prefix(1);
    const size_t equals = inside.find_first_not_of(letters);
    if (equals == 0 || inside.substr(equals, 2) != "=\"") return false;
    const size_t quote = inside.find('"', equals + 2);
    if (quote == std::string_view::npos || inside.substr(0, quote).find('<') != std::string_view::npos)
      return false;
    inside.remove_prefix(quote + 1);
  }
  return true;
}

std::string text_problem(std::string_view text) {
  if (text.find('>') != std::string_view::npos) return "unescaped >";
  for (size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
    const std::string_view entity = text.substr(at, text.find(';', at) - at);
    if (entity != "&amp" && entity != "&lt" && entity != "&gt" && entity != "&quot" && entity != "&#39")
      return "unescaped &";
  }
  return "";
}

}  // namespace

std::string markup_problem(std::string_view page) {
  std::vector<std::string> open;
  size_t at = 0;
  while (at < page.size()) {
    const size_t start = std::min(page.find('<', at), page.size());
    if (open.empty() || open.back() != "style") {
      const std::string problem = text_problem(page.substr(at, start - at));
      if (!problem.empty()) return problem + " in: " + std::string(page.substr(at, start - at));
    }
    if (start == page.size()) break;
    const size_t end = page.find('>', start);
    if (end == std::string_view::npos) return "a tag without an end";
    const std::string inside(page.substr(start + 1, end - start - 1));
    if (!well_formed(inside)) return "malformed tag: " + inside.substr(0, 200);
    const std::string name = inside.substr(0, inside.find(' '));
    if (name.starts_with("/")) {
      if (open.empty() || open.back() != name.substr(1)) return "unexpected <" + name + ">";
      open.pop_back();
    } else if (!is_void(name)) {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

int occurrences(std::string_view page, std::string_view text) {
  int count = 0;
  for (size_t at = page.find(text); at != std::string_view::npos; at = page.find(text, at + text.size()))
    ++count;
  return count;
}

std::vector<std::string> attribute_values(std::string_view page, const std::string& name) {
  std::vector<std::string> values;
  const std::string start = " " + name + "=\"";
  for (size_t at = page.find(start); at != std::string_view::npos; at = page.find(start, at + 1)) {
    const size_t first = at + start.size();
    values.emplace_back(page.substr(first, page.find('"', first) - first));
  }
  return values;
}

}  // namespace seqvit::draw
