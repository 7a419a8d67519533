#include "draw/style.h"

#include <fmt/core.h>

namespace seqvit::draw {
namespace {

// In the order of Role.
constexpr std::array<Style, 17> kStyles = {{
    {.name = "grid", .stroke = Ink::grid},
    {.name = "axis", .stroke = Ink::soft},
    {.name = "zero", .stroke = Ink::soft},
    {.name = "graticule", .stroke = Ink::map_line, .width = 0.7, .opacity = 0.22},
    {.name = "coast", .stroke = Ink::map_line, .width = 1.0, .opacity = 0.75},
    {.name = "frame", .fill = Ink::given, .stroke = Ink::soft, .width = 0.8},
    {.name = "line", .stroke = Ink::series, .width = 2},
    {.name = "faint", .stroke = Ink::series, .opacity = 0.38},
    {.name = "whisker", .stroke = Ink::series, .width = 2, .opacity = 0.65},
    {.name = "dot", .fill = Ink::series, .stroke = Ink::card},
    {.name = "bar", .fill = Ink::series},
    {.name = "tick", .fill = Ink::soft, .size = 12},
    {.name = "name", .fill = Ink::soft, .size = 11.5},
    {.name = "row", .fill = Ink::ink, .size = 12.5},
    {.name = "heading", .fill = Ink::ink, .size = 13, .bold = true},
    {.name = "title", .fill = Ink::ink, .size = 18, .bold = true},
    {.name = "subtitle", .fill = Ink::soft, .size = 12.5},
}};

struct Palette {
  Colour card, ink, soft, grid;
  std::array<Colour, 3> series;
};
constexpr Palette kLight = {{255, 255, 255},
                            {27, 31, 36},
                            {89, 97, 107},
                            {235, 232, 226},
                            {{{11, 106, 114}, {180, 80, 15}, {109, 79, 179}}}};
constexpr Palette kDark = {{25, 30, 37},
                           {232, 234, 237},
                           {163, 172, 184},
                           {39, 45, 54},
                           {{{86, 196, 205}, {242, 153, 90}, {184, 161, 242}}}};
constexpr Colour kMapLine = {16, 18, 20};  // over colours that are the same by light and dark

std::string css(const Palette& p) {
  return fmt::format(
      ":root {{ --card: {}; --ink: {}; --soft: {}; --grid: {}; --s1: {}; --s2: {}; --s3: {}; }}\n",
      hex(p.card), hex(p.ink), hex(p.soft), hex(p.grid), hex(p.series[0]), hex(p.series[1]),
      hex(p.series[2]));
}

std::string css(Ink ink) {
  switch (ink) {
    case Ink::none:
    case Ink::given:
      return "none";
    case Ink::card:
      return "var(--card)";
    case Ink::ink:
      return "var(--ink)";
    case Ink::soft:
      return "var(--soft)";
    case Ink::grid:
      return "var(--grid)";
    case Ink::series:
      return "var(--c)";
    case Ink::map_line:
      return hex(kMapLine);
  }
  return "";
}

std::string css(const Style& s) {
  std::string rules;
  if (s.fill != Ink::given) rules += "fill: " + css(s.fill) + ";";
  if (s.stroke != Ink::none) rules += " stroke: " + css(s.stroke) + ";";
  if (s.stroke != Ink::none && s.width != 1) rules += fmt::format(" stroke-width: {:g};", s.width);
  if (s.opacity != 1) rules += fmt::format(" stroke-opacity: {:g};", s.opacity);
  if (s.size > 0) rules += fmt::format(" font-size: {:g}px;", s.size);
  if (s.bold) rules += " font-weight: 600;";
  return fmt::format(".{} {{ {} }}\n", s.name, rules);
}

std::string dash_rule(const char* selector, Look look) {
  const auto [dash, gap] = dashes_of(look);
  return fmt::format(".{} {{ stroke-dasharray: {:g} {:g}; }}\n", selector, dash, gap);
}

}  // namespace

const Style& style_of(Role role) {
  return kStyles[static_cast<size_t>(role)];
}

std::array<double, 2> dashes_of(Look look) {
  if (look.role == Role::zero || (look.role == Role::line && look.series == 3)) return {2, 3};
  if (look.role == Role::line && look.series == 2) return {6, 3};
  return {0, 0};
}

Colour colour_of(Ink ink, int series) {
  switch (ink) {
    case Ink::none:
    case Ink::given:
    case Ink::card:
      return kLight.card;
    case Ink::ink:
      return kLight.ink;
    case Ink::soft:
      return kLight.soft;
    case Ink::grid:
      return kLight.grid;
    case Ink::series:
      return kLight.series.at(static_cast<size_t>(series) - 1);
    case Ink::map_line:
      return kMapLine;
  }
  return {};
}

std::string style_sheet() {
  std::string text = css(kLight) + "@media (prefers-color-scheme: dark) { " + css(kDark) + "}\n";
  text += ".s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); }\n";
  for (const Style& style : kStyles)
    text += css(style);
  text += dash_rule("zero", {Role::zero}) + dash_rule("line.s2", {Role::line, 2}) +
          dash_rule("line.s3", {Role::line, 3});
  return text + "path { stroke-linejoin: round; }\n";
}

}  // namespace seqvit::draw
