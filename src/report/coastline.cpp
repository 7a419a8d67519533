#include "report/coastline.h"

#include <algorithm>
#include <array>

namespace seqvit::report {
namespace {

constexpr size_t kMostCells = 180;  // along either side

struct Corner {
  MapPoint at;
  double land;
};

// Centres of every n-th cell of an axis with the data's indices of them.
struct Centres {
  std::vector<double> degrees;
  std::vector<int64_t> indices;

  explicit Centres(const evaluate::PictureAxis& axis) {
    const size_t cells = axis.indices.size(), stride = (cells + kMostCells - 1) / kMostCells;
    for (size_t i = 0; i < cells; i += stride) {
      degrees.push_back((axis.edges[i] + axis.edges[i + 1]) / 2);
      indices.push_back(axis.indices[i]);
    }
  }
};

bool crosses(const Corner& a, const Corner& b) {
  return (a.land >= 0.5) != (b.land >= 0.5);
}

MapPoint crossing(const Corner& a, const Corner& b) {
  const double part = (0.5 - a.land) / (b.land - a.land);
  return {a.at.longitude + part * (b.at.longitude - a.at.longitude),
          a.at.latitude + part * (b.at.latitude - a.at.latitude)};
}

}  // namespace

bool is_land_fraction(const std::string& name, const std::string& standard_name) {
  constexpr std::array<std::string_view, 5> usual = {"land_fraction", "land_sea_mask", "lsm", "sftlf",
                                                     "landfrac"};
  return standard_name == "land_area_fraction" || standard_name == "land_binary_mask" ||
         std::find(usual.begin(), usual.end(), name) != usual.end();
}

std::vector<MapSegment> land_outline(const evaluate::PictureAxis& latitude,
                                     const evaluate::PictureAxis& longitude, std::span<const float> land) {
  const Centres rows(latitude), columns(longitude);
  const auto width = static_cast<int64_t>(longitude.indices.size());
  const auto corner = [&](size_t j, size_t i) {
    return Corner{{columns.degrees[i], rows.degrees[j]}, land[rows.indices[j] * width + columns.indices[i]]};
  };
  std::vector<MapSegment> outline;
  for (size_t j = 0; j + 1 < rows.degrees.size(); ++j) {
    for (size_t i = 0; i + 1 < columns.degrees.size(); ++i) {
      const std::array<Corner, 4> around = {corner(j, i), corner(j, i + 1), corner(j + 1, i + 1),
                                            corner(j + 1, i)};
      std::vector<MapPoint> points;  // none, two, or four at a saddle
      for (size_t k = 0; k < 4; ++k) {
        if (crosses(around[k], around[(k + 1) % 4]))
          points.push_back(crossing(around[k], around[(k + 1) % 4]));
      }
      for (size_t k = 0; k + 1 < points.size(); k += 2)
        outline.push_back({points[k], points[k + 1]});
    }
  }
  return outline;
}

}  // namespace seqvit::report
