/// Reading Zarr stores, versions 2 and 3, from a directory (zarr_array.h: what of them is understood).
///
/// Chunks are read and decoded by as many threads as there are cores (core/workers.h), each straight into its
/// place of the result. A chunk that is not there is the fill value; one that is short or damaged is an
/// Error(data) that names its file. Memory: one chunk, packed and unpacked, a thread.
#pragma once

#include "data/zarr_array.h"

namespace seqvit::data {

class ZarrFile final : public SourceFile {
 public:
  /// Throws Error(data).
  explicit ZarrFile(const std::string& path);

 private:
  ZarrFile(const std::string& path, ZarrStore store);
  void read_stored(const FileVariable& variable, std::span<const int64_t> start,
                   std::span<const int64_t> count, std::byte* out) const override;
  void measure();

  std::vector<ZarrArray> arrays_;
  std::filesystem::path stamped_;
};

}  // namespace seqvit::data
