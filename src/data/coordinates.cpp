#include "data/coordinates.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/words.h"
#include "data/units.h"

namespace seqvit::data {
namespace {

using Words = std::initializer_list<std::string_view>;

bool is_one_of(const std::string& word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string word_of(std::string_view text) {
  return lower(trimmed(text));
}

/// The name within its group.
std::string word_of_name(const std::string& name) {
  return word_of(name.substr(name.rfind('/') + 1));
}

/// "degrees_north", "Degrees north", "deg_N", "(degree sign)N": units without what writers differ in.
std::string bare(const std::string& units) {
  static constexpr std::string_view kSign = "\u00b0";
  std::string word = word_of(units), letters;
  if (const size_t sign = word.find(kSign); sign != std::string::npos)
    word.replace(sign, kSign.size(), "degrees");
  for (const char c : word) {
    if (c != ' ' && c != '_' && c != '.') letters += c;
  }
  return letters;
}

bool is_north(const std::string& units) {
  return is_one_of(bare(units), {"degreesnorth", "degreenorth", "degnorth", "degreesn", "degreen", "degn"});
}
bool is_east(const std::string& units) {
  return is_one_of(bare(units), {"degreeseast", "degreeeast", "degeast", "degreese", "degreee", "dege"});
}

/// Units that say nothing against an angle (an axis in metres is that of a map projection).
bool may_be_angle(const std::string& units) {
  return is_one_of(bare(units), {"", "degrees", "degree", "deg", "decimaldegrees", "decimaldegree", "1"});
}

/// Those of a coordinate that is called latitude or longitude. (An x in radians is an angle of a satellite.)
bool may_be_place(const std::string& units) {
  return may_be_angle(units) || is_one_of(bare(units), {"radians", "radian", "rad"});
}

bool is_pressure(const std::string& units) {
  return !units.empty() && bare(units) != "1" && convert_units(units, "Pa").has_value();
}

struct Role {
  DimRole role = DimRole::other;
  bool stated = false;
};

Role role_by_attributes(const FileVariable& variable) {
  const std::string standard = word_of(variable.text("standard_name")),
                    units = word_of(variable.text("units"));
  const std::string axis = word_of(variable.text("axis"));
  if (is_one_of(standard, {"grid_latitude", "projection_y_coordinate", "projection_y_angular_coordinate"}))
    return {DimRole::row, true};
  if (is_one_of(standard, {"grid_longitude", "projection_x_coordinate", "projection_x_angular_coordinate"}))
    return {DimRole::column, true};
  if (standard == "latitude" || is_north(units)) return {DimRole::latitude, true};
  if (standard == "longitude" || is_east(units)) return {DimRole::longitude, true};
  if (standard == "time" || units.find(" since ") != std::string::npos) return {DimRole::time, true};
  if (axis == "t") return {DimRole::time, true};
  if (axis == "y") return may_be_angle(units) ? Role{DimRole::latitude, false} : Role{DimRole::row, true};
  if (axis == "x") return may_be_angle(units) ? Role{DimRole::longitude, false} : Role{DimRole::column, true};
  const bool vertical =
      is_one_of(standard, {"air_pressure", "height", "altitude", "depth", "model_level_number",
                           "geopotential_height", "sea_water_pressure", "depth_below_geoid",
                           "height_above_mean_sea_level", "height_above_reference_ellipsoid"}) ||
      standard.starts_with("atmosphere_") || standard.starts_with("ocean_") ||
      // Dimensionless ones of COARDS, which CF 1.11 (section 4.3.2) keeps.
      is_one_of(units, {"level", "layer", "sigma_level"});
  if (axis == "z" || !variable.text("positive").empty() || vertical || is_pressure(variable.text("units")))
    return {DimRole::level, true};
  return {};
}

DimRole role_by_name(const std::string& name, const std::string& units) {
  const std::string word = word_of_name(name);
  // With units that are none of a time, reading it says so.
  if (is_one_of(word, {"time", "valid_time", "times", "timestep", "time_step", "month", "date", "datetime",
                       "time_counter"}) ||
      (word == "t" && units.empty()))
    return DimRole::time;
  if (is_one_of(word, {"lat", "latitude", "lats", "nlat"}) && may_be_place(units)) return DimRole::latitude;
  if (is_one_of(word, {"lon", "longitude", "lons", "nlon", "long"}) && may_be_place(units))
    return DimRole::longitude;
  // A y in degrees is a latitude unless a projection is named; without units it is a row of any map.
  const bool degrees = !units.empty() && units != "1" && may_be_angle(units);
  if (word == "y") return degrees ? DimRole::latitude : DimRole::row;
  if (word == "x") return degrees ? DimRole::longitude : DimRole::column;
  if (is_one_of(word, {"rlat", "south_north", "south_north_stag", "ny", "nj", "j", "yc", "eta_rho", "nlat_u",
                       "row", "rows"}))
    return DimRole::row;
  if (is_one_of(word, {"rlon", "west_east", "west_east_stag", "nx", "ni", "i", "xc", "xi_rho", "nlon_u",
                       "col", "column", "columns"}))
    return DimRole::column;
  // clang-format off
  if (is_one_of(word, {"level", "lev", "levels", "plev", "isobaricinhpa", "pressure_level", "pressure",
                       "height", "height_level", "depth", "altitude", "model_level", "hybrid", "sigma", "z",
                       "isobaric", "ilev", "bottom_top", "deptht", "heightaboveground", "depthu", "depthv",
                       "depthw", "olevel", "bottom_top_stag", "s_rho", "s_w", "nlev", "nlevel", "nlevels",
                       "nz", "k", "zlev", "zlevel", "layer", "layers", "mlev", "eta", "theta",
                       "sigma_level", "soil_layer", "soil_level", "sl", "ml", "hybrid_level", "hybridlevel",
                       "nhym", "depthbelowlandlayer", "depthbelowland", "generalvertical",
                       "generalverticallayer", "potentialtemperature", "isobaricinpa", "pres",
                       "height_above_ground", "model_level_number"})) {
    // clang-format on
    return DimRole::level;
  }
  return DimRole::other;
}

Role role_of(const FileVariable& coordinate) {
  const Role role = role_by_attributes(coordinate);
  if (role.role != DimRole::other) return role;
  return {role_by_name(coordinate.name, word_of(coordinate.text("units"))), false};
}

/// `along`: the variables of numbers that have this dimension alone.
DimInfo recognise(const std::string& dim, const std::vector<const FileVariable*>& along) {
  // GRIB as xarray writes it: `time` is when a forecast began, valid_time what its fields show.
  for (const FileVariable* variable : along) {
    if (variable->name == "valid_time" && role_of(*variable).role == DimRole::time)
      return {DimRole::time, variable, true};
  }
  for (const FileVariable* variable : along) {
    if (variable->name != dim) continue;
    const Role role = role_of(*variable);
    return {role.role, variable, role.stated};
  }
  // lat(nlat): a coordinate that does not carry its dimension's name.
  for (const FileVariable* variable : along) {
    const Role role = role_of(*variable);
    if (role.role != DimRole::other) return {role.role, variable, role.stated};
  }
  return {role_by_name(dim, ""), nullptr, false};
}

/// Whether a variable says where points are: its dims but for a leading time (WRF repeats them every time).
bool over_points(const FileVariable& variable, const std::map<std::string, DimInfo>& dims) {
  if (!variable.numeric() || variable.dims.size() < 2 || variable.dims.size() > 3) return false;
  return variable.dims.size() == 2 || dims.at(variable.dims[0].name).role == DimRole::time;
}

bool names_place(const FileVariable& variable, DimRole role) {
  const std::string units = variable.text("units"), standard = word_of(variable.text("standard_name"));
  const std::string name = word_of_name(variable.name);
  if (role == DimRole::latitude) {
    return standard == "latitude" || (standard.empty() && is_north(units)) ||
           (may_be_place(units) && standard.empty() &&
            is_one_of(name, {"lat", "latitude", "nav_lat", "xlat", "xlat_m", "tlat", "geolat", "lat_rho",
                             "lat2d"}));
  }
  return standard == "longitude" || (standard.empty() && is_east(units)) ||
         (may_be_place(units) && standard.empty() &&
          is_one_of(name, {"lon", "longitude", "nav_lon", "xlong", "xlong_m", "tlong", "geolon", "lon_rho",
                           "lon2d"}));
}

std::vector<PointCoordinates> find_points(const SourceFile& file,
                                          const std::map<std::string, DimInfo>& dims) {
  std::vector<PointCoordinates> result;
  for (const FileVariable& latitude : file.variables()) {
    if (!over_points(latitude, dims) || !names_place(latitude, DimRole::latitude)) continue;
    for (const FileVariable& longitude : file.variables()) {
      if (!over_points(longitude, dims) || !names_place(longitude, DimRole::longitude)) continue;
      const auto same = [](const FileDim& a, const FileDim& b) { return a.name == b.name; };
      if (!std::equal(latitude.dims.end() - 2, latitude.dims.end(), longitude.dims.end() - 2,
                      longitude.dims.end(), same))
        continue;
      result.push_back({&latitude, &longitude, (latitude.dims.end() - 2)->name, latitude.dims.back().name});
      break;
    }
  }
  return result;
}

/// Index of the value that the user selects of a dimension.
int64_t select(const SourceFile& file, const FileDim& dim, double wanted) {
  if (const FileVariable* coordinate = file.find(dim.name);
      coordinate != nullptr && coordinate->numeric() && coordinate->dims.size() == 1) {
    const std::vector<double> values = file.read_all(*coordinate);
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::abs(values[i] - wanted) <= 1e-6 * std::max(1.0, std::abs(wanted)))
        return static_cast<int64_t>(i);
    }
    fail(Exit::usage, "{}: data.select.{}: expected one of its values {}, found {:g}", file.path(), dim.name,
         fmt::join(values.begin(),
                   values.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(values.size(), 20)), ", "),
         wanted);
  }
  if (wanted != std::floor(wanted) || wanted < 0 || wanted >= static_cast<double>(dim.size)) {
    fail(Exit::usage,
         "{}: data.select.{}: expected an index from 0 to {} (the dimension has no values), found {:g}",
         file.path(), dim.name, dim.size - 1, wanted);
  }
  return static_cast<int64_t>(wanted);
}

}  // namespace

bool in_radians(const FileVariable& coordinate) {
  const std::string units = coordinate.text("units");
  return may_be_place(units) && !may_be_angle(units);
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> result;
  for (std::string word; in >> word;) {
    if (word.back() != ':') result.push_back(word);
  }
  return result;
}

FileAxes find_axes(const SourceFile& file, const FileReading& reading) {
  FileAxes axes{reading, {}, {}, {}, {}};
  std::map<std::string, std::vector<const FileVariable*>> along;
  for (const FileVariable& variable : file.variables()) {
    const std::string mapping = word_of(variable.text("grid_mapping_name"));
    if (!mapping.empty() && mapping != "latitude_longitude") axes.projections.push_back(variable.name);
    for (const FileDim& dim : variable.dims) {
      std::vector<const FileVariable*>& of_dim = along[dim.name];
      if (variable.dims.size() == 1 && variable.numeric()) of_dim.push_back(&variable);
      if (const auto wanted = reading.select.find(dim.name);
          wanted != reading.select.end() && !axes.selected.contains(dim.name))
        axes.selected[dim.name] = select(file, dim, wanted->second);
    }
  }
  for (const auto& [dim, variables] : along)
    axes.dims[dim] = recognise(dim, variables);
  axes.points = find_points(file, axes.dims);
  return axes;
}

}  // namespace seqvit::data
