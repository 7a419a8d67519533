/// A forecast beside the truth: three maps in a row (truth, forecast, forecast - truth) as a PNG for a slide
/// or a report.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "grid/grid.h"

namespace seqvit::evaluate {

struct PictureText {
  std::string variable;    ///< "air: air temperature at sigma level 995"
  std::string units;       ///< "K"
  std::string valid_time;  ///< "2014-07-02T00:00:00"
  std::string lead;        ///< "24 h"
};

/// PNG of `truth` and `forecast`, each [Y, X] of the whole grid in physical units, NaN where missing (drawn
/// grey). North is up. Both share one scale, from the 0.5 to the 99.5 percentile of their values; the error's
/// is symmetric about 0. About `width` x 500 pixels; the same bytes for the same fields.
std::vector<std::byte> draw_picture(const grid::Grid& grid, std::span<const float> truth,
                                    std::span<const float> forecast, const PictureText& text,
                                    int width = 1500);

/// The same into a file. Throws Error(data) with path and reason if it cannot be written.
void write_picture(const std::filesystem::path& path, const grid::Grid& grid, std::span<const float> truth,
                   std::span<const float> forecast, const PictureText& text, int width = 1500);

}  // namespace seqvit::evaluate
