#include "draw/markup.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace seqvit::draw {
namespace {

constexpr std::array<std::string_view, 4> kVoidTags = {"meta", "br", "hr", "img"};

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string base64(std::span<const std::byte> bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? std::to_integer<uint32_t>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j)
      text += j <= count ? kDigits[group >> (18 - 6 * j) & 63U] : '=';
  }
  return text;
}

}  // namespace

Markup::Markup(std::string_view text) : text_(escaped(text)) {}

Markup Markup::markup(std::string text) {
  Markup html;
  html.text_ = std::move(text);
  return html;
}

Markup& Markup::operator+=(const Markup& more) {
  text_ += more.text_;
  return *this;
}

Markup operator+(Markup first, const Markup& second) {
  return std::move(first += second);
}

Markup element(std::string_view tag, const Attributes& attributes, const Markup& content) {
  std::string text = "<" + std::string(tag);
  for (const auto& [name, value] : attributes)
    text += " " + name + "=\"" + escaped(value) + "\"";
  text += ">";
  if (std::find(kVoidTags.begin(), kVoidTags.end(), tag) == kVoidTags.end())
    text += content.str() + "</" + std::string(tag) + ">";
  return Markup::markup(std::move(text));
}

Markup element(std::string_view tag, const Attributes& attributes, std::initializer_list<Markup> children) {
  Markup content;
  for (const Markup& child : children)
    content += child;
  return element(tag, attributes, content);
}

std::string png_url(std::span<const std::byte> png) {
  return "data:image/png;base64," + base64(png);
}

}  // namespace seqvit::draw
