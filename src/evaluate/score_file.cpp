#include "evaluate/score_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <vector>

#include "data/netcdf_writer.h"

namespace seqvit::evaluate {
namespace {

/// Distinct values in the order of their first.
template <typename T, typename Get>
std::vector<T> distinct(std::span<const Score> scores, Get get) {
  std::vector<T> values;
  for (const Score& score : scores) {
    if (std::find(values.begin(), values.end(), get(score)) == values.end()) values.push_back(get(score));
  }
  return values;
}

template <typename T>
size_t place(const std::vector<T>& values, const T& value) {
  return static_cast<size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

struct Column {
  const char* suffix;
  double Score::*value;
  const char* meaning;
};
constexpr std::array<Column, 5> kColumns = {{{"", &Score::value, ""},
                                             {"_persistence", &Score::persistence, " of persistence"},
                                             {"_climatology", &Score::climatology, " of climatology"},
                                             {"_low", &Score::low, ", lower end of the 95 % interval"},
                                             {"_high", &Score::high, ", upper end of the 95 % interval"}}};

class ScoreArrays {
 public:
  explicit ScoreArrays(std::span<const Score> scores)
      : variables_(distinct<std::string>(scores, [](const Score& s) { return s.variable; })),
        regions_(distinct<std::string>(scores, [](const Score& s) { return s.region; })),
        leads_(distinct<double>(scores, [](const Score& s) { return s.lead_hours; })),
        units_(variables_.size()) {
    for (const Score& score : scores) {
      units_[place(variables_, score.variable)] = score.units.empty() ? "1" : score.units;
      for (const Column& column : kColumns)
        put(score.metric + column.suffix, score.metric + column.meaning, score, score.*column.value);
      if (score.metric != "rmse") continue;
      put("initial_times", "initial times that scores are means over", score,
          static_cast<double>(score.initial_times));
      put("points", "valid points, added up over initial times", score, static_cast<double>(score.points));
    }
  }

  void write(const std::filesystem::path& path, const std::string& command) const {
    const size_t size = variables_.size() * leads_.size() * regions_.size();
    const auto bytes = static_cast<int64_t>(arrays_.size() * size * sizeof(double));
    data::NetcdfWriter file(path, "the scores", bytes);
    const std::vector<int> dims = {file.define_dim("variable", std::ssize(variables_)),
                                   file.define_dim("lead", std::ssize(leads_)),
                                   file.define_dim("region", std::ssize(regions_))};
    const int variable = file.define_labels("variable", dims[0]),
              units = file.define_labels("units", dims[0]);
    const int region = file.define_labels("region", dims[2]);
    const int lead = file.define_coordinate("lead", {dims[1]});
    file.put(lead, "standard_name", "forecast_period");
    file.put(lead, "units", "hours");
    file.put(lead, "dtype", "timedelta64[ns]");
    file.put(units, "long_name",
             "units of rmse, rmse_per_step, mae, bias, crps and spread; other scores have none");
    std::vector<int> ids;
    for (const auto& [name, array] : arrays_) {
      ids.push_back(file.define_coordinate(name, dims));
      file.put(ids.back(), "long_name", array.meaning);
      file.put(ids.back(), "coordinates", "units");
    }
    file.put(data::FileWriter::kFile, "Conventions", "CF-1.10");
    file.put(data::FileWriter::kFile, "title", "Scores of forecasts");
    file.put(data::FileWriter::kFile, "history", command);
    file.end_definitions();
    file.write_labels(variable, variables_);
    file.write_labels(units, units_);
    file.write_labels(region, regions_);
    file.write(lead, leads_);
    auto id = ids.begin();
    for (const auto& [name, array] : arrays_)
      file.write(*id++, array.values);
    file.commit();
  }

 private:
  struct Array {
    std::string meaning;
    std::vector<double> values;
  };

  void put(const std::string& name, const std::string& meaning, const Score& score, double value) {
    const size_t size = variables_.size() * leads_.size() * regions_.size();
    Array& array =
        arrays_
            .try_emplace(name,
                         Array{meaning, std::vector<double>(size, std::numeric_limits<double>::quiet_NaN())})
            .first->second;
    array.values[(place(variables_, score.variable) * leads_.size() + place(leads_, score.lead_hours)) *
                     regions_.size() +
                 place(regions_, score.region)] = value;
  }

  std::vector<std::string> variables_, regions_;
  std::vector<double> leads_;
  std::vector<std::string> units_;
  std::map<std::string, Array> arrays_;
};

}  // namespace

void write_scores(const std::filesystem::path& path, std::span<const Score> scores,
                  const std::string& command) {
  ScoreArrays(scores).write(path, command);
}

}  // namespace seqvit::evaluate
