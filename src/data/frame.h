/// What the fields of a data set are brought to, whatever order and units their files have: the grid and the
/// units of the run that they serve, kept in its normalization.json.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "grid/grid.h"

namespace seqvit::data {

struct Frame {
  std::optional<grid::Grid> grid;
  /// By variable or static field; "" where the run's files had none.
  std::map<std::string, std::string> units;
};

/// {"latitude": [...], "longitude": [...]} of a rectilinear grid; of others also "grid": "curvilinear" or
/// "index" and the places of points.
nlohmann::json to_json(const grid::Grid& grid);
/// From what to_json of statistics.h wrote; without a grid where the file is from before it was kept. Throws
/// nlohmann::json::exception.
Frame frame_from_json(const nlohmann::json& normalization);

}  // namespace seqvit::data
