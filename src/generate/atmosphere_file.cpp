#include "generate/atmosphere_file.h"

#include <array>
#include <span>

namespace seqvit::generate {
namespace {

std::span<const float> values(const at::Tensor& field) {
  return {field.const_data_ptr<float>(), static_cast<size_t>(field.numel())};
}

int64_t field_bytes(const grid::Grid& grid, int64_t times) {
  const auto channels = static_cast<int64_t>(atmosphere_channels().size()) * times +
                        static_cast<int64_t>(surface_channels().size());
  return channels * grid.points() * static_cast<int64_t>(sizeof(float));
}

}  // namespace

AtmosphereFile::AtmosphereFile(const std::filesystem::path& path, const Atmosphere& atmosphere,
                               const std::vector<double>& times, const std::string& source)
    : file_(path, "the atmosphere", field_bytes(atmosphere.grid(), static_cast<int64_t>(times.size()))),
      rows_(atmosphere.grid().rows()),
      columns_(atmosphere.grid().columns()) {
  const int time =
      define_axis("time", static_cast<int64_t>(times.size()), "time", "hours since 0001-01-01 00:00:00", "T");
  file_.put(time, "calendar", "noleap");
  const int latitude = define_axis("lat", rows_, "latitude", "degrees_north", "Y");
  const int longitude = define_axis("lon", columns_, "longitude", "degrees_east", "X");
  for (const FieldInfo& channel : atmosphere_channels())
    channels_.push_back(define_field(channel, true));
  std::vector<int> surface;
  for (const FieldInfo& channel : surface_channels())
    surface.push_back(define_field(channel, false));
  file_.put(data::NetcdfWriter::kFile, "Conventions", "CF-1.10");
  file_.put(data::NetcdfWriter::kFile, "title", "Synthetic atmosphere: shallow water on a sphere");
  file_.put(data::NetcdfWriter::kFile, "source", source);
  file_.end_definitions();

  file_.write(time, times);
  file_.write(latitude, atmosphere.grid().latitude);
  file_.write(longitude, atmosphere.grid().longitude);
  const at::Tensor fields = atmosphere.surface_fields();
  const std::array<size_t, 2> start = {0, 0},
                              count = {static_cast<size_t>(rows_), static_cast<size_t>(columns_)};
  for (size_t k = 0; k < surface.size(); ++k)
    file_.write(surface[k], start, count, values(fields[static_cast<int64_t>(k)]));
}

int AtmosphereFile::define_axis(const std::string& name, int64_t size, const std::string& standard_name,
                                const std::string& units, const std::string& axis) {
  dims_.push_back(file_.define_dim(name, size));
  const int variable = file_.define_coordinate(name, {dims_.back()});
  file_.put(variable, "standard_name", standard_name);
  file_.put(variable, "units", units);
  file_.put(variable, "axis", axis);
  return variable;
}

int AtmosphereFile::define_field(const FieldInfo& channel, bool with_time) {
  std::vector<int> dims = dims_;
  std::vector<size_t> chunk = {1, static_cast<size_t>(rows_), static_cast<size_t>(columns_)};
  if (!with_time) {
    dims.erase(dims.begin());
    chunk.erase(chunk.begin());
  }
  const int variable = file_.define_field(channel.name, dims, chunk);
  file_.put(variable, "standard_name", channel.standard_name);
  file_.put(variable, "long_name", channel.long_name);
  file_.put(variable, "units", channel.units);
  if (with_time) file_.put(variable, "cell_methods", channel.cell_methods);
  return variable;
}

void AtmosphereFile::write(int64_t index, const Atmosphere& atmosphere) {
  const at::Tensor fields = atmosphere.fields();
  const std::array<size_t, 3> start = {static_cast<size_t>(index), 0, 0},
                              count = {1, static_cast<size_t>(rows_), static_cast<size_t>(columns_)};
  for (size_t k = 0; k < channels_.size(); ++k)
    file_.write(channels_[k], start, count, values(fields[static_cast<int64_t>(k)]));
}

}  // namespace seqvit::generate
