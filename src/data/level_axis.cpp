#include "data/level_axis.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

namespace seqvit::data {

std::vector<std::string> level_names(const std::string& variable, const std::vector<double>& levels) {
  std::vector<std::string> names;
  for (const int digits : {6, 9, 17}) {
    names.clear();
    for (const double level : levels)
      names.push_back(fmt::format("{}@{:.{}g}", variable, level, digits));
    if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) break;
  }
  return names;
}

int64_t find_level(const std::vector<double>& levels, double wanted) {
  int64_t nearest = -1;
  double distance = 1e-5 * std::max(std::abs(wanted), 1e-3);
  for (size_t k = 0; k < levels.size(); ++k) {
    const double apart = std::abs(levels[k] - wanted);
    if (apart > distance || (nearest >= 0 && apart == distance)) continue;
    nearest = static_cast<int64_t>(k);
    distance = apart;
  }
  return nearest;
}

}  // namespace seqvit::data
