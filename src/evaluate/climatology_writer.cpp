#include <cmath>
#include <set>

#include "core/error.h"
#include "data/field_names.h"
#include "evaluate/climatology_attributes.h"
#include "evaluate/climatology_file.h"
#include "evaluate/evaluate.h"
#include "evaluate/field_file.h"
#include "evaluate/writing_rank.h"

namespace seqvit::evaluate {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

/// Times of day of the training period, in order.
std::set<int64_t> seconds_of(const data::Dataset& dataset, const ClimatologyOptions& options) {
  std::set<int64_t> seconds;
  for (int64_t t = options.training.begin; t < options.training.end; ++t)
    seconds.insert(bin_of(dataset.times()[t], dataset.calendar(), Cycle::dates).second);
  return options.monthly ? std::set<int64_t>{0} : seconds;
}

/// A time of each day of the cycle (or month) and time of day: days are those of 2000, a leap year where
/// there is one.
std::vector<data::TimeStamp> times_of(const data::Dataset& dataset, const ClimatologyOptions& options,
                                      const std::set<int64_t>& seconds) {
  const data::Calendar calendar = dataset.calendar();
  const Cycle cycle = options.monthly ? Cycle::months : Cycle::dates;
  std::vector<data::TimeStamp> times;
  for (const int64_t second : seconds) {
    for (int64_t day = 0; day < days_of(calendar, cycle); ++day) {
      const int month = options.monthly ? static_cast<int>(day) + 1 : 1;
      times.push_back(data::to_time_stamp({2000, month, 1}, calendar) +
                      (options.monthly ? 0 : day * kSecondsPerDay + second));
    }
  }
  return times;
}

class Writing {
 public:
  Writing(const std::filesystem::path& path, const std::string& key, const std::string& command,
          const data::Dataset& dataset, const ClimatologyOptions& options)
      : dataset_(dataset),
        options_(options),
        seconds_(seconds_of(dataset, options)),
        file_(path, "the climatology", dataset, climatology_bytes(dataset, options),
              {"latitude", "longitude"}) {
    data::FileWriter& writer = file_.writer();
    std::vector<int> dims;
    if (!options.monthly) dims.push_back(writer.define_dim("hour", static_cast<int64_t>(seconds_.size())));
    const int64_t days = days_of(dataset.calendar(), options.monthly ? Cycle::months : Cycle::dates);
    const char* day = options.monthly ? "month" : "dayofyear";
    dims.push_back(writer.define_dim(day, days));
    file_.define_grid_dims();
    for (const int dim : dims)
      coordinates_.push_back(
          writer.define_coordinate(dim == dims.back() ? day : "hour", std::vector<int>{dim}));
    if (!options.monthly) put_days(coordinates_.back());
    if (!options.monthly) put_hours(coordinates_.front());
    file_.define_places();
    for (const int64_t v : options.variables) {
      const data::VariableInfo& info = dataset.variables()[v];
      variables_.push_back(file_.define_field(info, data::cf_name(info.name), dims));
      writer.put(variables_.back(), kSourceVariable, info.name);
      writer.put(variables_.back(), "cell_methods", "time: mean");
    }
    file_.put_file_attributes("Climatology of a training period",
                              "means of the data named in source_*, made by seqvit", command);
    writer.put(data::FileWriter::kFile, kClimatologyKey, key);
    writer.end_definitions();
    write_coordinates(days);
  }

  void write(int64_t position, int64_t second, int64_t day, std::span<const float> field) {
    std::vector<size_t> start, count;
    if (!options_.monthly)
      start.push_back(static_cast<size_t>(std::distance(seconds_.begin(), seconds_.find(second))));
    start.push_back(static_cast<size_t>(day));
    count.assign(start.size(), 1);
    for (const int64_t size : {dataset_.grid().rows(), dataset_.grid().columns()}) {
      start.push_back(0);
      count.push_back(static_cast<size_t>(size));
    }
    file_.writer().write(variables_.at(position), start, count, field);
  }

  void commit() { file_.writer().commit(); }

 private:
  void put_days(int variable) {
    data::FileWriter& writer = file_.writer();
    writer.put(variable, "long_name", "day of the year");
    writer.put(variable, "units", "1");
    writer.put(variable, "comment",
               "counted as in a leap year where the calendar has them, so that dates keep their place: 1 "
               "March is always day 61; each is the mean over 10 days on either side, all years");
  }
  void put_hours(int variable) {
    data::FileWriter& writer = file_.writer();
    writer.put(variable, "long_name", "time of day");
    writer.put(variable, "units", "h");  // "hours" would be read as a difference of times
  }

  void write_coordinates(int64_t days) {
    std::vector<double> hours, numbers;
    for (const int64_t second : seconds_)
      hours.push_back(static_cast<double>(second) / 3600.0);
    for (int64_t day = 1; day <= days; ++day)
      numbers.push_back(static_cast<double>(day));
    if (!options_.monthly) file_.writer().write(coordinates_.front(), hours);
    file_.writer().write(coordinates_.back(), numbers);
    file_.write_places();
  }

  const data::Dataset& dataset_;
  const ClimatologyOptions& options_;
  std::set<int64_t> seconds_;
  FieldFile file_;
  std::vector<int> coordinates_, variables_;
};

}  // namespace

int64_t climatology_bytes(const data::Dataset& dataset, const ClimatologyOptions& options) {
  const int64_t days = days_of(dataset.calendar(), options.monthly ? Cycle::months : Cycle::dates);
  return std::ssize(options.variables) * std::ssize(seconds_of(dataset, options)) * days *
         dataset.grid().points() * static_cast<int64_t>(sizeof(float));
}

void write_climatology(const std::filesystem::path& path, const std::string& key, const std::string& command,
                       const data::Dataset& dataset, const ClimatologyOptions& options,
                       Forecaster& forecaster) {
  std::optional<Writing> writing;
  const auto on_writer = [&](const std::function<void()>& action) {
    on_writing_rank(forecaster, path.string() + ": another rank could not write the climatology", action);
  };
  on_writer([&] { writing.emplace(path, key, command, dataset, options); });
  const std::vector<data::TimeStamp> times = times_of(dataset, options, seconds_of(dataset, options));
  for (size_t position = 0; position < options.variables.size(); ++position) {
    ClimatologyOptions one = options;
    one.variables = {options.variables[position]};
    stop_together(forecaster);
    const Climatology climatology(dataset, one, times);
    stop_together(forecaster);  // what was computed until then is not whole
    for (const auto& [bin, number] : climatology.bins()) {
      const std::vector<float> field =
          whole_field(forecaster, one.variables[0], std::as_const(climatology).values(0, number),
                      dataset.grid().columns(), dataset.grid().points());
      on_writer(
          [&, bin = bin] { writing->write(static_cast<int64_t>(position), bin.second, bin.day, field); });
    }
  }
  on_writer([&] { writing->commit(); });
}

}  // namespace seqvit::evaluate
