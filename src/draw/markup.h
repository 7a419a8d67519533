/// Markup as a value: well-formed and escaped by construction.
///
/// Text turns into Markup only by being escaped, and tags come only in pairs, so neither a file's content nor
/// a forgotten end tag can break a page. SVG elements are made the same way.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seqvit::draw {

class Markup {
 public:
  Markup() = default;
  /// Text, escaped.
  Markup(std::string_view text);
  Markup(const std::string& text) : Markup(std::string_view(text)) {}
  Markup(const char* text) : Markup(std::string_view(text)) {}
  /// Markup that is known to be whole: a style sheet, a document type.
  static Markup markup(std::string text);

  Markup& operator+=(const Markup& more);
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

/// One after the other.
Markup operator+(Markup first, const Markup& second);

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// <tag attributes>content</tag>, attribute values escaped; no end tag for HTML's void elements.
Markup element(std::string_view tag, const Attributes& attributes = {}, const Markup& content = {});
Markup element(std::string_view tag, const Attributes& attributes, std::initializer_list<Markup> children);

/// "data:image/png;base64,..." for an `href` or `src`.
std::string png_url(std::span<const std::byte> png);

}  // namespace seqvit::draw
