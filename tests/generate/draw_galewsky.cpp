// draw_galewsky FILE.png: the vorticity of Galewsky's jet after six days at T85, from 10 to 80 degrees north,
// as docs/galewsky.png shows it.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include "core/file.h"
#include "draw/png.h"
#include "generate/galewsky.h"

namespace {

using namespace seqvit;
using namespace seqvit::generate;

constexpr int kWidth = 512, kHeight = 100, kMargin = 8, kTop = 24, kPixels = 2;
constexpr double kNorth = 80.0, kSouth = 10.0;
constexpr double kScale = 1.5e-4;  // 1/s at the ends of the colours

// Linear between rows, and between columns of the periodic grid.
double interpolate(const at::TensorAccessor<double, 2>& field, double row, double column) {
  const auto j = static_cast<int64_t>(row), i = static_cast<int64_t>(column);
  const double y = row - static_cast<double>(j), x = column - static_cast<double>(i);
  const int64_t next = (i + 1) % field.size(1);
  return (1.0 - y) * ((1.0 - x) * field[j][i] + x * field[j][next]) +
         y * ((1.0 - x) * field[j + 1][i] + x * field[j + 1][next]);
}

// The row of a latitude as a number between those of the grid.
double row_of(const std::vector<double>& latitude, double degrees) {
  const auto below = std::lower_bound(latitude.begin(), latitude.end(), degrees, std::greater<>());
  const double row = static_cast<double>(below - latitude.begin());
  return row - (degrees - *below) / (*(below - 1) - *below);
}

void draw(const generate::testing::Galewsky& jet, const std::filesystem::path& path) {
  draw::Scene scene{.width = kWidth + 2 * kMargin, .height = kHeight + kTop + kMargin};
  scene.add(draw::Text{
      draw::Role::row,
      {kMargin, 16},
      draw::Anchor::start,
      "Relative vorticity after 6 days at T85, 10\u00b0N to 80\u00b0N; colours to \u00b11.5e-4 1/s"});
  const draw::Box box{kMargin, kTop, kWidth, kHeight};
  draw::Raster raster{box, kPixels * kWidth, kPixels * kHeight, {}};
  const at::Tensor field = jet.transform.to_grid(jet.state).select(0, kVorticity);
  const auto values = field.accessor<double, 2>();
  for (int y = 0; y < raster.rows; ++y) {
    const double degrees = kNorth - (kNorth - kSouth) * (y + 0.5) / raster.rows;
    const double row = row_of(jet.transform.grid().latitude, degrees);
    for (int x = 0; x < raster.columns; ++x) {
      const double column = x * static_cast<double>(field.size(1)) / raster.columns;
      raster.pixels.push_back(draw::diverging_colour(interpolate(values, row, column) / kScale));
    }
  }
  scene.add(std::move(raster));
  scene.add(draw::Rectangle{{draw::Role::frame}, box});
  AtomicFile file(path, Exit::data);
  file.write(draw::png(scene, kPixels));
  file.commit();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  at::set_num_threads(1);
  generate::testing::Galewsky jet(85, 120.0);
  jet.advance(6.0);
  draw(jet, arguments[1]);
}
