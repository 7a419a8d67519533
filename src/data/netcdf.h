/// Reading NetCDF files (netCDF-3 of all versions, netCDF-4) through netCDF-C, which stands in netcdf.cpp
/// only.
///
/// netCDF-C and HDF5 are not safe under threads, so every call takes one lock; it is held for one hyperslab
/// at a time. A netCDF-3 file that is shorter than its header says reads as zeros in netCDF-C, so its size is
/// compared on open, and after each read the file must be the one that was opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/container.h"
#include "data/file_stamp.h"
#include "data/unpack.h"

namespace seqvit::data {

struct NetcdfDim {
  std::string name;
  int64_t size = 0;
  bool unlimited = false;
};

/// The lock that every call of netCDF-C takes, a writer's too. Asking for it also keeps HDF5 from printing
/// its own errors on the thread that asks.
std::mutex& netcdf_mutex();

struct NetcdfVariable {
  std::string name;
  std::string stored_type;      ///< "int16", "float32", ...
  std::vector<NetcdfDim> dims;  ///< in file order
  std::vector<int64_t> chunk;   ///< chunk shape, empty when contiguous
  std::map<std::string, NetcdfAttribute> attributes;
  StoredType type = StoredType::other;
  Packing packing;
  int id = -1;  ///< within its file

  /// Values of the whole variable; the largest int64_t where there are more.
  int64_t size() const;
  /// Numbers that `read` can read: not text, not a user-defined type.
  bool numeric() const { return type < StoredType::text; }
  /// Text attribute, or "" where there is none.
  std::string text(const std::string& attribute) const;
  std::optional<double> number(const std::string& attribute) const;
};

class NetcdfFile {
 public:
  /// Opens and reads the header. Throws Error(data): missing, not NetCDF, truncated.
  explicit NetcdfFile(const std::string& path);
  /// The same from the bytes of a file; `name` stands for its path.
  static NetcdfFile from_memory(const std::string& name, std::string bytes);
  ~NetcdfFile();
  NetcdfFile(NetcdfFile&&) noexcept;
  NetcdfFile& operator=(NetcdfFile&&) = delete;

  const std::string& path() const { return path_; }
  int64_t bytes() const { return container_.bytes; }
  const FileStamp& stamp() const { return stamp_; }
  const std::vector<NetcdfVariable>& variables() const { return variables_; }
  /// nullptr where there is no such variable.
  const NetcdfVariable* find(const std::string& name) const;
  const std::map<std::string, NetcdfAttribute>& attributes() const { return attributes_; }
  /// Names of the file's groups; only the root group is read.
  const std::vector<std::string>& groups() const { return groups_; }

  /// Reads a hyperslab (one start and count a dim, in file order), unpacked: stored * scale_factor +
  /// add_offset; NaN where the *stored* value equals _FillValue or missing_value, lies outside
  /// valid_range/valid_min/valid_max, or is NaN (the exact rules: make_packing), and in floats where it is
  /// not finite. Throws Error(data) naming file and variable, also where the file is no longer the one that
  /// was opened.
  void read(const NetcdfVariable& variable, std::span<const int64_t> start, std::span<const int64_t> count,
            std::span<float> out) const;
  void read(const NetcdfVariable& variable, std::span<const int64_t> start, std::span<const int64_t> count,
            std::span<double> out) const;
  /// All values of a variable, as doubles. Throws Error(data) for more than 2^26 of them: for coordinates,
  /// not for fields.
  std::vector<double> read_all(const NetcdfVariable& variable) const;

 private:
  NetcdfFile(std::string name, std::unique_ptr<std::string> bytes);
  void read_header(int status);
  void read_raw(const NetcdfVariable& variable, std::span<const int64_t> start,
                std::span<const int64_t> count, size_t values, void* raw) const;
  template <typename Out>
  void read_unpacked(const NetcdfVariable& variable, std::span<const int64_t> start,
                     std::span<const int64_t> count, std::span<Out> out, StoredType in_place) const;

  std::string path_;
  FileStamp stamp_;
  Container container_;
  std::unique_ptr<std::string> bytes_;  // of a file in memory, for as long as it is open
  int id_ = -1;
  std::vector<NetcdfVariable> variables_;
  std::map<std::string, NetcdfAttribute> attributes_;
  std::vector<std::string> groups_;
};

}  // namespace seqvit::data
