#include "data/inspect_times.h"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "core/error.h"

namespace seqvit::data {
namespace {

/// The most frequent difference of neighbouring values, the smallest of equally frequent ones; 0 for fewer
/// than two.
int64_t usual_difference(const std::vector<int64_t>& values) {
  std::map<int64_t, int64_t> counts;
  for (size_t i = 1; i < values.size(); ++i)
    ++counts[values[i] - values[i - 1]];
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? 0 : most->first;
}

int64_t irregular_steps(const std::vector<int64_t>& values) {
  const int64_t usual = usual_difference(values);
  int64_t count = 0;
  for (size_t i = 1; i < values.size(); ++i)
    count += values[i] - values[i - 1] == usual ? 0 : 1;
  return count;
}

/// Times as whole numbers on which a step is a constant: months for monthly data, else seconds. Fields every
/// 73 days are not monthly, though no month has two of them.
struct Steps {
  std::vector<int64_t> values;
  int64_t usual = 0;
  bool monthly = false;

  Steps(const std::vector<TimeStamp>& times, Calendar calendar) {
    std::vector<int64_t> months;
    for (const TimeStamp time : times)
      months.push_back(month_of(time, calendar));
    const bool single = std::adjacent_find(months.begin(), months.end()) == months.end();
    monthly = times.size() > 1 && single && usual_difference(times) >= int64_t{28} * 86400 &&
              irregular_steps(months) <= irregular_steps(times);
    values = times;
    if (monthly) values = std::move(months);
    usual = usual_difference(values);
  }
  int64_t difference(size_t i) const { return values[i] - values[i - 1]; }
  std::string text() const { return (monthly ? LeadTime{0, usual} : LeadTime{usual, 0}).text(); }
};

}  // namespace

std::string find_step(const std::vector<TimeStamp>& times, Calendar calendar) {
  if (times.size() < 2) return "";
  const Steps steps(times, calendar);
  int64_t regular = 0;
  for (size_t i = 1; i < times.size(); ++i)
    regular += steps.difference(i) == steps.usual ? 1 : 0;
  const bool mostly = steps.usual > 0 && 2 * regular > static_cast<int64_t>(times.size()) - 1;
  return mostly ? steps.text() : "irregular";
}

std::string describe_times(const std::vector<TimeStamp>& times, Calendar calendar) {
  if (times.size() == 1) return "1 time";
  const std::string step = find_step(times, calendar);
  if (step.empty()) return "no time";
  return fmt::format("{} times {}", times.size(),
                     step == "irregular" ? "without a regular step" : "with a step of " + step);
}

void check_order(const FileReport& file, std::vector<Problem>& problems) {
  int64_t duplicates = 0, backwards = 0;
  size_t first = 0;
  for (size_t i = 1; i < file.times.size(); ++i) {
    if (file.times[i] > file.times[i - 1]) continue;
    if (first == 0) first = i;
    ++(file.times[i] == file.times[i - 1] ? duplicates : backwards);
  }
  if (first == 0) return;
  const auto text = [&](size_t i) { return format_time(file.times[i], file.calendar); };
  problems.push_back({"error", file.path, "time",
                      fmt::format("times do not increase: {} duplicated, {} before the one in front of them "
                                  "(first {} after {}, index {})",
                                  duplicates, backwards, text(first), text(first - 1), first),
                      "sort them and keep each once, in Python: "
                      "xarray.open_dataset(file).sortby('time').drop_duplicates('time')"
                      ".to_netcdf(new_file)"});
}

void check_sequence(std::vector<const FileReport*> files, std::vector<Problem>& problems) {
  std::erase_if(files, [](const FileReport* file) {
    const std::vector<TimeStamp>& all = file->times;
    return all.empty() || std::adjacent_find(all.begin(), all.end(), std::greater_equal<>()) != all.end();
  });
  if (files.empty()) return;
  std::stable_sort(files.begin(), files.end(),
                   [](const auto* a, const auto* b) { return a->times[0] < b->times[0]; });
  const Calendar calendar = files[0]->calendar;
  std::vector<TimeStamp> times;
  std::vector<const FileReport*> owner;
  for (const FileReport* file : files) {
    if (!times.empty() && file->times.front() <= times.back()) {
      problems.push_back(
          {"error", file->path, "time",
           fmt::format("begins at {}, before {} ends at {}", format_time(file->times.front(), calendar),
                       owner.back()->path, format_time(times.back(), calendar)),
           "leave one of the files out, or cut the overlap (cdo seldate)"});
      return;
    }
    times.insert(times.end(), file->times.begin(), file->times.end());
    owner.resize(times.size(), file);
  }
  if (times.size() < 3) return;
  if (find_step(times, calendar) == "irregular") {
    problems.push_back(
        {"warning", files[0]->path, "time", "times have no regular step",
         "only pairs of times exactly data.lead_time apart are used: choose one that occurs, or interpolate "
         "to a regular step"});
    return;
  }
  const Steps steps(times, calendar);
  int64_t gaps = 0, missing = 0, early = 0;
  size_t first = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    if (steps.difference(i) < steps.usual) ++early;
    if (steps.difference(i) <= steps.usual) continue;
    if (gaps++ == 0) first = i;
    missing += (steps.difference(i) + steps.usual / 2) / steps.usual - 1;
  }
  if (gaps > 0) {
    problems.push_back(
        {"warning", owner[first]->path, "time",
         fmt::format("{} {} in the times, {} fields missing (first between {} and {}, where the step is {})",
                     gaps, gaps == 1 ? "gap" : "gaps", missing, format_time(times[first - 1], calendar),
                     format_time(times[first], calendar), steps.text()),
         "add the missing files; without them pairs across a gap are left out"});
  }
  if (early > 0) {
    problems.push_back({"warning", files[0]->path, "time",
                        fmt::format("{} times come earlier than the usual step of {}", early, steps.text()),
                        "only pairs of times exactly data.lead_time apart are used"});
  }
}

}  // namespace seqvit::data
