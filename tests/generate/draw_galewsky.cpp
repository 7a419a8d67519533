// draw_galewsky FILE.png: the vorticity of Galewsky's jet after six days at T85, from 10 to 80 degrees north,
// as docs/galewsky.png shows it.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include "core/file.h"
#include "evaluate/canvas.h"
#include "generate/galewsky.h"

namespace {

using namespace seqvit;
using namespace seqvit::generate;

constexpr int kWidth = 1024, kHeight = 200, kMargin = 16, kTop = 44;
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
  evaluate::Canvas canvas(kWidth + 2 * kMargin, kHeight + kTop + kMargin, {255, 255, 255});
  canvas.text(kMargin, 14, 2, {40, 40, 40},
              "relative vorticity after 6 days, T85, 10 to 80 N, colours to 1.5E-4 1/s");
  const at::Tensor field = jet.transform.to_grid(jet.state).select(0, kVorticity);
  const auto values = field.accessor<double, 2>();
  for (int y = 0; y < kHeight; ++y) {
    const double degrees = kNorth - (kNorth - kSouth) * (y + 0.5) / kHeight;
    const double row = row_of(jet.transform.grid().latitude, degrees);
    for (int x = 0; x < kWidth; ++x) {
      const double column = x * static_cast<double>(field.size(1)) / kWidth;
      canvas.set(kMargin + x, kTop + y,
                 evaluate::diverging_colour(interpolate(values, row, column) / kScale));
    }
  }
  canvas.frame(kMargin, kTop, kWidth, kHeight, {120, 120, 120});
  AtomicFile file(path, Exit::data);
  file.write(canvas.png());
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
