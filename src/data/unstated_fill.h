/// Values that stand for "no value" without the file saying so: -9999, 1e20, an int16 of -32768 beside a
/// declared -32767, a temperature of 0 K.
///
/// Such a value is the lowest or the highest of its variable, stands there more than once, and is far from
/// all others: further than they are spread where it is one that writers use for this (nines, a power of ten,
/// the end of its stored type, zero), ten times further where it is any number. Fractions, masks, and rain
/// that is mostly zero have nothing of the kind. A guess all the same: whoever trains is asked.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "data/unpack.h"

namespace seqvit::data {

struct SuspectFill {
  double value = 0.0;
  int64_t count = 0;                   ///< how often it stands there
  double share = 0.0;                  ///< of the valid values
  double lowest = 0.0, highest = 0.0;  ///< of all others

  /// "3.2 % of the values are -9999, far from all others (201 to 310)".
  std::string text() const;
  /// "data.missing: {ts: [-9999]}" and what it means.
  static std::string fix(const std::string& variable, double value);
};

/// The extremes of a stream of values with what stands next to them.
class FillDetector {
 public:
  void add(std::span<const float> values) { add_all(values); }
  void add(std::span<const double> values) { add_all(values); }
  /// `packing`: of the stored values, where known.
  std::optional<SuspectFill> found(const Packing* packing = nullptr) const;

 private:
  /// The outermost value on one side and the next one inwards.
  struct End {
    double value = std::numeric_limits<double>::infinity(), next = value;
    int64_t count = 0;
    void take(double key) {
      if (key < value) {
        next = value;
        value = key;
        count = 1;
      } else if (key == value) {
        ++count;
      } else if (key < next) {
        next = key;
      }
    }
  };
  template <typename T>
  void add_all(std::span<const T> values) {
    for (const T value : values) {
      if (value != value) continue;
      ++total_;
      low_.take(static_cast<double>(value));
      high_.take(-static_cast<double>(value));  // the same, mirrored
    }
  }

  int64_t total_ = 0;
  End low_, high_;
};

}  // namespace seqvit::data
