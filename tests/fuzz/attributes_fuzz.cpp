/// A netCDF file in words, so that what is mutated is its meaning: dimensions, variables, attributes, values.
///
///   format 4                        1, 2, 5 or 4 (netCDF-4)
///   dim lat 3                       0: unlimited
///   var float air time lat lon
///   text units K                    of the variable in front, or of the file
///   numbers scale_factor double 0.5
///   put 1 2 3                       its values, again and again until it is full
#include <algorithm>
#include <array>
#include <map>
#include <netcdf.h>
#include <sstream>

#include "fuzz/fuzz.h"
#include "fuzz/understand.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

nc_type type_named(const std::string& name) {
  constexpr std::array kNames = {"byte",  "char",   "short", "int",   "float", "double",
                                 "ubyte", "ushort", "uint",  "int64", "uint64"};
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? NC_FLOAT : NC_BYTE + static_cast<int>(found - kNames.begin());
}

int format_named(const std::string& name) {
  if (name == "1") return 0;
  if (name == "2") return NC_64BIT_OFFSET;
  return name == "4" ? NC_NETCDF4 : NC_64BIT_DATA;
}

/// Whatever netCDF-C refuses is left out.
class Writer {
 public:
  Writer(const std::string& path, const std::vector<std::string>& lines) {
    const bool named = !lines.empty() && lines.front().starts_with("format ");
    require(nc_create(path.c_str(), NC_CLOBBER | format_named(named ? lines.front().substr(7) : ""), &id_) ==
                NC_NOERR,
            "cannot write the file");
    for (const std::string& line : lines)
      define(line);
    nc_enddef(id_);
    for (const auto& [variable, values] : values_)
      put(variable, values);
    nc_close(id_);  // nc_abort after a close that failed crashes in netCDF-C 4.9.0
  }

 private:
  static constexpr size_t kLongest = 40, kMostValues = 20'000, kRecords = 3;

  void define(const std::string& line) {
    std::istringstream words(line);
    std::string kind, name;
    words >> kind >> name;
    if (kind == "dim") define_dim(name, words);
    if (kind == "var") define_variable(name, words);
    if (kind == "text") {
      std::string text;
      std::getline(words >> std::ws, text);
      nc_put_att_text(id_, variable_, name.c_str(), text.size(), text.c_str());
    }
    if (kind == "numbers") {
      std::string type;
      words >> type;
      const std::vector<double> values = numbers(words);
      nc_put_att_double(id_, variable_, name.c_str(), type_named(type), values.size(), values.data());
    }
    if (kind == "put" && variable_ != NC_GLOBAL) {
      std::istringstream all(line);
      all >> kind;
      values_[variable_] = numbers(all);
    }
  }

  void define_dim(const std::string& name, std::istringstream& words) {
    size_t size = 1;
    words >> size;
    int dim = -1;
    nc_def_dim(id_, name.c_str(), std::min(size, kLongest), &dim);
  }

  void define_variable(const std::string& type, std::istringstream& words) {
    std::string name;
    words >> name;
    std::vector<int> dims;
    for (std::string dim; words >> dim && dims.size() < 5;) {
      int id = -1;
      if (nc_inq_dimid(id_, dim.c_str(), &id) == NC_NOERR) dims.push_back(id);
    }
    int variable = -1;
    if (nc_def_var(id_, name.c_str(), type_named(type), static_cast<int>(dims.size()), dims.data(),
                   &variable) == NC_NOERR)
      variable_ = variable;
  }

  /// Numbers in words, "nan" and "inf" among them.
  static std::vector<double> numbers(std::istringstream& words) {
    std::vector<double> values;
    for (std::string word; words >> word;)
      values.push_back(std::strtod(word.c_str(), nullptr));
    return values;
  }

  void put(int variable, const std::vector<double>& values) {
    int rank = 0, unlimited = -1;
    std::array<int, NC_MAX_VAR_DIMS> dims{};
    nc_inq_unlimdim(id_, &unlimited);
    nc_inq_var(id_, variable, nullptr, nullptr, &rank, dims.data(), nullptr);
    std::vector<size_t> start(rank + 1, 0), count(rank + 1, 1);
    size_t size = 1;
    for (int d = 0; d < rank; ++d) {
      nc_inq_dimlen(id_, dims[d], &count[d]);
      if (dims[d] == unlimited) count[d] = kRecords;
      size *= count[d];
    }
    if (values.empty() || size > kMostValues) return;
    std::vector<double> all(size);
    for (size_t i = 0; i < size; ++i)
      all[i] = values[i % values.size()];
    nc_put_vara_double(id_, variable, start.data(), count.data(), all.data());
  }

  int id_ = -1, variable_ = NC_GLOBAL;
  std::map<int, std::vector<double>> values_;
};

}  // namespace
}  // namespace seqvit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  static const TemporaryDirectory directory;
  // A file of its own each time: HDF5 keeps one open that it could not write to the end, and refuses to
  // replace it.
  static int count = 0;
  const std::filesystem::path path = directory / (std::to_string(++count) + ".nc");
  const Writer writer(path, lines_of(text_of(data, size)));
  within_a_second([&] { only_errors([&] { understand(path); }); });
  std::filesystem::remove(path);
  return 0;
}
