/// Writes small NetCDF files of every kind for the tests of reading.
#pragma once

#include <functional>
#include <map>
#include <netcdf.h>
#include <string>
#include <vector>

#include "data/calendar.h"

namespace seqvit::data {

/// netCDF-C with its errors as exceptions of the test.
class NetcdfBuilder {
 public:
  /// `format`: 0 (CDF-1), NC_64BIT_OFFSET (CDF-2), NC_64BIT_DATA (CDF-5) or NC_NETCDF4.
  NetcdfBuilder(const std::string& path, int format);
  ~NetcdfBuilder();
  NetcdfBuilder(const NetcdfBuilder&) = delete;
  NetcdfBuilder& operator=(const NetcdfBuilder&) = delete;

  int dim(const std::string& name, size_t size);  ///< 0: unlimited
  int variable(const std::string& name, nc_type type, const std::vector<std::string>& dims);
  void text(int variable, const std::string& name, const std::string& value);
  void number(int variable, const std::string& name, nc_type type, const std::vector<double>& values);
  /// Writes a whole variable (its unlimited dimension, the first, grows to fit); raw values, converted to its
  /// type.
  void put(int variable, const std::vector<double>& values);
  void chunk(int variable, const std::vector<size_t>& sizes);
  void big_endian(int variable);
  /// A coordinate variable of the dimension of the same name.
  int coordinate(const std::string& name, const std::vector<double>& values, const std::string& units,
                 bool unlimited = false, nc_type type = NC_DOUBLE);
  int id() const { return id_; }

 private:
  int id_ = -1;
  std::map<std::string, int> dims_;
};

/// A file of gridded variables whose values are a formula of where and when they stand, so that any way of
/// reading them can be checked.
struct GridFile {
  int format = NC_NETCDF4;
  nc_type type = NC_FLOAT;
  std::vector<double> latitude = {60, 50, 40, 30, 20};
  std::vector<double> longitude = {0, 60, 120, 180, 240, 300};
  std::vector<double> hours = {0, 6, 12, 18};
  std::vector<double> levels;  ///< empty: no level dimension
  std::vector<std::string> variables = {"air"};
  std::vector<std::string> statics;  ///< (lat, lon)
  std::string order = "tlyx";        ///< of the dims: time, level, rows (y), columns (x)
  std::string units = "K", time_units = "hours since 2000-01-01", calendar = "standard";
  std::map<char, std::string> names = {{'t', "time"}, {'l', "level"}, {'y', "lat"}, {'x', "lon"}};
  std::vector<size_t> chunk;  ///< of the variables, in their order of dims
  double missing_where = -1;  ///< longitude that has no values
  bool unlimited = false;

  /// The value of a variable (0 for the first name): a smooth field that differs everywhere.
  static double value(size_t variable, double hour, double level, double latitude, double longitude);
  void write(const std::string& path) const;
};

/// Damages the last deflated chunk of a file, so that it no longer inflates; the header stays as it was.
void damage_last_chunk(const std::string& path);

}  // namespace seqvit::data
