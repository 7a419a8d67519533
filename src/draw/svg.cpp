#include "draw/svg.h"

#include <array>

#include <fmt/core.h>

#include "draw/png.h"

namespace seqvit::draw {
namespace {

std::string px(double value) {
  return fmt::format("{:.1f}", value);
}

std::string class_of(Look look) {
  const char* name = style_of(look.role).name;
  return look.series == 0 ? name : fmt::format("{} s{}", name, look.series);
}

Attributes box_attributes(const Box& box) {
  return {{"x", px(box.x)}, {"y", px(box.y)}, {"width", px(box.width)}, {"height", px(box.height)}};
}

Markup hover_title(const std::string& hover) {
  return hover.empty() ? Markup() : element("title", {}, hover);
}

Markup write(const Path& path) {
  if (path.repeats) return element("use", {{"href", "#" + path.id}});
  std::string data;
  for (const Line& line : path.lines) {
    char command = 'M';
    for (const Point& p : line) {
      data += fmt::format("{}{:.1f} {:.1f}", command, p.x, p.y);
      command = 'L';
    }
    if (path.fill) data += 'Z';
  }
  Attributes attributes = {{"class", class_of(path.look)}, {"d", data}};
  if (path.fill) attributes.emplace_back("fill", hex(*path.fill));
  if (!path.id.empty()) attributes.emplace_back("id", path.id);
  return element("path", attributes);
}

Markup write(const Rectangle& rectangle) {
  Attributes attributes = box_attributes(rectangle.box);
  attributes.emplace_back("class", class_of(rectangle.look));
  if (style_of(rectangle.look.role).fill == Ink::given) attributes.emplace_back("fill", "none");
  return element("rect", attributes, hover_title(rectangle.hover));
}

Markup write(const Disc& disc) {
  return element("circle",
                 {{"class", class_of(disc.look)},
                  {"cx", px(disc.centre.x)},
                  {"cy", px(disc.centre.y)},
                  {"r", px(disc.radius)}},
                 hover_title(disc.hover));
}

Markup write(const Text& text) {
  constexpr std::array<const char*, 3> anchors = {"start", "middle", "end"};
  return element("text",
                 {{"class", class_of({text.role})},
                  {"x", px(text.at.x)},
                  {"y", px(text.at.y)},
                  {"text-anchor", anchors[static_cast<size_t>(text.anchor)]}},
                 hover_title(text.hover) + text.text);
}

Markup write(const Raster& raster) {
  Attributes attributes = box_attributes(raster.box);
  attributes.emplace_back("preserveAspectRatio", "none");
  attributes.emplace_back("href", png_url(png(raster)));
  return element("image", attributes);
}

Markup write(const Gradient& gradient) {
  Markup stops;
  for (size_t i = 0; i < gradient.stops.size(); ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(gradient.stops.size() - 1);
    stops +=
        element("stop", {{"offset", fmt::format("{:.4f}", part)}, {"stop-color", hex(gradient.stops[i])}});
  }
  Attributes attributes = box_attributes(gradient.box);
  attributes.emplace_back("class", class_of({Role::frame}));
  attributes.emplace_back("fill", "url(#" + gradient.id + ")");
  return element("linearGradient", {{"id", gradient.id}}, stops) + element("rect", attributes);
}

}  // namespace

Markup svg(const Scene& scene) {
  const std::string title = scene.id + "-title", description = scene.id + "-desc";
  Markup content = element("title", {{"id", title}}, scene.title) +
                   element("desc", {{"id", description}}, scene.description);
  for (const Item& item : scene.items)
    content += std::visit([](const auto& drawn) { return write(drawn); }, item);
  return element("svg",
                 {{"viewBox", fmt::format("0 0 {:g} {:g}", scene.width, scene.height)},
                  {"role", "img"},
                  {"aria-labelledby", title + " " + description}},
                 content);
}

}  // namespace seqvit::draw
