#include "data/frame.h"

#include <cmath>
#include <limits>
#include <vector>

#include <nlohmann/json.hpp>

namespace seqvit::data {
namespace {

/// JSON has no NaN: null stands for it.
std::vector<double> places(const nlohmann::json& json) {
  std::vector<double> values;
  for (const nlohmann::json& value : json)
    values.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  return values;
}

}  // namespace

nlohmann::json to_json(const grid::Grid& grid) {
  nlohmann::json json = {{"latitude", grid.latitude}, {"longitude", grid.longitude}};
  if (!grid.row_bounds.empty()) json["latitude_bounds"] = grid.row_bounds;
  if (grid.kind == grid::GridKind::index) json["grid"] = "index";
  if (grid.kind != grid::GridKind::curvilinear) return json;
  json["grid"] = "curvilinear";
  json["point_latitude"] = grid.point_latitude;
  json["point_longitude"] = grid.point_longitude;
  if (grid.corner_latitude.empty()) return json;
  json["corner_latitude"] = grid.corner_latitude;
  json["corner_longitude"] = grid.corner_longitude;
  return json;
}

Frame frame_from_json(const nlohmann::json& json) {
  Frame frame;
  for (const char* group : {"variables", "statics"}) {
    const nlohmann::json entries = json.value(group, nlohmann::json::object());
    for (const auto& [name, entry] : entries.items())
      frame.units[name] = entry.value("units", "");
  }
  if (!json.contains("latitude") || !json.contains("longitude")) return frame;
  grid::Grid& grid = frame.grid.emplace();
  grid.latitude = json["latitude"].get<std::vector<double>>();
  grid.longitude = json["longitude"].get<std::vector<double>>();
  const std::string kind = json.value("grid", "");
  grid.kind = kind == "index"         ? grid::GridKind::index
              : kind == "curvilinear" ? grid::GridKind::curvilinear
                                      : grid::GridKind::rectilinear;
  const auto read = [&](const char* key, std::vector<double>& values) {
    if (json.contains(key)) values = places(json[key]);
  };
  read("latitude_bounds", grid.row_bounds);
  read("point_latitude", grid.point_latitude);
  read("point_longitude", grid.point_longitude);
  read("corner_latitude", grid.corner_latitude);
  read("corner_longitude", grid.corner_longitude);
  return frame;
}

}  // namespace seqvit::data
