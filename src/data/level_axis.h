/// The vertical coordinate of a file: pressure, sigma, hybrid, height, depth or a plain number.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/unpack.h"

namespace seqvit::data {

struct LevelAxis {
  std::string name;                             ///< of the dim
  std::map<std::string, Attribute> attributes;  ///< of its coordinate
  std::vector<double> values;                   ///< in the file's order; 1, 2, ... where it has none

  std::string units() const { return text_of(attributes, "units"); }
};

/// "t@850" of each level: to six digits, or as many as tell them apart.
std::vector<std::string> level_names(const std::string& variable, const std::vector<double>& levels);

/// Index of the level that `wanted` means, the nearest of those within rounding, or -1: one that is stored as
/// float, or written to a few digits, is the same level.
int64_t find_level(const std::vector<double>& levels, double wanted);

}  // namespace seqvit::data
