#include "draw/png.h"

#include <cairo.h>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numbers>

#include "core/error.h"

namespace seqvit::draw {
namespace {

constexpr const char* kFont = "DejaVu Sans";

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;

Surface make_surface(int width, int height) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height), cairo_surface_destroy);
  check(cairo_surface_status(surface.get()) == CAIRO_STATUS_SUCCESS, "a picture too large to draw");
  return surface;
}

Surface surface_of(const Raster& raster) {
  Surface surface = make_surface(raster.columns, raster.rows);
  unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int j = 0; j < raster.rows; ++j) {
    auto* row = reinterpret_cast<uint32_t*>(data + static_cast<ptrdiff_t>(j) * stride);
    for (int i = 0; i < raster.columns; ++i) {
      const Colour c = raster.pixels[static_cast<size_t>(j) * raster.columns + i];
      row[i] = static_cast<uint32_t>(c.red) << 16U | static_cast<uint32_t>(c.green) << 8U | c.blue;
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

std::vector<std::byte> encoded(const Surface& surface) {
  std::vector<std::byte> bytes;
  const auto append = [](void* to, const unsigned char* data, unsigned size) {
    const auto* begin = reinterpret_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(to)->insert(static_cast<std::vector<std::byte>*>(to)->end(), begin,
                                                     begin + size);
    return CAIRO_STATUS_SUCCESS;
  };
  const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), append, &bytes);
  check(status == CAIRO_STATUS_SUCCESS, cairo_status_to_string(status));
  return bytes;
}

// cairo refuses what is not UTF-8, and a file's names may be anything.
std::string valid_utf8(const std::string& text) {
  std::string valid;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xC2 && lead < 0xE0 ? 2
                          : lead >= 0xE0 && lead < 0xF0 ? 3
                                                        : 0;
    size_t follow = 1;
    while (follow < length && i + follow < text.size() &&
           (static_cast<unsigned char>(text[i + follow]) & 0xC0U) == 0x80U)
      ++follow;
    const bool whole =
        length > 0 && follow == length && lead != 0 &&
        !(lead == 0xE0 && static_cast<unsigned char>(text[i + 1]) < 0xA0) &&  // too long a form
        !(lead == 0xED && static_cast<unsigned char>(text[i + 1]) >= 0xA0);   // half of a pair
    valid += whole ? text.substr(i, length) : "?";
    i += whole ? length : 1;
  }
  return valid;
}

class Painter {
 public:
  explicit Painter(cairo_t* cairo) : cairo_(cairo) {
    // Fixed, so that the machine's settings for screens do not show in a file.
    const std::unique_ptr<cairo_font_options_t, decltype(&cairo_font_options_destroy)> options(
        cairo_font_options_create(), cairo_font_options_destroy);
    cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cairo_, options.get());
    cairo_set_line_join(cairo_, CAIRO_LINE_JOIN_ROUND);
  }

  void operator()(const Path& path) {
    for (const Line& line : path.lines) {
      cairo_new_sub_path(cairo_);
      for (const Point& p : line)
        cairo_line_to(cairo_, p.x, p.y);
      if (path.fill) cairo_close_path(cairo_);
    }
    paint(path.look, path.fill);
  }

  void operator()(const Rectangle& r) {
    cairo_rectangle(cairo_, r.box.x, r.box.y, r.box.width, r.box.height);
    paint(r.look);
  }

  void operator()(const Disc& disc) {
    cairo_new_sub_path(cairo_);
    cairo_arc(cairo_, disc.centre.x, disc.centre.y, disc.radius, 0, 2 * std::numbers::pi);
    paint(disc.look);
  }

  void operator()(const Text& text) {
    const Style& style = style_of(text.role);
    const std::string shown = valid_utf8(text.text);
    cairo_select_font_face(cairo_, kFont, CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo_, style.size);
    cairo_text_extents_t extents{};
    cairo_text_extents(cairo_, shown.c_str(), &extents);
    const double part = text.anchor == Anchor::start ? 0.0 : text.anchor == Anchor::middle ? 0.5 : 1.0;
    set(colour_of(style.fill, 0));
    cairo_move_to(cairo_, text.at.x - part * extents.x_advance, text.at.y);
    cairo_show_text(cairo_, shown.c_str());
    cairo_new_path(cairo_);
  }

  void operator()(const Raster& raster) {
    const Surface pixels = surface_of(raster);
    cairo_save(cairo_);
    cairo_translate(cairo_, raster.box.x, raster.box.y);
    cairo_scale(cairo_, raster.box.width / raster.columns, raster.box.height / raster.rows);
    cairo_set_source_surface(cairo_, pixels.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo_), CAIRO_FILTER_NEAREST);
    cairo_paint(cairo_);
    cairo_restore(cairo_);
  }

  void operator()(const Gradient& gradient) {
    const Box& box = gradient.box;
    const std::unique_ptr<cairo_pattern_t, decltype(&cairo_pattern_destroy)> pattern(
        cairo_pattern_create_linear(box.x, 0, box.right(), 0), cairo_pattern_destroy);
    for (size_t i = 0; i < gradient.stops.size(); ++i) {
      const Colour c = gradient.stops[i];
      cairo_pattern_add_color_stop_rgb(
          pattern.get(), static_cast<double>(i) / static_cast<double>(gradient.stops.size() - 1),
          c.red / 255.0, c.green / 255.0, c.blue / 255.0);
    }
    cairo_rectangle(cairo_, box.x, box.y, box.width, box.height);
    cairo_set_source(cairo_, pattern.get());
    cairo_fill_preserve(cairo_);
    paint({Role::frame});
  }

 private:
  void set(Colour c, double opacity = 1) {
    cairo_set_source_rgba(cairo_, c.red / 255.0, c.green / 255.0, c.blue / 255.0, opacity);
  }

  // Fills and strokes the current path as its role has it.
  void paint(Look look, std::optional<Colour> fill = {}) {
    const Style& style = style_of(look.role);
    if (style.fill != Ink::none && style.fill != Ink::given) fill = colour_of(style.fill, look.series);
    if (fill) {
      set(*fill);
      cairo_fill_preserve(cairo_);
    }
    if (style.stroke != Ink::none) {
      const std::array<double, 2> dashes = dashes_of(look);
      cairo_set_dash(cairo_, dashes.data(), dashes[0] > 0 ? 2 : 0, 0);
      cairo_set_line_width(cairo_, style.width);
      set(colour_of(style.stroke, look.series), style.opacity);
      cairo_stroke(cairo_);
    }
    cairo_new_path(cairo_);
  }

  cairo_t* cairo_;
};

}  // namespace

std::vector<std::byte> png(const Raster& raster) {
  return encoded(surface_of(raster));
}

std::vector<std::byte> png(const Scene& scene, double scale) {
  const Surface surface = make_surface(static_cast<int>(std::lround(scene.width * scale)),
                                       static_cast<int>(std::lround(scene.height * scale)));
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo(cairo_create(surface.get()), cairo_destroy);
  const Colour paper = colour_of(Ink::card, 0);
  cairo_set_source_rgb(cairo.get(), paper.red / 255.0, paper.green / 255.0, paper.blue / 255.0);
  cairo_paint(cairo.get());
  cairo_scale(cairo.get(), scale, scale);
  Painter painter(cairo.get());
  for (const Item& item : scene.items)
    std::visit(painter, item);
  check(cairo_status(cairo.get()) == CAIRO_STATUS_SUCCESS, cairo_status_to_string(cairo_status(cairo.get())));
  return encoded(surface);
}

}  // namespace seqvit::draw
