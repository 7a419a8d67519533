/// Scalars of a run as TensorBoard reads them (`tensorboard --logdir RUN`), without TensorBoard or protobuf.
///
/// A file is a row of records: length (8 bytes, little-endian), masked CRC-32C of the length, payload, masked
/// CRC-32C of the payload. A payload is an Event message in protobuf's encoding: wall_time (1, double), step
/// (2, varint), then file_version (3, string) in the first record and summary (5) in the others, which holds
/// a value (1) a scalar with tag (1, string) and simple_value (2, float). Formats: TensorFlow's
/// record_writer.h, event.proto and summary.proto; CRC-32C: RFC 3720, appendix B.4. Each process of a run
/// makes a file of its own; TensorBoard reads all of a directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seqvit::train {

class EventFile {
 public:
  using Scalars = std::vector<std::pair<std::string, double>>;  // tag, value

  /// Makes `run`/events.out.tfevents.* anew.
  explicit EventFile(const std::filesystem::path& run);
  /// Adds the scalars of a step; they are on their way to disk when this returns. Throws Error(checkpoint) if
  /// they cannot be written.
  void write(int64_t step, const Scalars& scalars);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
  void record(const std::string& payload);
};

/// CRC-32C (Castagnoli) of bytes.
uint32_t crc32c(std::string_view bytes);

}  // namespace seqvit::train
