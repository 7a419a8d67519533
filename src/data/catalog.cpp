#include "data/catalog.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "core/log.h"
#include "data/field_names.h"
#include "data/insolation.h"
#include "data/levels.h"
#include "data/paths.h"
#include "data/selection.h"

namespace seqvit::data {

bool convert_time(TimeStamp& time, Calendar from, Calendar to, bool monthly) {
  if (from == to) return true;
  const auto gregorian = [](Calendar calendar) {
    return calendar == Calendar::standard || calendar == Calendar::proleptic_gregorian;
  };
  DateTime date = to_date_time(time, from);
  if (monthly) {
    while (!is_valid(date, to))
      --date.day;
    time = to_time_stamp(date, to);
    return true;
  }
  if (!gregorian(from) || !gregorian(to) || date.year <= 1582) return false;
  time = to_time_stamp(date, to);
  return true;
}

namespace {

/// What describes the stored numbers rather than the variable, or names other variables of the file.
constexpr std::array kStorageAttributes = {
    "scale_factor", "add_offset",          "_FillValue",    "missing_value", "valid_range",
    "valid_min",    "valid_max",           "_Unsigned",     "coordinates",   "grid_mapping",
    "bounds",       "ancillary_variables", "cell_measures", "actual_range"};

std::string describe(const grid::Grid& grid) {
  return fmt::format("{} x {} points, {}", grid.rows(), grid.columns(), grid.extent_text());
}

class Builder {
 public:
  explicit Builder(const DatasetOptions& options)
      : options_(options), selection_(options, expand_paths(options.files)), frame_(options.frame) {}

  Catalog build() {
    std::vector<std::vector<Pick>> fields;
    std::vector<Pick> fixed;
    for (const std::string& name : selection_.variables())
      fields.push_back(selection_.computes(name) ? std::vector<Pick>{} : selection_.pick_variable(name));
    for (const std::string& name : selection_.statics())
      fixed.push_back(selection_.pick_static(name));
    choose_first(fields, fixed);
    for (size_t v = 0; v < fields.size(); ++v) {
      if (fields[v].empty()) {
        add_insolation();
      } else {
        add_variable(selection_.variables()[v], fields[v]);
      }
    }
    for (size_t s = 0; s < fixed.size(); ++s) {
      CatalogVariable variable{info(selection_.statics()[s], {fixed[s]}), {}, {}};
      variable.segments.push_back(segment(fixed[s], {0, 1}, variable.info));
      catalog_.statics.push_back(std::move(variable));
    }
    check_field_names();
    number_files();
    return std::move(catalog_);
  }

 private:
  /// A forecast could not be written; that is said now, not after training.
  void check_field_names() const {
    std::vector<VariableInfo> infos;
    for (const CatalogVariable& variable : catalog_.variables)
      infos.push_back(variable.info);
    field_names(infos);
  }

  /// The first file in the order given sets the orientation of the grid, the first with time the calendar.
  void choose_first(const std::vector<std::vector<Pick>>& fields, const std::vector<Pick>& fixed) {
    const Source* timed = nullptr;
    const auto earlier = [](const Source* a, const Source* b) { return b == nullptr || a->file < b->file; };
    for (const auto& picks : fields) {
      for (const Pick& pick : picks) {
        if (earlier(pick.source, timed)) timed = pick.source;
      }
    }
    first_ = timed;
    for (const Pick& pick : fixed) {
      if (earlier(pick.source, first_)) first_ = pick.source;
    }
    catalog_.grid = frame_.grid.value_or(*first_->grid);
    const FileView view = selection_.open(first_->file);
    catalog_.file_attributes = view.file().attributes();
    note_coordinate(view.file(), "latitude", first_->latitude);
    note_coordinate(view.file(), "longitude", first_->longitude);
    if (timed == nullptr) return;
    catalog_.calendar = timed->time->calendar;
    catalog_.dated = !timed->time->numbered;
    note_coordinate(selection_.open(timed->file).file(), "time", timed->time_name);
  }

  /// Keeps the attributes of a coordinate, where the file has it.
  void note_coordinate(const SourceFile& file, const std::string& meaning, const std::string& name) {
    const FileVariable* coordinate = name.empty() ? nullptr : file.find(name);
    if (coordinate != nullptr) catalog_.coordinate_attributes[meaning] = coordinate->attributes;
  }

  VariableInfo info(const std::string& name, const std::vector<Pick>& picks) const {
    const FileVariable& first = picks.front().source->variable;
    VariableInfo result{name, first.attributes, first.text("units")};
    for (const char* attribute : kStorageAttributes)
      result.attributes.erase(attribute);
    result.stored_name = first.name;
    result.packing = first.packing;
    result.missing_settled = options_.reading.missing.contains(first.name);
    const auto among = [&](const std::vector<std::string>& names) {
      return std::ranges::count(names, name) + std::ranges::count(names, base_name(name) + "@*") > 0;
    };
    if (among(options_.forcings)) result.role = Role::forcing;
    if (among(options_.diagnostics)) result.role = Role::diagnostic;
    if (const auto wanted = frame_.units.find(name);
        wanted != frame_.units.end() && !wanted->second.empty()) {
      result.units = wanted->second;
      result.attributes["units"] = wanted->second;
    }
    result.source = selection_.source_of(name);
    const Pick& pick = picks.front();
    const std::shared_ptr<const LevelAxis> axis = pick.source->axis;
    const bool one_of_several = axis && (axis->values.size() > 1 || pick.by_level);
    if (pick.by_level && name.find('@') != std::string::npos) result.axis = axis;
    result.level = one_of_several
                       ? VariableLevel{result.axis ? base_name(name) : first.name, axis->values[pick.level]}
                       : level_in_name(name);
    if (const Transform* known = setting_of(options_.transforms, result)) result.transform = *known;
    return result;
  }

  /// From the units of a file to those of the data set.
  UnitConversion conversion(const Pick& pick, const VariableInfo& variable) const {
    const std::string &path = selection_.path(*pick.source), units = pick.source->variable.text("units");
    if (units == variable.units) return {};
    if (units.empty() || variable.units.empty()) {
      log_warn("{}: {}: units '{}', elsewhere '{}'; taken to be the same", path, variable.name, units,
               variable.units);
      return {};
    }
    const std::optional<UnitConversion> found = convert_units(units, variable.units);
    if (!found) {
      fail(Exit::data,
           "{}: {}: expected units '{}' as in {}, found '{}', which is no unit of the same quantity; "
           "convert the file, or correct its attribute 'units'",
           path, variable.name, variable.units,
           frame_.units.contains(variable.name) ? "training" : "the first file", units);
    }
    if (!found->identity())
      log_info("{}: {}: converted from '{}' to '{}'", path, variable.name, units, variable.units);
    return *found;
  }

  std::shared_ptr<const GridMap> map_of(const Source& source) {
    auto& map = maps_[source.grid.get()];
    if (map) return map;
    std::optional<GridMap> match = source.map_to(catalog_.grid);
    if (!match) {
      fail(Exit::data, "{}: {}: expected the grid of {} ({}), found {}; regrid the file (cdo remapbil)",
           selection_.path(source), source.variable.name, frame_.grid ? "training" : selection_.path(*first_),
           describe(catalog_.grid), describe(*source.grid));
    }
    map = std::make_shared<GridMap>(std::move(*match));
    return map;
  }

  std::vector<double> missing(const Source& source) const {
    const auto found = options_.reading.missing.find(source.variable.name);
    return found == options_.reading.missing.end() ? std::vector<double>{} : found->second;
  }

  Segment segment(const Pick& pick, Range times, const VariableInfo& variable) {
    const Source& source = *pick.source;
    Segment result;
    result.file = source.file;
    result.times = times;
    result.variable = source.variable.name;
    result.layout = source.layout;
    result.map = map_of(source);
    result.level = pick.level;
    result.block_steps = source.block_steps();
    result.value_bytes = type_bytes(source.variable.type);
    result.missing = missing(source);
    result.conversion = conversion(pick, variable);
    return result;
  }

  /// The times of a source in the data set's calendar, in order.
  std::vector<TimeStamp> times_of(const Source& source) const {
    const std::string &path = selection_.path(source), &name = source.time_name;
    std::vector<TimeStamp> times = source.time->times;
    if (times.empty())
      fail(Exit::data, "{}: {}: expected at least one time, found none; leave the file out", path, name);
    for (size_t i = 0; i < times.size(); ++i) {
      if (!convert_time(times[i], source.time->calendar, catalog_.calendar, options_.monthly)) {
        fail(Exit::data,
             "{}: {}: expected the calendar {} as in the first file, found {}; use files of one calendar",
             path, name, calendar_name(catalog_.calendar), calendar_name(source.time->calendar));
      }
      if (i > 0 && times[i] <= times[i - 1]) {
        fail(Exit::data,
             "{}: {}: expected increasing times, found {} after {} at index {}; sort the file and remove {}",
             path, name, text(times[i]), text(times[i - 1]), i,
             times[i] == times[i - 1] ? "the duplicate" : "duplicates");
      }
    }
    return times;
  }

  void add_insolation() {
    if (!catalog_.grid.on_earth() || !catalog_.dated) {
      fail(Exit::usage, "data.forcings: {} needs places on Earth and dates, found {}; leave it out",
           kInsolation, catalog_.dated ? "data.grid: index" : "data.time: index");
    }
    if (options_.monthly) {
      fail(Exit::usage,
           "data.forcings: {} is that of an instant, found months as data.lead_time; leave it out, or give a "
           "file with monthly means",
           kInsolation);
    }
    VariableInfo info{kInsolation, {}, "W m-2"};
    info.role = Role::forcing;
    catalog_.variables.push_back({std::move(info), {}, {}});
  }

  void add_variable(const std::string& name, const std::vector<Pick>& picks) {
    std::vector<std::pair<std::vector<TimeStamp>, Pick>> parts;
    for (const Pick& pick : picks)
      parts.emplace_back(times_of(*pick.source), pick);
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& a, const auto& b) { return a.first[0] < b.first[0]; });
    CatalogVariable variable{info(name, picks), {}, {}};
    std::vector<TimeStamp> times;
    for (const auto& [part, pick] : parts) {
      if (!times.empty() && part.front() <= times.back()) {
        fail(Exit::data,
             "{}: {}: expected times after {}, where {} ends, found {}; remove the overlap, or where they "
             "are two fields give each a name (data.variables: [{{new_name: {{from: '{}:{}'}}}}, ...])",
             selection_.path(*pick.source), name, text(times.back()),
             catalog_file_name(variable.segments.back()), text(part.front()),
             std::filesystem::path(selection_.path(*pick.source)).filename().string(),
             pick.source->variable.name);
      }
      const auto begin = static_cast<int64_t>(times.size());
      times.insert(times.end(), part.begin(), part.end());
      variable.segments.push_back(segment(pick, {begin, static_cast<int64_t>(times.size())}, variable.info));
    }
    if (catalog_.variables.empty())
      catalog_.times = std::move(times);
    else if (variable.info.role == Role::forcing && goes_on(times))
      variable.times = std::move(times);
    else
      check_times(variable, times);
    catalog_.variables.push_back(std::move(variable));
  }

  /// Whether these are all times of the data set, and more.
  bool goes_on(const std::vector<TimeStamp>& times) const {
    return times.size() > catalog_.times.size() && std::ranges::includes(times, catalog_.times);
  }

  /// Where months are the step, a field's day in its month says nothing.
  bool same_months(const std::vector<TimeStamp>& times) const {
    return options_.monthly && std::ranges::equal(times, catalog_.times, [&](TimeStamp a, TimeStamp b) {
             return month_of(a, catalog_.calendar) == month_of(b, catalog_.calendar);
           });
  }

  void check_times(const CatalogVariable& variable, const std::vector<TimeStamp>& times) const {
    if (times == catalog_.times || same_months(times)) return;
    const std::vector<TimeStamp>& expected = catalog_.times;
    const auto [mine, other] = std::mismatch(times.begin(), times.end(), expected.begin(), expected.end());
    fail(Exit::data,
         "{}: {}: expected the times of '{}' ({} of them, {} next), found {}, {} next; use variables and "
         "files of the same times",
         catalog_file_name(variable.segments.front()), variable.info.name, catalog_.variables[0].info.name,
         expected.size(), other == expected.end() ? "none" : text(*other), times.size(),
         mine == times.end() ? "none" : text(*mine));
  }

  /// Only the files that are used remain, in the order given.
  void number_files() {
    constexpr size_t kUnused = ~size_t{0};
    std::vector<size_t> number(selection_.paths().size(), kUnused);
    const auto each_segment = [&](auto&& visit) {
      for (auto* list : {&catalog_.variables, &catalog_.statics}) {
        for (CatalogVariable& variable : *list)
          std::for_each(variable.segments.begin(), variable.segments.end(), visit);
      }
    };
    each_segment([&](const Segment& segment) { number[segment.file] = 0; });
    for (size_t file = 0; file < number.size(); ++file) {
      if (number[file] == kUnused) continue;
      number[file] = catalog_.paths.size();
      catalog_.paths.push_back(selection_.paths()[file]);
      catalog_.stamps.push_back(selection_.stamps()[file]);
    }
    each_segment([&](Segment& segment) { segment.file = number[segment.file]; });
  }

  std::string text(TimeStamp time) const { return format_time(time, catalog_.calendar); }
  const std::string& catalog_file_name(const Segment& segment) const {
    return selection_.paths()[segment.file];
  }

  const DatasetOptions& options_;
  Selection selection_;
  const Frame& frame_;
  Catalog catalog_;
  const Source* first_ = nullptr;
  std::map<const grid::Grid*, std::shared_ptr<const GridMap>> maps_;
};

}  // namespace

Catalog build_catalog(const DatasetOptions& options) {
  return Builder(options).build();
}

}  // namespace seqvit::data
