#include "evaluate/forecast_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <limits>
#include <mutex>
#include <netcdf.h>
#include <set>
#include <unistd.h>

#include <fmt/chrono.h>

#include "core/error.h"
#include "evaluate/full_disk.h"

namespace seqvit {
namespace {

using Attributes = std::map<std::string, NetcdfAttribute>;

constexpr int kDeflateLevel = 2;

// Attributes that describe how the source stored its values, or point at variables that a forecast file does
// not have.
// clang-format off
const std::set<std::string> kLeftOut = {
    "_FillValue", "missing_value", "scale_factor", "add_offset", "valid_min", "valid_max", "valid_range",
    "actual_range", "_Unsigned", "coordinates", "bounds", "climatology", "grid_mapping", "cell_measures",
    "formula_terms", "ancillary_variables", "CLASS", "NAME", "least_significant_digit", "_ChunkSizes",
    "_Netcdf4Dimid", "_Netcdf4Coordinates", "DIMENSION_LIST", "REFERENCE_LIST"};
// clang-format on

// Attributes of the source file that say where the data is from and what may be done with it (in lower case).
const std::set<std::string> kCredits = {
    "title",          "institution", "source",           "references", "comment", "license",
    "licence",        "citation",    "history",          "credit",     "credits", "acknowledgement",
    "acknowledgment", "doi",         "further_info_url", "contact"};

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

struct ForecastWriter::Impl {
  std::filesystem::path path, temporary;
  int id = -1;
  bool created = false, room_held = false;
  std::vector<int> variables;
  int64_t columns = 0;

  ~Impl() {
    if (id >= 0) {
      const std::lock_guard lock(netcdf_mutex());
      sink_writes(temporary);
      ::nc_abort(id);
    }
    if (created) ::unlink(temporary.c_str());
  }

  [[noreturn]] void fail_with(const std::string& reason) const {
    fail(Exit::data, "{}: cannot write the forecast: {}", path.string(), reason);
  }

  // Runs a netCDF call. HDF5 reports a failed write as "HDF error" only; the reason is what the system left
  // in errno.
  template <typename Function, typename... Args>
  void call(Function function, Args... args) {
    const std::lock_guard lock(netcdf_mutex());
    errno = 0;
    const int status = function(args...);
    const int reason = errno;
    if (status == NC_NOERR) return;
    const bool of_system = reason != 0 && (status > 0 || status == NC_EHDFERR);
    fail_with(of_system ? std::strerror(reason) : ::nc_strerror(status));
  }

  void create(const Dataset& dataset, const ForecastLayout& layout) {
    const auto fields =
        static_cast<int64_t>(layout.initial_times.size() * layout.variables.size()) * layout.steps;
    // Uncompressed: how small a field gets is not known before.
    const int64_t bytes =
        fields * dataset.grid().points() * static_cast<int64_t>(sizeof(float)) + kMetadataBytes;
    const int reason = room_error(temporary, bytes);
    if (reason != 0) fail_with(fmt::format("{} (it needs up to {} bytes)", std::strerror(reason), bytes));
    created = true;  // a failed nc_create may leave a file as well
    call(::nc_create, temporary.c_str(), NC_NETCDF4 | NC_CLOBBER, &id);
    room_held = hold_room(temporary, bytes);
  }

  void require_room(int64_t bytes) const {
    const int reason = growth_error(temporary, bytes + kMetadataBytes, room_held);
    if (reason != 0) fail_with(std::strerror(reason));
  }

  void put(int variable, const std::string& name, const NetcdfAttribute& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      call(::nc_put_att_text, id, variable, name.c_str(), text->size(), text->c_str());
    } else {
      const auto& numbers = std::get<std::vector<double>>(value);
      call(::nc_put_att_double, id, variable, name.c_str(), NC_DOUBLE, numbers.size(), numbers.data());
    }
  }

  // The source's attributes over `defaults`, without those that do not hold for a forecast.
  void put_all(int variable, const Attributes& source, Attributes defaults) {
    for (const auto& [name, value] : source) {
      if (!kLeftOut.contains(name)) defaults.insert_or_assign(name, value);
    }
    for (const auto& [name, value] : defaults)
      put(variable, name, value);
  }

  int define(const std::string& name, nc_type type, std::vector<int> dims) {
    int variable = -1;
    call(::nc_def_var, id, name.c_str(), type, static_cast<int>(dims.size()), dims.data(), &variable);
    return variable;
  }

  int define_dim(const char* name, int64_t size) {
    int dim = -1;
    call(::nc_def_dim, id, name, static_cast<size_t>(size), &dim);
    return dim;
  }

  void define_field(const VariableInfo& info, const std::array<int, 4>& dims, std::array<size_t, 4> chunk);
  void define_file(const Dataset& dataset, const ForecastLayout& layout);
  void write_coordinates(const Dataset& dataset, const ForecastLayout& layout,
                         const std::array<int, 5>& coordinates);
  void put_file_attributes(const Dataset& dataset, const ForecastLayout& layout);
};

void ForecastWriter::Impl::define_field(const VariableInfo& info, const std::array<int, 4>& dims,
                                        std::array<size_t, 4> chunk) {
  const std::string name = forecast_variable_name(info.name);
  const int variable = define(name, NC_FLOAT, {dims.begin(), dims.end()});
  constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  call(::nc_def_var_fill, id, variable, NC_FILL, &kMissing);
  call(::nc_def_var_chunking, id, variable, NC_CHUNKED, chunk.data());
  call(::nc_def_var_deflate, id, variable, 1, 1, kDeflateLevel);
  Attributes defaults;
  if (!info.units.empty()) defaults["units"] = info.units;
  if (name != info.name) defaults["source_variable"] = info.name;
  put_all(variable, info.attributes, std::move(defaults));
  put(variable, "coordinates", "time");
  variables.push_back(variable);
}

void ForecastWriter::Impl::define_file(const Dataset& dataset, const ForecastLayout& layout) {
  const Grid& grid = dataset.grid();
  const std::array<int, 4> dims = {define_dim("init_time", static_cast<int64_t>(layout.initial_times.size())),
                                   define_dim("lead_time", layout.steps), define_dim("lat", grid.rows()),
                                   define_dim("lon", grid.columns())};

  // Units and calendar of the source are written to both kinds of time; nothing else of its time coordinate
  // holds here.
  const Attributes& source_time = dataset.coordinate_attributes("time");
  Attributes time = {{"calendar", calendar_name(dataset.calendar())}};
  for (const char* name : {"units", "calendar"}) {
    const auto found = source_time.find(name);
    if (found != source_time.end()) time.insert_or_assign(name, found->second);
  }
  const int initial = define("init_time", NC_DOUBLE, {dims[0]});
  put_all(initial, time,
          {{"standard_name", "forecast_reference_time"}, {"long_name", "initial time of the forecast"}});
  const int lead = define("lead_time", NC_DOUBLE, {dims[1]});
  put_all(lead, {}, {{"standard_name", "forecast_period"}, {"long_name", "lead time"}, {"units", "hours"}});
  if (layout.step.months > 0) {
    put(lead, "comment", "nominal, 730.5 hours a month of the calendar; `time` holds the exact valid times");
  }
  const int valid = define("time", NC_DOUBLE, {dims[0], dims[1]});
  put_all(valid, time, {{"standard_name", "time"}, {"long_name", "valid time of the forecast"}});
  const int latitude = define("lat", NC_DOUBLE, {dims[2]});
  put_all(latitude, dataset.coordinate_attributes("latitude"),
          {{"standard_name", "latitude"}, {"units", "degrees_north"}, {"axis", "Y"}});
  const int longitude = define("lon", NC_DOUBLE, {dims[3]});
  put_all(longitude, dataset.coordinate_attributes("longitude"),
          {{"standard_name", "longitude"}, {"units", "degrees_east"}, {"axis", "X"}});

  columns = grid.columns();
  for (const int64_t v : layout.variables) {
    define_field(dataset.variables()[v], dims,
                 {1, 1, static_cast<size_t>(grid.rows()), static_cast<size_t>(grid.columns())});
  }
  put_file_attributes(dataset, layout);
  call(::nc_enddef, id);
  // Without a cache a field is on its way to the disk when `write` returns, so that what is left to the end
  // is small. Before nc_enddef netCDF-C would set the cache back.
  for (const int variable : variables)
    call(::nc_set_var_chunk_cache, id, variable, size_t{0}, size_t{0}, 0.0f);
  write_coordinates(dataset, layout, {initial, lead, valid, latitude, longitude});
}

void ForecastWriter::Impl::put_file_attributes(const Dataset& dataset, const ForecastLayout& layout) {
  put(NC_GLOBAL, "Conventions", "CF-1.10");
  put(NC_GLOBAL, "title", "Forecast by a vision transformer");
  put(NC_GLOBAL, "source",
      "seqvit, a vision transformer trained on and started from the data named in source_*");
  put(NC_GLOBAL, "history", utc_now() + ": " + layout.command);
  for (const auto& [name, value] : dataset.file_attributes()) {
    if (kCredits.contains(lower(name))) put(NC_GLOBAL, "source_" + lower(name), value);
  }
}

void ForecastWriter::Impl::write_coordinates(const Dataset& dataset, const ForecastLayout& layout,
                                             const std::array<int, 5>& coordinates) {
  const Attributes& attributes = dataset.coordinate_attributes("time");
  const auto units = attributes.find("units");
  check(units != attributes.end() && std::holds_alternative<std::string>(units->second),
        "time without units");
  const TimeUnits time_units = TimeUnits::parse(std::get<std::string>(units->second), dataset.calendar());
  const auto encode = [&](TimeStamp time) {
    return static_cast<double>(time - time_units.origin) / time_units.seconds_per_unit;
  };
  std::vector<double> initial, lead, valid;
  for (int64_t n = 1; n <= layout.steps; ++n)
    lead.push_back(layout.step.times(n).hours());
  for (const int64_t index : layout.initial_times) {
    const TimeStamp time = dataset.times()[index];
    initial.push_back(encode(time));
    for (int64_t n = 1; n <= layout.steps; ++n) {
      valid.push_back(encode(layout.step.times(n).after(time, dataset.calendar())));
    }
  }
  call(::nc_put_var_double, id, coordinates[0], initial.data());
  call(::nc_put_var_double, id, coordinates[1], lead.data());
  call(::nc_put_var_double, id, coordinates[2], valid.data());
  call(::nc_put_var_double, id, coordinates[3], dataset.grid().latitude.data());
  call(::nc_put_var_double, id, coordinates[4], dataset.grid().longitude.data());
}

ForecastWriter::ForecastWriter(const std::filesystem::path& path, const Dataset& dataset,
                               const ForecastLayout& layout)
    : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  impl_->temporary = path.string() + ".tmp";
  impl_->create(dataset, layout);
  impl_->define_file(dataset, layout);
}

ForecastWriter::~ForecastWriter() = default;

void ForecastWriter::write(int64_t initial, int64_t lead, int64_t variable, Range rows,
                           std::span<const float> values) {
  check(static_cast<int64_t>(values.size()) == rows.size() * impl_->columns,
        "a forecast field has the wrong size");
  impl_->require_room(static_cast<int64_t>(values.size_bytes()));
  const std::array<size_t, 4> start = {static_cast<size_t>(initial), static_cast<size_t>(lead),
                                       static_cast<size_t>(rows.begin), 0};
  const std::array<size_t, 4> count = {1, 1, static_cast<size_t>(rows.size()),
                                       static_cast<size_t>(impl_->columns)};
  impl_->call(::nc_put_vara_float, impl_->id, impl_->variables.at(variable), start.data(), count.data(),
              values.data());
}

void ForecastWriter::commit() {
  impl_->require_room(0);
  impl_->call(::nc_sync, impl_->id);
  const int id = std::exchange(impl_->id, -1);
  impl_->call(::nc_close, id);
  const int descriptor = ::open(impl_->temporary.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced || ::rename(impl_->temporary.c_str(), impl_->path.c_str()) != 0) {
    impl_->fail_with(std::strerror(errno));
  }
  impl_->created = false;
}

std::string forecast_variable_name(const std::string& name) {
  std::string cf_name = name;
  for (char& c : cf_name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return cf_name;
}

std::vector<float> read_forecast(const std::filesystem::path& path, const std::string& variable,
                                 int64_t initial, int64_t lead) {
  const NetcdfFile file(path.string());
  const NetcdfVariable* found = file.find(forecast_variable_name(variable));
  if (found == nullptr) fail(Exit::data, "{}: no variable '{}'", path.string(), variable);
  const std::vector<int64_t> start = {initial, lead, 0, 0},
                             count = {1, 1, found->dims[2].size, found->dims[3].size};
  std::vector<float> field(count[2] * count[3]);
  file.read(*found, start, count, field);
  return field;
}

}  // namespace seqvit
