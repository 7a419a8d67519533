#include "draw/scene.h"

#include <algorithm>

namespace seqvit::draw {
namespace {

constexpr double kLetterWidth =
    0.62;  // of the font's size: a digit of DejaVu Sans is 0.64 wide, text 0.58 on average

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;  // UTF-8
}

}  // namespace

double text_width(Role role, const std::string& text) {
  return kLetterWidth * style_of(role).size *
         static_cast<double>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string fitted(const std::string& text, Role role, double width) {
  if (text_width(role, text) <= width) return text;
  std::string shown = text;
  while (!shown.empty() && text_width(role, shown + "...") > width) {
    while (!begins_character(shown.back()))
      shown.pop_back();
    shown.pop_back();
  }
  return shown + "...";
}

}  // namespace seqvit::draw
