/// What people and files write about time and place: each line is a kind and its text,
///
///   calendar noleap            of the lines that follow
///   units hours since 1900-01-01
///   value 1e9                  a stored time
///   init 2014-07-01T00         a date on the command line
///   lead 6h                    of the model; further ones are asked of it
///   split 2014-01-01,10        a period of the data
///   region europe=35,75,-12.5,42.5
///   bytes 8GiB
#include <algorithm>
#include <charconv>

#include "core/config.h"
#include "core/region.h"
#include "data/calendar.h"
#include "data/inspect_times.h"
#include "data/period.h"
#include "data/samples.h"
#include "evaluate/rollout_plan.h"
#include "fuzz/fuzz.h"

namespace seqvit {
namespace {

class Said {
 public:
  void take(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string kind = line.substr(0, space),
                      text = space == std::string::npos ? "" : line.substr(space + 1);
    if (kind == "calendar") calendar_ = data::parse_calendar(text);
    if (kind == "units") units_ = data::TimeUnits::parse(text, calendar_);
    if (kind == "value") take_value(text);
    if (kind == "init") take_time(data::parse_time(text, calendar_));
    if (kind == "lead") take_lead(data::LeadTime::parse(text));
    if (kind == "split") take_split(text);
    if (kind == "region") take_region(Region::parse(text, "evaluate.regions"));
    if (kind == "bytes") require(parse_bytes(text, "data.cache_bytes") >= 0, "negative bytes");
  }

  /// What inspect says of the times.
  void inspect() {
    data::FileReport file;
    file.path = "fuzz.nc";
    file.calendar = calendar_;
    file.times = times_;
    file.step = data::find_step(times_, calendar_);
    std::vector<data::Problem> problems;
    data::check_order(file, problems);
    data::check_sequence({&file}, problems);
  }

 private:
  data::Calendar calendar_ = data::Calendar::standard;
  data::TimeUnits units_;
  std::vector<data::TimeStamp> times_;
  data::LeadTime lead_;

  void take_value(const std::string& text) {
    double value = 0.0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    take_time(units_.decode(value));
  }

  void take_time(data::TimeStamp time) {
    const data::DateTime date = data::to_date_time(time, calendar_);
    require(data::is_valid(date, calendar_), "no date of the calendar");
    require(data::to_time_stamp(date, calendar_) == time, "a time's date is another time");
    require(data::parse_time(data::format_time(time, calendar_), calendar_) == time,
            "a time's text is another time");
    const int day = data::day_of_year(time, calendar_);
    require(day >= 1 && day <= 366, "no day of the year");
    times_.push_back(time);
  }

  void take_lead(const data::LeadTime& lead) {
    require(data::LeadTime::parse(lead.text()) == lead, "a lead time's text is another one");
    require(lead.hours() > 0.0, "a lead time of nothing");
    if (lead_ == data::LeadTime{}) lead_ = lead;
    for (const data::TimeStamp time : times_) {
      const data::TimeStamp after = lead.after(time, calendar_);
      require(after > time, "a lead time that goes back");
      data::format_time(after, calendar_);
    }
    evaluate::steps_of(lead, lead_, "--lead");
  }

  void take_split(const std::string& text) {
    if (times_.empty()) return;
    std::vector<data::TimeStamp> sorted = times_;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    const size_t comma = text.find(',');
    std::vector<std::string> bounds = {text.substr(0, comma)};
    if (comma != std::string::npos) bounds.push_back(text.substr(comma + 1));
    const Range period = data::resolve_period({bounds}, sorted, calendar_, "data.split.train").times;
    require(period.begin >= 0 && period.size() > 0 && period.end <= std::ssize(sorted),
            "a period outside the data");
    if (lead_ == data::LeadTime{}) return;
    for (const data::Sample& sample : data::make_samples(sorted, calendar_, period, lead_))
      require(period.contains(sample.input) && period.contains(sample.target), "a sample outside the period");
  }

  static void take_region(const Region& region) {
    require(region.contains(region.south, region.west) && region.contains(region.north, region.east),
            "a region without its corners");
  }
};

void read_lines(std::string_view text) {
  Said said;
  for (const std::string& line : lines_of(text))
    only_errors([&] { said.take(line); });
  said.inspect();
}

}  // namespace
}  // namespace seqvit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  within_a_second([&] { read_lines(text_of(data, size)); });
  return 0;
}
