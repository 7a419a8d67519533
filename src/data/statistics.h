/// Mean and standard deviation of each variable, and of the tendency of each target, over the training period.
///
/// One streaming pass in double precision; missing values are left out. The result is cached on disk under a key made of
/// the files' checksums and everything else it depends on.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/samples.h"

namespace seqvit {

struct Moments {
  double mean = 0.0, std = 1.0;
};

struct Statistics {
  std::vector<Moments> variables;   ///< of Dataset::variables()
  std::vector<Moments> statics;     ///< of Dataset::statics()
  std::vector<Moments> tendencies;  ///< of Dataset::variables(): x(t + lead) - x(t)
};

/// Throws Error(data) for a variable that is constant or has no valid value over the period.
Statistics compute_statistics(const Dataset& dataset, Range period, const LeadTime& lead);

/// The same through the cache in `directory` ("" for $SEQVIT_CACHE, or ~/.cache/seqvit; a directory that cannot be
/// written is not an error).
Statistics cached_statistics(const Dataset& dataset, Range period, const LeadTime& lead, const std::string& directory = "");

/// {"variables": {"air": {"mean", "std"}}, "statics": {...}, "tendencies": {...}}.
nlohmann::json to_json(const Statistics& statistics, const Dataset& dataset);
Statistics statistics_from_json(const nlohmann::json& json, const Dataset& dataset);

}  // namespace seqvit
