#include "data/dataset.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"
#include "data/block_cache.h"
#include "data/catalog.h"
#include "data/insolation.h"

namespace seqvit::data {

struct Dataset::Impl {
  explicit Impl(const DatasetOptions& options)
      : reading(options.reading),
        catalog(build_catalog(options)),
        files(catalog.paths, catalog.stamps),
        cache(options.cache_bytes),
        monthly(options.monthly) {
    for (const CatalogVariable& variable : catalog.variables)
      variables.push_back(variable.info);
    for (const CatalogVariable& variable : catalog.statics)
      statics.push_back(variable.info);
  }

  static void take_out(const std::vector<double>& missing, std::span<float> values) {
    for (const double mark : missing) {
      // As a person reads it off a report.
      const double allowed = 1e-5 * std::abs(mark);
      for (float& value : values) {
        if (std::abs(static_cast<double>(value) - mark) <= allowed)
          value = std::numeric_limits<float>::quiet_NaN();
      }
    }
  }

  static void convert(const UnitConversion& conversion, std::span<float> values) {
    if (conversion.identity()) return;
    for (float& value : values)
      value = static_cast<float>(static_cast<double>(value) * conversion.scale + conversion.offset);
  }

  /// Decodes steps [first, first + count) of a segment's file.
  void decode(const Segment& segment, Range steps, Range rows, float* out) {
    const std::shared_ptr<const SourceFile> file = files.open(segment.file);
    const FileVariable* variable = file->find(segment.variable);
    check(variable != nullptr, "a variable that its file no longer has");
    read_fields(*file, *variable, segment.layout, *segment.map, {steps, rows, segment.level}, out);
    const std::span values(out, static_cast<size_t>(steps.size() * rows.size() * catalog.grid.columns()));
    take_out(segment.missing, values);
    convert(segment.conversion, values);
    bytes_read += steps.size() * rows.size() * catalog.grid.columns() * segment.value_bytes;
  }

  const std::vector<TimeStamp>& times_of(int64_t variable) const {
    const std::vector<TimeStamp>& own = catalog.variables[variable].times;
    return own.empty() ? catalog.times : own;
  }

  int64_t find_time(const std::vector<TimeStamp>& all, TimeStamp time) const;

  /// `time`: an index of the variable's own times.
  void read(int64_t variable, int64_t time, Range rows, std::span<float> out) {
    const std::vector<Segment>& segments = catalog.variables[variable].segments;
    if (segments.empty()) return insolation(catalog.times[time], catalog.calendar, catalog.grid, rows, out);
    const auto segment = std::upper_bound(segments.begin(), segments.end(), time,
                                          [](int64_t t, const Segment& item) { return t < item.times.end; });
    const int64_t step = time - segment->times.begin, block = step / segment->block_steps;
    const Range steps{block * segment->block_steps,
                      std::min((block + 1) * segment->block_steps, segment->times.size())};
    const auto field = static_cast<int64_t>(out.size());
    // A block larger than the whole budget would only push others out: read what is asked for.
    if (!cache.fits(steps.size() * field * static_cast<int64_t>(sizeof(float)))) {
      return decode(*segment, {step, step + 1}, rows, out.data());
    }
    const auto load = [&](float* values) { decode(*segment, steps, rows, values); };
    const std::shared_ptr<const float[]> values =
        cache.get({variable, segment - segments.begin(), block, rows}, steps.size() * field, std::ref(load));
    std::memcpy(out.data(), values.get() + (step - steps.begin) * field, out.size_bytes());
  }

  FileReading reading;
  Catalog catalog;
  FilePool files;
  BlockCache cache;
  std::vector<VariableInfo> variables, statics;
  bool monthly = false;
  std::atomic<int64_t> bytes_read = 0;
};

bool answers_to(const VariableInfo& variable, const std::string& name) {
  return variable.name == name || (variable.level && variable.level->variable == name);
}

Dataset::Dataset(const DatasetOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Dataset::~Dataset() = default;

const grid::Grid& Dataset::grid() const {
  return impl_->catalog.grid;
}
Calendar Dataset::calendar() const {
  return impl_->catalog.calendar;
}
const FileReading& Dataset::reading() const {
  return impl_->reading;
}
bool Dataset::dated() const {
  return impl_->catalog.dated;
}
const std::vector<TimeStamp>& Dataset::times() const {
  return impl_->catalog.times;
}
const std::vector<VariableInfo>& Dataset::variables() const {
  return impl_->variables;
}
std::vector<int64_t> Dataset::of_role(Role role) const {
  std::vector<int64_t> indices;
  for (size_t v = 0; v < impl_->variables.size(); ++v) {
    if (impl_->variables[v].role == role) indices.push_back(static_cast<int64_t>(v));
  }
  return indices;
}
const std::vector<VariableInfo>& Dataset::statics() const {
  return impl_->statics;
}
const std::vector<std::string>& Dataset::paths() const {
  return impl_->catalog.paths;
}
int64_t Dataset::bytes_read() const {
  return impl_->bytes_read;
}

const std::map<std::string, Attribute>& Dataset::coordinate_attributes(const std::string& coordinate) const {
  static const std::map<std::string, Attribute> none;
  const auto found = impl_->catalog.coordinate_attributes.find(coordinate);
  return found == impl_->catalog.coordinate_attributes.end() ? none : found->second;
}

const std::map<std::string, Attribute>& Dataset::file_attributes() const {
  return impl_->catalog.file_attributes;
}

int64_t Dataset::variable_index(const std::string& name) const {
  std::vector<std::string> names;
  for (const VariableInfo& variable : impl_->variables) {
    if (variable.name == name) return static_cast<int64_t>(names.size());
    names.push_back(variable.name);
  }
  fail(Exit::usage,
       "variable '{}': expected one of data.variables, data.forcings or data.diagnostics ({}), found none of "
       "this name{}",
       name, fmt::join(names, ", "), did_you_mean(name, names));
}

int64_t Dataset::time_index(TimeStamp time) const {
  return impl_->find_time(times(), time);
}

int64_t Dataset::Impl::find_time(const std::vector<TimeStamp>& all, TimeStamp time) const {
  auto found = std::lower_bound(all.begin(), all.end(), time);
  if (found != all.end() && *found == time) return found - all.begin();
  if (!monthly) return -1;
  DateTime month = to_date_time(time, catalog.calendar);
  month = {month.year, month.month};
  const TimeStamp begin = to_time_stamp(month, catalog.calendar),
                  end = LeadTime{0, 1}.after(begin, catalog.calendar);
  found = std::lower_bound(all.begin(), all.end(), begin);
  const bool only = found != all.end() && *found < end && (found + 1 == all.end() || *(found + 1) >= end);
  return only ? found - all.begin() : -1;
}

void Dataset::read(int64_t variable, int64_t time, Range rows, std::span<float> out) const {
  check(variable >= 0 && variable < static_cast<int64_t>(impl_->variables.size()),
        "variable outside the data set");
  check(time >= 0 && time < static_cast<int64_t>(times().size()), "time outside the data set");
  check(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= grid().rows(), "rows outside the grid");
  check(static_cast<int64_t>(out.size()) == rows.size() * grid().columns(),
        "field and buffer differ in size");
  if (out.empty()) return;
  const bool own = !impl_->catalog.variables[variable].times.empty();
  impl_->read(variable, own ? impl_->find_time(times_of(variable), times()[time]) : time, rows, out);
}

const std::vector<TimeStamp>& Dataset::times_of(int64_t variable) const {
  return impl_->times_of(variable);
}

bool Dataset::holds_at(int64_t variable, TimeStamp time) const {
  return impl_->catalog.variables[variable].segments.empty() ||
         impl_->find_time(times_of(variable), time) >= 0;
}

bool Dataset::read_at(int64_t variable, TimeStamp time, Range rows, std::span<float> out) const {
  if (impl_->catalog.variables[variable].segments.empty()) {
    insolation(time, calendar(), grid(), rows, out);
    return true;
  }
  const int64_t index = impl_->find_time(times_of(variable), time);
  if (index >= 0 && !out.empty()) impl_->read(variable, index, rows, out);
  return index >= 0;
}

void Dataset::read_static(int64_t index, Range rows, std::span<float> out) const {
  check(index >= 0 && index < static_cast<int64_t>(impl_->statics.size()),
        "static field outside the data set");
  check(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= grid().rows(), "rows outside the grid");
  check(static_cast<int64_t>(out.size()) == rows.size() * grid().columns(),
        "field and buffer differ in size");
  if (!out.empty()) impl_->decode(impl_->catalog.statics[index].segments[0], {0, 1}, rows, out.data());
}

}  // namespace seqvit::data
