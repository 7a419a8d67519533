#include "evaluate/field_file.h"

#include <ctime>
#include <set>

#include <fmt/chrono.h>

#include "core/words.h"

namespace seqvit::evaluate {
namespace {

// Attributes that describe how the source stored its values, or point at variables that another file does
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

bool has_points(const data::Dataset& dataset) {
  return dataset.grid().kind == grid::GridKind::curvilinear;
}

}  // namespace

FieldFile::FieldFile(const std::filesystem::path& path, const std::string& what, const data::Dataset& dataset,
                     int64_t bytes, GridNames names)
    : dataset_(dataset), names_(names), writer_(data::make_file_writer(path, what, bytes)) {}

void FieldFile::put_all(int variable, const Attributes& source, Attributes defaults) {
  for (const auto& [name, value] : source) {
    if (!kLeftOut.contains(name)) defaults.insert_or_assign(name, value);
  }
  for (const auto& [name, value] : defaults)
    writer_->put(variable, name, value);
}

std::vector<int> FieldFile::define_grid_dims() {
  const grid::Grid& grid = dataset_.grid();
  const bool rectilinear = grid.kind == grid::GridKind::rectilinear;
  grid_dims_ = {writer_->define_dim(rectilinear ? names_.latitude : "y", grid.rows()),
                writer_->define_dim(rectilinear ? names_.longitude : "x", grid.columns())};
  return grid_dims_;
}

void FieldFile::define_places() {
  if (!dataset_.grid().on_earth()) return;
  const bool points = has_points(dataset_);
  const auto define = [&](const char* name, const char* meaning, const char* units, const char* axis,
                          int dim) {
    places_.push_back(writer_->define_coordinate(name, points ? grid_dims_ : std::vector{dim}));
    Attributes defaults = {{"standard_name", meaning}, {"units", units}};
    if (!points) defaults["axis"] = axis;
    put_all(places_.back(), dataset_.coordinate_attributes(meaning), std::move(defaults));
  };
  define(names_.latitude, "latitude", "degrees_north", "Y", grid_dims_[0]);
  define(names_.longitude, "longitude", "degrees_east", "X", grid_dims_[1]);
}

int FieldFile::define_field(const data::VariableInfo& info, const std::string& name, std::vector<int> dims,
                            const std::string& auxiliary) {
  std::vector<size_t> chunk(dims.size(), 1);
  chunk.push_back(static_cast<size_t>(dataset_.grid().rows()));
  chunk.push_back(static_cast<size_t>(dataset_.grid().columns()));
  dims.insert(dims.end(), grid_dims_.begin(), grid_dims_.end());
  const int variable = writer_->define_field(name, dims, chunk);
  Attributes defaults;
  if (!info.units.empty()) defaults["units"] = info.units;
  put_all(variable, info.attributes, std::move(defaults));
  std::string coordinates = auxiliary;
  if (has_points(dataset_)) {
    if (!coordinates.empty()) coordinates += " ";
    coordinates += fmt::format("{} {}", names_.latitude, names_.longitude);
  }
  if (!coordinates.empty()) writer_->put(variable, "coordinates", coordinates);
  return variable;
}

void FieldFile::put_file_attributes(const std::string& title, const std::string& source,
                                    const std::string& command) {
  const int file = data::FileWriter::kFile;
  writer_->put(file, "Conventions", "CF-1.10");
  writer_->put(file, "title", title);
  writer_->put(file, "source", source);
  writer_->put(file, "history", utc_now() + ": " + command);
  for (const auto& [name, value] : dataset_.file_attributes()) {
    if (kCredits.contains(lower(name))) writer_->put(file, "source_" + lower(name), value);
  }
}

void FieldFile::write_places() {
  if (places_.empty()) return;
  const grid::Grid& grid = dataset_.grid();
  const bool points = has_points(dataset_);
  writer_->write(places_[0], points ? grid.point_latitude : grid.latitude);
  writer_->write(places_[1], points ? grid.point_longitude : grid.longitude);
}

}  // namespace seqvit::evaluate
