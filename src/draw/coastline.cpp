#include "draw/coastline.h"

#include <algorithm>
#include <cmath>

namespace seqvit::draw {
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

  explicit Centres(const MapAxis& axis) {
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

MapPoint turned(MapPoint p, double turns) {
  return {p.longitude + 360.0 * turns, p.latitude};
}

// Cuts a piece to the map (Liang and Barsky); returns what was cut from its end, as a part of it, or -1 where
// nothing is left.
double cut(MapPoint& from, MapPoint& to, const MapAxis& latitude, const MapAxis& longitude) {
  const double dx = to.longitude - from.longitude, dy = to.latitude - from.latitude;
  double begin = 0, end = 1;
  const auto half_plane = [&](double rate, double room) {  // keeps where rate * t <= room
    if (rate == 0) return room >= 0;
    (rate > 0 ? end : begin) = rate > 0 ? std::min(end, room / rate) : std::max(begin, room / rate);
    return begin < end;
  };
  if (!half_plane(-dx, from.longitude - longitude.low()) ||
      !half_plane(dx, longitude.high() - from.longitude) ||
      !half_plane(-dy, from.latitude - latitude.low()) || !half_plane(dy, latitude.high() - from.latitude)) {
    return -1;
  }
  to = {from.longitude + end * dx, from.latitude + end * dy};
  from = {from.longitude + begin * dx, from.latitude + begin * dy};
  return 1 - end;
}

}  // namespace

std::vector<MapLine> earth_coastline() {
  std::vector<MapLine> lines;
  for (auto next = kCoastlineTable.begin(); next != kCoastlineTable.end();) {
    MapLine& line = lines.emplace_back(static_cast<size_t>(*next++));
    int longitude = 0, latitude = 0;
    for (MapPoint& point : line) {
      longitude += *next++;
      latitude += *next++;
      point = {longitude / 10.0, latitude / 10.0};
    }
  }
  return lines;
}

std::vector<MapLine> clipped(const std::vector<MapLine>& lines, const MapAxis& latitude,
                             const MapAxis& longitude) {
  if (!(longitude.high() - longitude.low() <= 720.0)) return {};
  std::vector<MapLine> inside;
  const double first = std::ceil((longitude.low() - 180.0) / 360.0),
               last = std::floor((longitude.high() + 180.0) / 360.0);
  for (double turn = first; turn <= last; ++turn) {
    for (const MapLine& line : lines) {
      bool joined = false;  // whether the piece before goes on
      for (size_t i = 1; i < line.size(); ++i) {
        MapPoint from = turned(line[i - 1], turn), to = turned(line[i], turn);
        const double left_out = cut(from, to, latitude, longitude);
        if (left_out < 0) {
          joined = false;
          continue;
        }
        if (!joined) inside.push_back({from});
        inside.back().push_back(to);
        joined = left_out == 0;
      }
    }
  }
  return inside;
}

std::vector<MapLine> land_outline(const MapAxis& latitude, const MapAxis& longitude,
                                  std::span<const float> land) {
  const Centres rows(latitude), columns(longitude);
  const auto width = static_cast<int64_t>(longitude.indices.size());
  const auto corner = [&](size_t j, size_t i) {
    return Corner{{columns.degrees[i], rows.degrees[j]}, land[rows.indices[j] * width + columns.indices[i]]};
  };
  std::vector<MapLine> outline;
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

}  // namespace seqvit::draw
