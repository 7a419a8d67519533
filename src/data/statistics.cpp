#include "data/statistics.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "data/moments.h"
#include "data/period.h"
#include "data/unstated_fill.h"

namespace seqvit::data {
namespace {

using Field = std::vector<float>;

/// Fields that later targets still need: filled by their input time, given back after their last target.
class Window {
 public:
  Field& add(int64_t time, const Field& field) {
    Field& place = fields_[time];
    place.swap(spare_);
    place.assign(field.begin(), field.end());
    return place;
  }
  const Field& at(int64_t time) const { return fields_.at(time); }
  void drop_before(int64_t time) {
    while (!fields_.empty() && fields_.begin()->first < time) {
      spare_.swap(fields_.begin()->second);
      fields_.erase(fields_.begin());
    }
  }

 private:
  std::map<int64_t, Field> fields_;
  Field spare_;
};

struct Progressing {
  Progress progress;
  int64_t done = 0, total = 0;

  void step() {
    throw_if_stopped();
    ++done;
    if (progress.due())
      progress.show(fmt::format("statistics: {} % of {} fields", 100 * done / total, total));
  }
};

std::string where(const Dataset& dataset, Range period) {
  return period_text(dataset.times(), dataset.calendar(), period);
}

Moments to_moments(const RunningMoments& running, const Dataset& dataset, const std::string& name,
                   const std::string& when) {
  const std::string& path = dataset.paths().front();
  if (running.count() == 0) {
    fail(Exit::data,
         "{}: {}: expected values{}, found none valid; leave the variable out or choose another period", path,
         name, when);
  }
  if (running.constant() || running.std() == 0.0) {
    fail(Exit::data, "{}: {}: expected values that vary{}, found {:g} everywhere; leave the variable out",
         path, name, when, running.mean());
  }
  return {running.mean(), running.std()};
}

/// Nobody trains on a value that may stand for none before saying which it is.
void refuse_fill(const Dataset& dataset, const VariableInfo& variable, const FillDetector& fills) {
  const std::optional<SuspectFill> fill =
      variable.missing_settled ? std::nullopt : fills.found(&variable.packing);
  if (!fill) return;
  fail(Exit::data, "{}: {}: {}; {}", dataset.paths().front(), variable.name, fill->text(),
       SuspectFill::fix(variable.stored_name, fill->value));
}

/// A transform counts what is below zero as zero: right for what packing makes of zeros, the end of a wind.
void refuse_negative(const Dataset& dataset, const VariableInfo& variable, std::span<const float> field) {
  if (variable.transform.identity()) return;
  float low = 0.0F, high = 0.0F;
  for (const float value : field)
    low = std::min(low, value), high = std::max(high, value);  // not of NaN
  if (low >= -0.01F * high) return;
  fail(Exit::data,
       "{}: {}: data.transform '{}' counts values below zero as zero: expected none to speak of, found {:g} "
       "beside at "
       "most {:g}; leave its transform out",
       dataset.paths().front(), variable.name, variable.transform.text(), low, high);
}

/// The pairs of one lead time, by target, and what is known of one variable's differences.
struct LeadPairs {
  std::span<const Sample> samples;
  size_t next = 0;  // the first whose target is still to come
  RunningMoments tendencies;
};

/// Reads every field of the period once, whole; tendencies are taken against the fields still in the window.
void accumulate(const Dataset& dataset, int64_t variable, Range period, std::span<LeadPairs> leads,
                Progressing& progress, RunningMoments& states, FillDetector& fills) {
  const Range rows{0, dataset.grid().rows()};
  Field field(static_cast<size_t>(dataset.grid().points())), difference(field.size());
  Window window;
  for (int64_t t = period.begin; t < period.end; ++t) {
    progress.step();
    dataset.read(variable, t, rows, field);
    fills.add(std::span<const float>(field));
    refuse_negative(dataset, dataset.variables()[variable], field);
    dataset.variables()[variable].transform.apply(field);
    states.add(std::span<const float>(field));
    int64_t needed = t;  // the earliest input of a target still to come
    for (LeadPairs& lead : leads) {
      for (; lead.next < lead.samples.size() && lead.samples[lead.next].target == t; ++lead.next) {
        const Field& before = window.at(lead.samples[lead.next].input);
        for (size_t i = 0; i < field.size(); ++i)
          difference[i] = field[i] - before[i];
        lead.tendencies.add(std::span<const float>(difference));
      }
      if (lead.next < lead.samples.size()) needed = std::min(needed, lead.samples[lead.next].input);
    }
    window.drop_before(needed);
    window.add(t, field);
  }
}

}  // namespace

Statistics compute_statistics(const Dataset& dataset, Range period, const std::vector<LeadTime>& leads) {
  check(period.begin >= 0 && period.size() > 0 && period.end <= static_cast<int64_t>(dataset.times().size()),
        "statistics over times outside the data set");
  std::vector<std::vector<Sample>> samples;
  for (const LeadTime& lead : leads) {
    samples.push_back(make_samples(dataset.times(), dataset.calendar(), period, lead));
    if (!samples.back().empty()) continue;
    fail(Exit::usage,
         "lead time {}: expected pairs of times that lie so far apart in the training period {}, found none; "
         "change the lead time or the period",
         lead.text(), where(dataset, period));
  }
  Progressing progress;
  progress.total = period.size() * static_cast<int64_t>(dataset.variables().size());
  Statistics statistics;
  statistics.tendencies.resize(leads.size());
  // One variable after the other: only one chunk of the file needs to be in memory at a time.
  for (size_t v = 0; v < dataset.variables().size(); ++v) {
    RunningMoments states;
    std::vector<LeadPairs> pairs;
    for (const auto& of_lead : samples)
      pairs.push_back({of_lead});
    FillDetector fills;
    accumulate(dataset, static_cast<int64_t>(v), period, pairs, progress, states, fills);
    const std::string when = " from " + where(dataset, period);
    refuse_fill(dataset, dataset.variables()[v], fills);
    statistics.variables.push_back(to_moments(states, dataset, dataset.variables()[v].name, when));
    // A variable may vary in space and not in time, or never be valid twice; it is then no sensible target,
    // but a sensible input, so it is no error here: its tendency stays as it is.
    for (size_t lead = 0; lead < leads.size(); ++lead) {
      const RunningMoments& found = pairs[lead].tendencies;
      if (found.count() > 0 && !std::isfinite(found.std())) {  // the difference of two floats may be none
        fail(Exit::data,
             "{}: {}: expected values whose changes are numbers{}, found changes from {:g} to {:g}; mark "
             "what is no value as missing (_FillValue)",
             dataset.paths().front(), dataset.variables()[v].name, when, found.min(), found.max());
      }
      const bool varies = found.count() > 0 && found.std() > 0.0;
      statistics.tendencies[lead].push_back(varies ? Moments{found.mean(), found.std()} : Moments{});
    }
  }
  Field field(static_cast<size_t>(dataset.grid().points()));
  for (size_t s = 0; s < dataset.statics().size(); ++s) {
    dataset.read_static(static_cast<int64_t>(s), {0, dataset.grid().rows()}, field);
    FillDetector fills;
    fills.add(std::span<const float>(field));
    refuse_fill(dataset, dataset.statics()[s], fills);
    refuse_negative(dataset, dataset.statics()[s], field);
    dataset.statics()[s].transform.apply(field);
    RunningMoments moments;
    moments.add(std::span<const float>(field));
    statistics.statics.push_back(to_moments(moments, dataset, dataset.statics()[s].name, ""));
  }
  return statistics;
}

namespace {

nlohmann::json entries(const std::vector<Moments>& moments, const std::vector<VariableInfo>& variables) {
  nlohmann::json result = nlohmann::json::object();
  for (size_t i = 0; i < moments.size(); ++i) {
    result[variables[i].name] = {
        {"mean", moments[i].mean}, {"std", moments[i].std}, {"units", variables[i].units}};
    if (!variables[i].transform.identity())
      result[variables[i].name]["transform"] = variables[i].transform.text();
  }
  return result;
}

/// Where the tendencies of one of the lead times stand.
std::string tendencies_key(const std::vector<LeadTime>& leads, size_t lead) {
  return lead == 0 ? "tendencies" : "tendencies " + leads[lead].text();
}

std::vector<Moments> moments_of(const nlohmann::json& json, const std::string& group,
                                const std::vector<VariableInfo>& variables) {
  std::vector<Moments> result;
  for (const VariableInfo& variable : variables) {
    const nlohmann::json entry =
        json.value(group, nlohmann::json::object()).value(variable.name, nlohmann::json());
    const auto number = [&](const char* key) {
      return entry.is_object() && entry.contains(key) && entry[key].is_number() ? entry[key].get<double>()
                                                                                : NAN;
    };
    const Moments moments{number("mean"), number("std")};
    if (!std::isfinite(moments.mean) || !std::isfinite(moments.std) || moments.std <= 0.0) {
      fail(Exit::checkpoint,
           "normalization: {}.{}: expected a finite mean and a positive std, found {}; use the file that "
           "was written with the run",
           group, variable.name, entry.dump());
    }
    const std::string units = entry.value("units", "");
    if (units != variable.units && !units.empty() && !variable.units.empty()) {
      fail(Exit::data, "{}: expected units '{}' as in training, found '{}'; convert the files", variable.name,
           units, variable.units);
    }
    result.push_back(moments);
  }
  return result;
}

/// Files from before it was kept have no grid to compare with.
void check_grid(const nlohmann::json& json, const grid::Grid& grid) {
  if (!json.contains("latitude") || !json.contains("longitude")) return;
  const auto differs = [&](const char* axis, const std::vector<double>& here) {
    const auto there = json[axis].get<std::vector<double>>();
    const bool same = std::equal(there.begin(), there.end(), here.begin(), here.end(),
                                 [](double a, double b) { return std::abs(a - b) < 1e-3; });
    if (same || there.empty() || here.empty()) return;
    fail(Exit::data,
         "data.files: expected the grid of training, {} {}s from {:g} to {:g}, found {} from {:g} to {:g}; "
         "regrid or reorder the files (cdo remapbil, cdo invertlat)",
         there.size(), axis, there.front(), there.back(), here.size(), here.front(), here.back());
  };
  differs("latitude", grid.latitude);
  differs("longitude", grid.longitude);
}

}  // namespace

nlohmann::json to_json(const Statistics& statistics, const Dataset& dataset,
                       const std::vector<LeadTime>& leads) {
  nlohmann::json json = {
      {"variables", entries(statistics.variables, dataset.variables())},
      {"statics", entries(statistics.statics, dataset.statics())},
  };
  json.update(to_json(dataset.grid()));
  for (size_t lead = 0; lead < leads.size(); ++lead)
    json[tendencies_key(leads, lead)] = entries(statistics.tendencies[lead], dataset.variables());
  return json;
}

Statistics statistics_from_json(const nlohmann::json& json, const Dataset& dataset,
                                const std::vector<LeadTime>& leads) {
  if (!json.is_object()) {
    fail(Exit::checkpoint,
         "normalization: expected an object, found {}; use the file that was written with the run",
         json.type_name());
  }
  try {
    check_grid(json, dataset.grid());
    Statistics statistics{moments_of(json, "variables", dataset.variables()),
                          moments_of(json, "statics", dataset.statics()),
                          {}};
    for (size_t lead = 0; lead < leads.size(); ++lead)
      statistics.tendencies.push_back(moments_of(json, tendencies_key(leads, lead), dataset.variables()));
    return statistics;
  } catch (const nlohmann::json::exception& error) {
    fail(Exit::checkpoint, "normalization: {}; use the file that was written with the run", error.what());
  }
}

}  // namespace seqvit::data
