/// Writing a Zarr store, version 2 with consolidated metadata, as xarray opens it: zstd, `_ARRAY_DIMENSIONS`.
///
/// It is made in a directory of a temporary name beside its own. A store of the same name is replaced at
/// `commit`; anything else there is an error at once.
#pragma once

#include <map>

#include "data/byte_codec.h"
#include "data/file_writer.h"

namespace seqvit::data {

class ZarrWriter final : public FileWriter {
 public:
  ZarrWriter(std::filesystem::path path, std::string what);
  ~ZarrWriter() override;

  int define_dim(const std::string& name, int64_t size) override;
  int define_coordinate(const std::string& name, const std::vector<int>& dims) override;
  int define_field(const std::string& name, const std::vector<int>& dims,
                   const std::vector<size_t>& chunk) override;
  void put(int variable, const std::string& name, const Attribute& value) override;
  void end_definitions() override;
  void write(int variable, std::span<const double> values) override;
  /// The hyperslab lies within one chunk. A chunk is kept in memory until all of it was written.
  void write(int variable, std::span<const size_t> start, std::span<const size_t> count,
             std::span<const float> values) override;
  void commit() override;

 private:
  struct Array {
    std::string name;
    std::vector<int> dims;
    std::vector<size_t> chunk;
    bool field = false;
    std::map<std::string, Attribute> attributes;
  };
  struct Partial {
    std::vector<float> values;
    size_t missing = 0;  // not written yet
  };

  int define(Array array);
  void write_file(const std::string& key, std::string_view bytes) const;
  void write_chunk(const Array& array, const std::string& key, std::span<const std::byte> values) const;
  [[noreturn]] void fail_with(const std::string& reason) const;

  std::filesystem::path path_, temporary_;
  std::string what_;
  std::vector<std::pair<std::string, int64_t>> dims_;
  std::vector<Array> arrays_;
  std::map<std::string, Attribute> attributes_;
  std::map<std::pair<int, std::string>, Partial> partial_;  // by variable and key of the chunk
};

}  // namespace seqvit::data
