/// Writing a NetCDF-4 file that is either whole or absent.
///
/// The file is made under a temporary name and gets its own at `commit`; without that nothing is left. Room
/// for all data is asked for before anything is written (full_disk.h says why). First dimensions, variables
/// and attributes, then `end_definitions`, then values, a field at a time, with no cache in between. Calls
/// take netcdf_mutex(), so other threads may read files in the meantime. Every failure throws Error(data)
/// with path and reason.
#pragma once

#include "data/file_writer.h"

namespace seqvit::data {

class NetcdfWriter final : public FileWriter {
 public:
  /// `bytes` of data at most, as they are before compression; `what` completes "cannot write ...".
  NetcdfWriter(std::filesystem::path path, std::string what, int64_t bytes);
  ~NetcdfWriter() override;

  int define_dim(const std::string& name, int64_t size) override;
  int define_coordinate(const std::string& name, const std::vector<int>& dims) override;
  /// A coordinate of texts.
  int define_labels(const std::string& name, int dim);
  int define_field(const std::string& name, const std::vector<int>& dims,
                   const std::vector<size_t>& chunk) override;
  void put(int variable, const std::string& name, const Attribute& value) override;
  void end_definitions() override;
  void write(int variable, std::span<const double> values) override;
  void write_labels(int variable, const std::vector<std::string>& labels);
  void write(int variable, std::span<const size_t> start, std::span<const size_t> count,
             std::span<const float> values) override;
  void commit() override;

 private:
  template <typename Function, typename... Args>
  void call(Function function, Args... args);
  [[noreturn]] void fail_with(const std::string& reason) const;
  void require_room(int64_t bytes) const;
  int define(const std::string& name, int type, const std::vector<int>& dims);

  std::filesystem::path path_, temporary_;
  std::string what_;
  int id_ = -1;
  bool created_ = false, room_held_ = false;
  std::vector<int> fields_;
};

}  // namespace seqvit::data
