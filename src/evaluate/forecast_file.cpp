#include "evaluate/forecast_file.h"

#include <map>
#include <numeric>

#include "core/error.h"
#include "data/open_file.h"
#include "evaluate/field_file.h"

namespace seqvit::evaluate {
namespace {

// Bytes of all fields before compression: how small a field gets is not known before.
int64_t field_bytes(const data::Dataset& dataset, const ForecastLayout& layout) {
  const auto fields = static_cast<int64_t>(layout.initial_times.size() * layout.variables.size()) *
                      layout.ensemble.members * layout.steps;
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

GridNames grid_names(const ForecastLayout& layout) {
  if (layout.dims == ForecastDims::weatherbench) return {"latitude", "longitude"};
  return {};
}

/// Where a field begins in the dims before its rows.
std::vector<int64_t> start_of(const ForecastLayout& layout, const FieldPlace& place, int64_t initial,
                              int64_t lead, int64_t member) {
  std::vector<int64_t> start;
  if (layout.dims != ForecastDims::valid_time) start.push_back(initial);
  if (layout.ensemble.members > 1) start.push_back(member);
  start.push_back(lead);
  if (place.level_dim >= 0) start.push_back(place.level);
  return start;
}

}  // namespace

struct ForecastWriter::Impl {
  const data::Dataset& dataset;
  const ForecastLayout layout;
  const ForecastNames names;
  FieldFile fields;
  data::FileWriter& file;
  std::vector<int> variables;  // of the file, by position in the layout
  std::vector<std::pair<int, std::vector<double>>> coordinates;

  Impl(const std::filesystem::path& path, const data::Dataset& data, const ForecastLayout& wanted)
      : dataset(data),
        layout(wanted),
        names(forecast_names(data, wanted.variables)),
        fields(path, "the forecast", data, field_bytes(data, wanted), grid_names(wanted)),
        file(fields.writer()) {}

  bool by_valid_time() const { return layout.dims == ForecastDims::valid_time; }
  void define_file();
  void define_coordinate(const std::string& name, const std::vector<int>& dims, const Attributes& source,
                         const Attributes& defaults, std::vector<double> values);
  int define_number();
  void define_times(const std::vector<int>& dims);
  void define_lead(const std::string& name, const std::vector<int>& dims);
  void define_fields(const std::vector<int>& dims, const std::vector<int>& level_dims);
};

void ForecastWriter::Impl::define_coordinate(const std::string& name, const std::vector<int>& dims,
                                             const Attributes& source, const Attributes& defaults,
                                             std::vector<double> values) {
  coordinates.emplace_back(file.define_coordinate(name, dims), std::move(values));
  fields.put_all(coordinates.back().first, source, defaults);
}

void ForecastWriter::Impl::define_lead(const std::string& name, const std::vector<int>& dims) {
  std::vector<double> leads;
  for (int64_t n = 1; n <= layout.steps; ++n)
    leads.push_back(layout.step.times(n).hours());
  Attributes attributes = {{"standard_name", "forecast_period"},
                           {"long_name", "lead time"},
                           {"units", "hours"},
                           {"dtype", "timedelta64[ns]"}};
  if (layout.step.months > 0) {
    attributes["comment"] = "nominal, 730.5 hours a month of the calendar; valid times are exact";
  }
  define_coordinate(name, dims, {}, attributes, std::move(leads));
}

/// The dim of members.
int ForecastWriter::Impl::define_number() {
  const int dim = file.define_dim("number", layout.ensemble.members);
  std::vector<double> numbers(layout.ensemble.members);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  define_coordinate(
      "number", {dim}, {},
      {{"standard_name", "realization"}, {"long_name", "ensemble member"}, {"units", "1"}, {"axis", "E"}},
      std::move(numbers));
  return dim;
}

/// Initial, lead and valid times over `dims`. Units and calendar of the source are written to both kinds of
/// time; nothing else of its time coordinate holds here.
void ForecastWriter::Impl::define_times(const std::vector<int>& dims) {
  const Attributes time = {{"calendar", data::calendar_name(dataset.calendar())},
                           {"units", time_units_of(dataset)}};
  const data::TimeUnits units = data::TimeUnits::parse(time_units_of(dataset), dataset.calendar());
  const auto encode = [&](data::TimeStamp stamp) {
    return static_cast<double>(stamp - units.origin) / units.seconds_per_unit;
  };
  std::vector<double> initial, valid;
  for (const int64_t index : layout.initial_times) {
    const data::TimeStamp stamp = dataset.times()[index];
    initial.push_back(encode(stamp));
    for (int64_t n = 1; n <= layout.steps; ++n)
      valid.push_back(encode(layout.step.times(n).after(stamp, dataset.calendar())));
  }
  const std::vector<int> initial_dims = by_valid_time() ? std::vector<int>{} : std::vector{dims[0]};
  define_coordinate(
      "init_time", initial_dims, time,
      {{"standard_name", "forecast_reference_time"}, {"long_name", "initial time of the forecast"}},
      std::move(initial));
  define_lead("lead_time", {dims.back()});
  if (layout.dims == ForecastDims::weatherbench) define_lead("prediction_timedelta", {dims.back()});
  Attributes attributes = {{"standard_name", "time"}, {"long_name", "valid time of the forecast"}};
  if (by_valid_time()) attributes["axis"] = "T";
  define_coordinate(layout.dims == ForecastDims::weatherbench ? "valid_time" : "time", dims, time, attributes,
                    std::move(valid));
}

/// One variable for all levels of a field.
void ForecastWriter::Impl::define_fields(const std::vector<int>& dims, const std::vector<int>& level_dims) {
  std::string auxiliary = "time";
  if (by_valid_time()) auxiliary = "init_time lead_time";
  if (layout.dims == ForecastDims::weatherbench) auxiliary = "valid_time prediction_timedelta";
  std::map<std::string, int> defined;
  for (size_t position = 0; position < names.fields.size(); ++position) {
    const FieldPlace& place = names.fields[position];
    const auto [variable, is_new] = defined.try_emplace(place.name, 0);
    if (is_new) {
      const data::VariableInfo& info = dataset.variables()[layout.variables[position]];
      std::vector<int> own = dims;
      if (place.level_dim >= 0) own.push_back(level_dims[place.level_dim]);
      variable->second = fields.define_field(info, place.name, std::move(own), auxiliary);
      if (place.name != info.name && place.level_dim < 0)
        file.put(variable->second, "source_variable", info.name);
    }
    variables.push_back(variable->second);
  }
}

void ForecastWriter::Impl::define_file() {
  std::vector<int> dims, level_dims;
  if (by_valid_time()) {
    dims = {file.define_dim("time", layout.steps)};
  } else {
    dims = {file.define_dim("init_time", std::ssize(layout.initial_times)),
            file.define_dim("lead_time", layout.steps)};
  }
  for (const LevelDim& level : names.levels)
    level_dims.push_back(file.define_dim(level.name, std::ssize(level.axis.values)));
  fields.define_grid_dims();
  define_times(dims);
  if (layout.ensemble.members > 1) dims.insert(dims.end() - 1, define_number());
  for (size_t d = 0; d < names.levels.size(); ++d) {
    const LevelDim& level = names.levels[d];
    define_coordinate(level.name, {level_dims[d]}, level.axis.attributes, {{"axis", "Z"}}, level.axis.values);
  }
  fields.define_places();
  define_fields(dims, level_dims);
  fields.put_file_attributes(
      "Forecast by a vision transformer",
      "seqvit, a vision transformer trained on and started from the data named in source_*", layout.command);
  file.end_definitions();
  for (const auto& [variable, values] : coordinates)
    file.write(variable, values);
  fields.write_places();
}

ForecastWriter::ForecastWriter(const std::filesystem::path& path, const data::Dataset& dataset,
                               const ForecastLayout& layout) {
  if (layout.dims == ForecastDims::valid_time && layout.initial_times.size() != 1) {
    fail(Exit::usage,
         "--layout valid_time: expected one initial time, found {}; write a file for each, or use another "
         "layout",
         layout.initial_times.size());
  }
  impl_ = std::make_unique<Impl>(path, dataset, layout);
  impl_->define_file();
}

ForecastWriter::~ForecastWriter() = default;

void ForecastWriter::write(int64_t initial, int64_t lead, int64_t variable, Range rows,
                           std::span<const float> values, int64_t member) {
  const int64_t columns = impl_->dataset.grid().columns();
  check(std::ssize(values) == rows.size() * columns, "a forecast field has the wrong size");
  const std::vector<int64_t> before =
      start_of(impl_->layout, impl_->names.fields.at(variable), initial, lead, member);
  std::vector<size_t> start(before.begin(), before.end()), count(before.size(), 1);
  start.insert(start.end(), {static_cast<size_t>(rows.begin), 0});
  count.insert(count.end(), {static_cast<size_t>(rows.size()), static_cast<size_t>(columns)});
  impl_->file.write(impl_->variables.at(variable), start, count, values);
}

void ForecastWriter::commit() {
  impl_->file.commit();
}

std::vector<float> read_forecast(const std::filesystem::path& path, const data::Dataset& dataset,
                                 const ForecastLayout& layout, int64_t variable, int64_t initial,
                                 int64_t lead) {
  const FieldPlace place = forecast_names(dataset, layout.variables).fields.at(variable);
  const auto file = data::open_file(path.string());
  const data::FileVariable* found = file->find(place.name);
  if (found == nullptr) fail(Exit::data, "{}: no variable '{}'", path.string(), place.name);
  std::vector<std::vector<float>> members(layout.ensemble.members,
                                          std::vector<float>(dataset.grid().points()));
  for (int64_t member = 0; member < layout.ensemble.members; ++member) {
    std::vector<int64_t> start = start_of(layout, place, initial, lead, member);
    std::vector<int64_t> count(start.size(), 1);
    start.insert(start.end(), {0, 0});
    count.insert(count.end(), {dataset.grid().rows(), dataset.grid().columns()});
    file->read(*found, start, count, members[member]);
  }
  return members.size() > 1 ? mean_of_members(members) : std::move(members.front());
}

}  // namespace seqvit::evaluate
