#include "evaluate/synthetic.h"

#include <cmath>
#include <cstdlib>
#include <exception>
#include <netcdf.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include "support/source_path.h"

namespace seqvit::evaluate::testing {
namespace {

void must(int status) {
  if (status != NC_NOERR) throw std::runtime_error(nc_strerror(status));
}

void put_text(int file, int variable, const char* name, const std::string& value) {
  must(nc_put_att_text(file, variable, name, value.size(), value.c_str()));
}

int define_coordinate(int file, const char* name, size_t size, int* dim) {
  int variable = -1;
  must(nc_def_dim(file, name, size, dim));
  must(nc_def_var(file, name, NC_DOUBLE, 1, dim, &variable));
  return variable;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "seqvit-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::filesystem::remove_all(path_);
}

std::vector<double> Synthetic::steps(int64_t count, double step) {
  std::vector<double> times;
  for (int64_t i = 0; i < count; ++i)
    times.push_back(static_cast<double>(i) * step);
  return times;
}

void write_synthetic(const std::filesystem::path& path, const Synthetic& s) {
  int file = -1, dims[3];
  must(nc_create(path.c_str(), NC_NETCDF4 | NC_CLOBBER, &file));
  const int time = define_coordinate(file, "time", s.times.size(), &dims[0]);
  const int latitude = define_coordinate(file, "lat", s.latitude.size(), &dims[1]);
  const int longitude = define_coordinate(file, "lon", s.longitude.size(), &dims[2]);
  put_text(file, time, "units", s.time_units);
  put_text(file, time, "calendar", s.calendar);
  put_text(file, latitude, "units", "degrees_north");
  put_text(file, longitude, "units", "degrees_east");
  put_text(file, NC_GLOBAL, "title", "synthetic source");
  put_text(file, NC_GLOBAL, "license", "free to use");
  std::vector<int> variables(s.variables.size());
  const float fill = -999.0f;
  for (size_t v = 0; v < variables.size(); ++v) {
    must(nc_def_var(file, s.variables[v].c_str(), NC_FLOAT, 3, dims, &variables[v]));
    must(nc_def_var_fill(file, variables[v], NC_FILL, &fill));
    put_text(file, variables[v], "units", "K");
    put_text(file, variables[v], "long_name", "made up " + s.variables[v]);
    put_text(file, variables[v], "standard_name", "air_temperature");
  }
  must(nc_enddef(file));
  must(nc_put_var_double(file, time, s.times.data()));
  must(nc_put_var_double(file, latitude, s.latitude.data()));
  must(nc_put_var_double(file, longitude, s.longitude.data()));
  for (size_t v = 0; v < variables.size(); ++v) {
    std::vector<float> values;
    for (size_t t = 0; t < s.times.size(); ++t) {
      for (size_t y = 0; y < s.latitude.size(); ++y) {
        for (size_t x = 0; x < s.longitude.size(); ++x) {
          const double value = s.value(v, t, y, x);
          values.push_back(std::isnan(value) ? fill : static_cast<float>(value));
        }
      }
    }
    must(nc_put_var_float(file, variables[v], values.data()));
  }
  must(nc_close(file));
}

FunctionForecaster::FunctionForecaster(const data::Dataset& dataset, Function function)
    : rows_{0, dataset.grid().rows()},
      state_size_per_row_(static_cast<int64_t>(dataset.variables().size()) * dataset.grid().columns()),
      function_(std::move(function)) {}

std::vector<float> FunctionForecaster::step(std::span<const float> states,
                                            std::span<const data::TimeStamp> times, int64_t stride,
                                            std::span<const uint64_t> noise) {
  noise_keys.assign(noise.begin(), noise.end());
  std::vector<float> given(states.begin(), states.end()), next;
  const int64_t state = state_size_per_row_ * rows_.size(), size = known_history * state;
  for (size_t b = 0; b < times.size(); ++b) {
    const auto of_sample = std::span(given).subspan(b * size, size);
    for (int64_t step = 0; step < stride; ++step)
      function_(of_sample);
    next.insert(next.end(), of_sample.begin(), of_sample.begin() + state);
  }
  calls.emplace_back(times.front(), stride);
  return next;
}

SlabForecaster::SlabForecaster(const data::Dataset& dataset, Function function, Meeting& meeting, int rank,
                               Range rows, std::vector<float> owned)
    : FunctionForecaster(dataset, std::move(function)), meeting_(meeting), rank_(rank) {
  rows_ = rows;
  owned_ = std::move(owned);
}

void SlabForecaster::sum_over_ranks(std::span<double> values) {
  meeting_.parts[rank_] = values;
  meeting_.barrier.arrive_and_wait();
  std::vector<double> sum(values.size(), 0.0);
  for (const std::span<double> part : meeting_.parts) {
    if (part.size() != values.size()) std::terminate();  // ranks are at different collectives
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += part[i];
  }
  meeting_.barrier.arrive_and_wait();
  std::copy(sum.begin(), sum.end(), values.begin());
}

void run_ranks(int ranks, const std::function<void(int)>& body) {
  std::vector<std::exception_ptr> errors(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        body(rank);
      } catch (...) {
        errors[rank] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

std::string real_data(const std::string& name) {
  const char* directory = std::getenv("SEQVIT_TEST_DATA");
  for (const std::string& place :
       {source_path("samples"), source_path("../shared/data"), std::string(directory ? directory : ".")}) {
    if (std::filesystem::exists(place + "/" + name)) return place + "/" + name;
  }
  return "";
}

}  // namespace seqvit::evaluate::testing
