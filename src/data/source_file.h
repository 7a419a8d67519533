/// A file of gridded data as the rest of the program sees it, whatever its format: variables with dimensions
/// and attributes, and their values a hyperslab at a time.
///
/// A format is a class that fills in the protected members when it is made and hands out stored values
/// (`read_stored`); what they mean (packing, missing values) is the same for all formats and done here.
/// Formats that the program knows, and how a program of one's own adds another: open_file.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/file_stamp.h"
#include "data/unpack.h"

namespace seqvit::data {

struct FileDim {
  std::string name;
  int64_t size = 0;
  bool unlimited = false;
};

struct FileVariable {
  std::string name;
  std::string stored_type;     ///< "int16", "float32", ...
  std::vector<FileDim> dims;   ///< in file order
  std::vector<int64_t> chunk;  ///< shape of what is decoded at once; empty where any part can be read alone
  std::map<std::string, Attribute> attributes;
  StoredType type = StoredType::other;
  Packing packing;
  int id = -1;  ///< its format's own number, within the file

  /// Values of the whole variable; the largest int64_t where there are more.
  int64_t size() const;
  /// Numbers that `read` can read: not text, not a user-defined type.
  bool numeric() const { return type < StoredType::text; }
  /// Text attribute, or "" where there is none.
  std::string text(const std::string& attribute) const;
  std::optional<double> number(const std::string& attribute) const;
};

class SourceFile {
 public:
  virtual ~SourceFile() = default;
  SourceFile& operator=(const SourceFile&) = delete;
  SourceFile& operator=(SourceFile&&) = delete;

  const std::string& path() const { return path_; }
  /// On disk, or a lower bound that is large enough for what the file says it holds.
  int64_t bytes() const { return bytes_; }
  const FileStamp& stamp() const { return stamp_; }
  const std::vector<FileVariable>& variables() const { return variables_; }
  /// nullptr where there is no such variable.
  const FileVariable* find(const std::string& name) const;
  const std::map<std::string, Attribute>& attributes() const { return attributes_; }

  /// Reads a hyperslab (one start and count a dim, in file order), unpacked: stored * scale_factor +
  /// add_offset; NaN where the *stored* value equals _FillValue or missing_value, lies outside
  /// valid_range/valid_min/valid_max, or is NaN (the exact rules: make_packing), and in floats where it is
  /// not finite. Throws Error(data) naming file and variable, also where the file is no longer the one that
  /// was opened. Safe under threads.
  void read(const FileVariable& variable, std::span<const int64_t> start, std::span<const int64_t> count,
            std::span<float> out) const;
  void read(const FileVariable& variable, std::span<const int64_t> start, std::span<const int64_t> count,
            std::span<double> out) const;
  /// All values of a variable, as doubles. Throws Error(data) for more than 2^26 of them: for coordinates,
  /// not for fields.
  std::vector<double> read_all(const FileVariable& variable) const;

 protected:
  SourceFile(std::string path, const FileStamp& stamp) : path_(std::move(path)), stamp_(stamp) {}
  SourceFile(SourceFile&&) = default;

  std::string path_;
  FileStamp stamp_;
  int64_t bytes_ = 0;
  std::vector<FileVariable> variables_;
  std::map<std::string, Attribute> attributes_;

 private:
  /// Stored values of a hyperslab that lies inside the variable and is not empty, row-major and in native
  /// byte order. Called by several threads at once. Throws Error(data).
  virtual void read_stored(const FileVariable& variable, std::span<const int64_t> start,
                           std::span<const int64_t> count, std::byte* out) const = 0;

  template <typename Out>
  void read_unpacked(const FileVariable& variable, std::span<const int64_t> start,
                     std::span<const int64_t> count, std::span<Out> out, StoredType in_place) const;
};

}  // namespace seqvit::data
