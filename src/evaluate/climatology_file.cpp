#include "evaluate/climatology_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "core/error.h"
#include "data/field_names.h"
#include "data/file_grid.h"
#include "evaluate/climatology_attributes.h"

namespace seqvit::evaluate {
namespace {

constexpr double kSecondsPerHour = 3600.0;

/// The first dim of the file that has one of these names; "" where none has.
template <size_t N>
std::string dim_named(const data::SourceFile& file, const std::array<const char*, N>& names) {
  for (const char* name : names) {
    for (const data::FileVariable& variable : file.variables()) {
      for (const data::FileDim& dim : variable.dims) {
        if (dim.name == name && variable.dims.size() > 2) return dim.name;
      }
    }
  }
  return "";
}

int64_t size_of(const data::SourceFile& file, const std::string& name) {
  for (const data::FileVariable& variable : file.variables()) {
    for (const data::FileDim& dim : variable.dims) {
      if (dim.name == name) return dim.size;
    }
  }
  return 0;
}

/// Values along a dim; where it has none, `first`, `first` + `step`, ...
std::vector<double> values_of(const data::SourceFile& file, const std::string& dim, double first,
                              double step) {
  const data::FileVariable* coordinate = file.find(dim);
  if (coordinate != nullptr && coordinate->numeric() && coordinate->dims.size() == 1)
    return data::read_axis(file, *coordinate);
  std::vector<double> values;
  for (int64_t i = 0; i < size_of(file, dim); ++i)
    values.push_back(first + static_cast<double>(i) * step);
  return values;
}

/// Position of a dim in a variable, or -1.
int position(const data::FileVariable& variable, const std::string& dim) {
  for (int d = 0; d < static_cast<int>(variable.dims.size()); ++d) {
    if (variable.dims[d].name == dim) return d;
  }
  return -1;
}

}  // namespace

ClimatologyFile::ClimatologyFile(const std::filesystem::path& path, const data::Dataset& dataset,
                                 bool monthly, const std::vector<int64_t>& variables)
    : dataset_(dataset), file_(data::open_file(path.string())) {
  const std::string days = dim_named(*file_, std::array{"dayofyear", "day_of_year", "doy"});
  const std::string months = dim_named(*file_, std::array{"month"});
  if (days.empty() && months.empty()) {
    fail(Exit::data,
         "{}: expected a climatology with a dim dayofyear or month, found none; give one in WeatherBench 2's "
         "layout (hour, dayofyear, latitude, longitude)",
         path.string());
  }
  if (monthly && months.empty()) {
    fail(Exit::data, "{}: expected a climatology of months, as the data are monthly, found one of days",
         path.string());
  }
  key_ = data::text_of(file_->attributes(), kClimatologyKey);
  cycle_ = days.empty() || monthly ? Cycle::months : key_.empty() ? Cycle::days_of_year : Cycle::dates;
  day_dim_ = cycle_ == Cycle::months ? months : days;
  hour_dim_ = cycle_ == Cycle::months ? "" : dim_named(*file_, std::array{"hour", "hourofday"});
  days_ = values_of(*file_, day_dim_, 1.0, 1.0);
  if (!hour_dim_.empty()) {
    hours_ = values_of(*file_, hour_dim_, 0.0,
                       24.0 / static_cast<double>(std::max<int64_t>(1, size_of(*file_, hour_dim_))));
  }
  for (const int64_t variable : variables)
    fields_.push_back(find(dataset.variables()[variable]));
}

ClimatologyFile::Field ClimatologyFile::find(const data::VariableInfo& info) const {
  const std::string base = data::base_name(info.name);
  const data::FileVariable *found = nullptr, *with_levels = nullptr;
  std::vector<std::string> names;
  for (const data::FileVariable& variable : file_->variables()) {
    if (position(variable, day_dim_) < 0 || variable.dims.size() < 3) continue;
    names.push_back(variable.name);
    const std::string source = variable.text(kSourceVariable);
    if (source.empty() ? variable.name == info.name : source == info.name) found = &variable;
    if (source.empty() && base != info.name && variable.name == base) with_levels = &variable;
  }
  const bool by_level = found == nullptr && with_levels != nullptr && info.level;
  if (by_level) found = with_levels;
  if (found == nullptr) {
    fail(Exit::data, "{}: {}: expected one of its variables {}, found none of this name{}", path(), info.name,
         fmt::join(names, ", "), did_you_mean(info.name, names));
  }
  // Days are read as times; the others at one index each.
  data::FileReading reading{dataset_.reading().index_grid, false, {{day_dim_, days_.front()}}, {}};
  if (!hour_dim_.empty() && position(*found, hour_dim_) >= 0) reading.select[hour_dim_] = hours_.front();
  data::FileView view(file_, reading);
  const data::Source source = view.source(*found);
  Field field{*found, source.layout, {}, 0, {}};
  std::optional<data::GridMap> map = source.map_to(dataset_.grid());
  if (!map) {
    fail(Exit::data, "{}: {}: expected the grid of the data ({} x {} points, {}), found {} x {} points, {}",
         path(), found->name, dataset_.grid().rows(), dataset_.grid().columns(),
         dataset_.grid().extent_text(), source.grid->rows(), source.grid->columns(),
         source.grid->extent_text());
  }
  field.map = std::move(*map);
  field.layout.time = position(*found, day_dim_);
  field.layout.selected.erase(field.layout.time);
  if (by_level) {
    field.level = source.axis ? data::find_level(source.axis->values, info.level->value) : -1;
    if (field.level < 0)
      fail(Exit::data, "{}: {}: has no level {:g}", path(), found->name, info.level->value);
  }
  if (!by_level && source.axis && source.axis->values.size() > 1) {
    fail(Exit::data, "{}: {}: expected one level, found {}; train on '{}@LEVEL' to compare with one of them",
         path(), found->name, source.axis->values.size(), info.name);
  }
  const std::string units = found->text("units");
  if (units.empty() || info.units.empty()) return field;
  const std::optional<data::UnitConversion> conversion = data::convert_units(units, info.units);
  if (!conversion)
    fail(Exit::data, "{}: {}: expected units '{}', found '{}'", path(), found->name, info.units, units);
  field.conversion = *conversion;
  return field;
}

std::string ClimatologyFile::describe() const {
  if (cycle_ == Cycle::months) return "by month";
  const std::string days = cycle_ == Cycle::dates ? "by date" : "by day of the year";
  return hours_.empty() ? days : fmt::format("{} and hour {:g}", days, fmt::join(hours_, ", "));
}

std::optional<int64_t> ClimatologyFile::day_index(int64_t day) const {
  // Day 366 of a climatology of 365.
  const double wanted = std::min(static_cast<double>(day + 1), days_.back());
  const auto found = std::find(days_.begin(), days_.end(), wanted);
  return found == days_.end() ? std::nullopt : std::optional(found - days_.begin());
}

std::optional<int64_t> ClimatologyFile::hour_index(int64_t second) const {
  if (hours_.empty()) return 0;
  for (size_t h = 0; h < hours_.size(); ++h) {
    if (std::abs(hours_[h] * kSecondsPerHour - static_cast<double>(second)) < 0.5)
      return static_cast<int64_t>(h);
  }
  return std::nullopt;
}

ClimatologyFields ClimatologyFile::read(Range rows, std::span<const data::TimeStamp> needed,
                                        int64_t memory_bytes) const {
  ClimatologyFields out(dataset_.calendar(), cycle_, std::ssize(fields_),
                        rows.size() * dataset_.grid().columns(), needed, memory_bytes);
  for (size_t position = 0; position < fields_.size(); ++position)
    read_field(fields_[position], static_cast<int64_t>(position), rows, out);
  return out;
}

/// A time of day at a time, and of it as many days as a stored chunk holds.
void ClimatologyFile::read_field(const Field& field, int64_t position, Range rows,
                                 ClimatologyFields& out) const {
  const auto points = static_cast<size_t>(rows.size() * dataset_.grid().columns());
  std::map<int64_t, std::map<int64_t, std::vector<int64_t>>> wanted;  // hour > day > bins
  for (const auto& [bin, number] : out.bins()) {
    const std::optional<int64_t> day = day_index(bin.day), hour = hour_index(bin.second);
    if (day && hour) {
      wanted[*hour][*day].push_back(number);
    } else {
      std::ranges::fill(out.values(position, number), std::numeric_limits<float>::quiet_NaN());
    }
  }
  const std::vector<int64_t>& chunk = field.variable.chunk;
  const int64_t block = chunk.empty() ? 1 : std::max<int64_t>(1, chunk[field.layout.time]);
  data::GridLayout layout = field.layout;
  std::vector<float> values;
  for (const auto& [hour, days] : wanted) {
    for (auto& [dim, index] : layout.selected)
      index = field.variable.dims[dim].name == hour_dim_ ? hour : index;
    int64_t read = -1;  // the block that `values` holds
    for (const auto& [day, bins] : days) {
      const Range times{day / block * block, std::min((day / block + 1) * block, std::ssize(days_))};
      if (read != times.begin) {
        values.resize(static_cast<size_t>(times.size()) * points);
        data::read_fields(*file_, field.variable, layout, field.map, {times, rows, field.level},
                          values.data());
        read = times.begin;
      }
      const float* from = values.data() + static_cast<size_t>(day - times.begin) * points;
      for (const int64_t bin : bins) {
        const std::span<float> to = out.values(position, bin);
        if (field.conversion.identity()) {
          std::copy_n(from, points, to.begin());
          continue;
        }
        for (size_t i = 0; i < points; ++i)
          to[i] = static_cast<float>(static_cast<double>(from[i]) * field.conversion.scale +
                                     field.conversion.offset);
      }
    }
  }
}

}  // namespace seqvit::evaluate
