#include "evaluate/forecast_file.h"

#include <array>
#include <cctype>
#include <ctime>
#include <set>

#include <fmt/chrono.h>

#include "core/error.h"
#include "core/words.h"
#include "data/file_writer.h"
#include "data/open_file.h"

namespace seqvit::evaluate {
namespace {

using Attributes = std::map<std::string, data::Attribute>;

// Attributes that describe how the source stored its values, or point at variables that a forecast file does
// not have.
// clang-format off
const std::set<std::string> kLeftOut = {
    "_FillValue", "missing_value", "scale_factor", "add_offset", "valid_min", "valid_max", "valid_range",
    "actual_range", "_Unsigned", "coordinates", "bounds", "climatology", "grid_mapping", "cell_measures",
    "formula_terms", "ancillary_variables", "CLASS", "NAME", "least_significant_digit", "_ChunkSizes",
    "_Netcdf4Dimid", "_Netcdf4Coordinates", "DIMENSION_LIST", "REFERENCE_LIST"};
// clang-format on

// Attributes of the source file that say where the data is from and what may be done with it (in lower case).
const std::set<std::string> kCredits = {
    "title",          "institution", "source",           "references", "comment", "license",
    "licence",        "citation",    "history",          "credit",     "credits", "acknowledgement",
    "acknowledgment", "doi",         "further_info_url", "contact"};

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

// Bytes of all fields before compression: how small a field gets is not known before.
int64_t field_bytes(const data::Dataset& dataset, const ForecastLayout& layout) {
  const auto fields =
      static_cast<int64_t>(layout.initial_times.size() * layout.variables.size()) * layout.steps;
  return fields * dataset.grid().points() * static_cast<int64_t>(sizeof(float));
}

/// Those of the source, unless they count months or it has none.
std::string time_units_of(const data::Dataset& dataset) {
  const std::string units = data::text_of(dataset.coordinate_attributes("time"), "units");
  if (dataset.dated() && !units.empty() &&
      data::TimeUnits::parse(units, dataset.calendar()).months_per_unit == 0)
    return units;
  return "hours since 2000-01-01 00:00:00";
}

}  // namespace

struct ForecastWriter::Impl {
  std::unique_ptr<data::FileWriter> owned;
  data::FileWriter& file;
  std::vector<int> variables, places;  // latitude and longitude
  int64_t columns = 0;

  Impl(const std::filesystem::path& path, const data::Dataset& dataset, const ForecastLayout& layout)
      : owned(data::make_file_writer(path, "the forecast", field_bytes(dataset, layout))),
        file(*owned),
        columns(dataset.grid().columns()) {}

  // The source's attributes over `defaults`, without those that do not hold for a forecast.
  void put_all(int variable, const Attributes& source, Attributes defaults) {
    for (const auto& [name, value] : source) {
      if (!kLeftOut.contains(name)) defaults.insert_or_assign(name, value);
    }
    for (const auto& [name, value] : defaults)
      file.put(variable, name, value);
  }

  void define_field(const data::VariableInfo& info, const std::array<int, 4>& dims,
                    std::array<size_t, 4> chunk, bool points);
  void define_file(const data::Dataset& dataset, const ForecastLayout& layout);
  void write_coordinates(const data::Dataset& dataset, const ForecastLayout& layout,
                         const std::array<int, 3>& coordinates);
  void define_places(const data::Dataset& dataset, int row_dim, int column_dim);
  void put_file_attributes(const data::Dataset& dataset, const ForecastLayout& layout);
};

void ForecastWriter::Impl::define_field(const data::VariableInfo& info, const std::array<int, 4>& dims,
                                        std::array<size_t, 4> chunk, bool points) {
  const std::string name = forecast_variable_name(info.name);
  const int variable = file.define_field(name, {dims.begin(), dims.end()}, {chunk.begin(), chunk.end()});
  Attributes defaults;
  if (!info.units.empty()) defaults["units"] = info.units;
  if (name != info.name) defaults["source_variable"] = info.name;
  put_all(variable, info.attributes, std::move(defaults));
  file.put(variable, "coordinates", points ? "time lat lon" : "time");
  variables.push_back(variable);
}

void ForecastWriter::Impl::define_file(const data::Dataset& dataset, const ForecastLayout& layout) {
  const grid::Grid& grid = dataset.grid();
  const bool rectilinear = grid.kind == grid::GridKind::rectilinear;
  const std::array<int, 4> dims = {
      file.define_dim("init_time", static_cast<int64_t>(layout.initial_times.size())),
      file.define_dim("lead_time", layout.steps), file.define_dim(rectilinear ? "lat" : "y", grid.rows()),
      file.define_dim(rectilinear ? "lon" : "x", grid.columns())};

  // Units and calendar of the source are written to both kinds of time; nothing else of its time coordinate
  // holds here.
  const Attributes time = {{"calendar", data::calendar_name(dataset.calendar())},
                           {"units", time_units_of(dataset)}};
  const int initial = file.define_coordinate("init_time", {dims[0]});
  put_all(initial, time,
          {{"standard_name", "forecast_reference_time"}, {"long_name", "initial time of the forecast"}});
  const int lead = file.define_coordinate("lead_time", {dims[1]});
  put_all(lead, {},
          {{"standard_name", "forecast_period"},
           {"long_name", "lead time"},
           {"units", "hours"},
           {"dtype", "timedelta64[ns]"}});
  if (layout.step.months > 0) {
    file.put(lead, "comment",
             "nominal, 730.5 hours a month of the calendar; `time` holds the exact valid times");
  }
  const int valid = file.define_coordinate("time", {dims[0], dims[1]});
  put_all(valid, time, {{"standard_name", "time"}, {"long_name", "valid time of the forecast"}});
  define_places(dataset, dims[2], dims[3]);
  for (const int64_t v : layout.variables) {
    define_field(dataset.variables()[v], dims,
                 {1, 1, static_cast<size_t>(grid.rows()), static_cast<size_t>(grid.columns())},
                 grid.kind == grid::GridKind::curvilinear);
  }
  put_file_attributes(dataset, layout);
  file.end_definitions();
  write_coordinates(dataset, layout, {initial, lead, valid});
}

/// Latitudes and longitudes: one a row and a column, or one a point; none of a grid without places.
void ForecastWriter::Impl::define_places(const data::Dataset& dataset, int row_dim, int column_dim) {
  const bool points = dataset.grid().kind == grid::GridKind::curvilinear;
  if (!dataset.grid().on_earth()) return;
  const auto define = [&](const char* name, const char* meaning, const char* units, const char* axis,
                          std::vector<int> dims) {
    places.push_back(file.define_coordinate(name, dims));
    Attributes defaults = {{"standard_name", meaning}, {"units", units}};
    if (!points) defaults["axis"] = axis;
    put_all(places.back(), dataset.coordinate_attributes(meaning), std::move(defaults));
  };
  define("lat", "latitude", "degrees_north", "Y",
         points ? std::vector{row_dim, column_dim} : std::vector{row_dim});
  define("lon", "longitude", "degrees_east", "X",
         points ? std::vector{row_dim, column_dim} : std::vector{column_dim});
}

void ForecastWriter::Impl::put_file_attributes(const data::Dataset& dataset, const ForecastLayout& layout) {
  file.put(data::FileWriter::kFile, "Conventions", "CF-1.10");
  file.put(data::FileWriter::kFile, "title", "Forecast by a vision transformer");
  file.put(data::FileWriter::kFile, "source",
           "seqvit, a vision transformer trained on and started from the data named in source_*");
  file.put(data::FileWriter::kFile, "history", utc_now() + ": " + layout.command);
  for (const auto& [name, value] : dataset.file_attributes()) {
    if (kCredits.contains(lower(name))) file.put(data::FileWriter::kFile, "source_" + lower(name), value);
  }
}

void ForecastWriter::Impl::write_coordinates(const data::Dataset& dataset, const ForecastLayout& layout,
                                             const std::array<int, 3>& coordinates) {
  const data::TimeUnits time_units = data::TimeUnits::parse(time_units_of(dataset), dataset.calendar());
  const auto encode = [&](data::TimeStamp time) {
    return static_cast<double>(time - time_units.origin) / time_units.seconds_per_unit;
  };
  std::vector<double> initial, lead, valid;
  for (int64_t n = 1; n <= layout.steps; ++n)
    lead.push_back(layout.step.times(n).hours());
  for (const int64_t index : layout.initial_times) {
    const data::TimeStamp time = dataset.times()[index];
    initial.push_back(encode(time));
    for (int64_t n = 1; n <= layout.steps; ++n) {
      valid.push_back(encode(layout.step.times(n).after(time, dataset.calendar())));
    }
  }
  file.write(coordinates[0], initial);
  file.write(coordinates[1], lead);
  file.write(coordinates[2], valid);
  if (places.empty()) return;
  const grid::Grid& grid = dataset.grid();
  const bool points = grid.kind == grid::GridKind::curvilinear;
  file.write(places[0], points ? grid.point_latitude : grid.latitude);
  file.write(places[1], points ? grid.point_longitude : grid.longitude);
}

ForecastWriter::ForecastWriter(const std::filesystem::path& path, const data::Dataset& dataset,
                               const ForecastLayout& layout)
    : impl_(std::make_unique<Impl>(path, dataset, layout)) {
  impl_->define_file(dataset, layout);
}

ForecastWriter::~ForecastWriter() = default;

void ForecastWriter::write(int64_t initial, int64_t lead, int64_t variable, Range rows,
                           std::span<const float> values) {
  check(static_cast<int64_t>(values.size()) == rows.size() * impl_->columns,
        "a forecast field has the wrong size");
  const std::array<size_t, 4> start = {static_cast<size_t>(initial), static_cast<size_t>(lead),
                                       static_cast<size_t>(rows.begin), 0};
  const std::array<size_t, 4> count = {1, 1, static_cast<size_t>(rows.size()),
                                       static_cast<size_t>(impl_->columns)};
  impl_->file.write(impl_->variables.at(variable), start, count, values);
}

void ForecastWriter::commit() {
  impl_->file.commit();
}

std::string forecast_variable_name(const std::string& name) {
  std::string cf_name = name;
  for (char& c : cf_name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return cf_name;
}

std::vector<float> read_forecast(const std::filesystem::path& path, const std::string& variable,
                                 int64_t initial, int64_t lead) {
  const auto file = data::open_file(path.string());
  const data::FileVariable* found = file->find(forecast_variable_name(variable));
  if (found == nullptr) fail(Exit::data, "{}: no variable '{}'", path.string(), variable);
  const std::vector<int64_t> start = {initial, lead, 0, 0},
                             count = {1, 1, found->dims[2].size, found->dims[3].size};
  std::vector<float> field(count[2] * count[3]);
  file->read(*found, start, count, field);
  return field;
}

}  // namespace seqvit::evaluate
