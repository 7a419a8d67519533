/// One GRIB message: what its keys say, its grid and its values. All calls of ecCodes stand in
/// grib_message.cpp; they take one lock, since ecCodes is built without threads in most distributions.
/// Failures throw ChunkError (byte_codec.h) with the reason.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/calendar.h"

namespace seqvit::data {

struct GribKeys {
  std::string name, long_name, standard_name, units;
  std::string level_type;
  double level = 0.0;
  TimeStamp start = 0, valid = 0;  ///< of the forecast; of the field. In the standard calendar
  int64_t number = 0;              ///< of the member of an ensemble
  std::string grid;                ///< the same text for the same grid
  std::string problem;  ///< why its grid is not supported, with the command that helps; "" where it is
};

/// A grid by the order of a message's values.
struct GribGrid {
  std::vector<double> latitude, longitude;  ///< rows and columns, in the order in which they first come
  std::vector<int32_t> place;               ///< of each value: row * columns + column
};

/// "ecCodes 2.28.0".
std::string eccodes_version();

class GribMessage {
 public:
  /// `bytes` must outlive it.
  explicit GribMessage(std::span<const std::byte> bytes);
  GribKeys keys() const;
  GribGrid grid() const;
  /// NaN where the bitmap has no value.
  std::vector<double> values() const;

 private:
  struct Delete {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Delete> handle_;
};

}  // namespace seqvit::data
