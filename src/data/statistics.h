/// Mean and standard deviation of each variable, and of the tendency of each target, over the training
/// period.
///
/// One streaming pass in double precision; missing values are left out. The result is cached on disk under a
/// key made of the files' checksums and everything else it depends on.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

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

/// Throws Error(data) for a variable that is constant or has no valid value over the period, Error(usage)
/// where no two times of the period lie `lead` apart, Error(success) "stopped" on Ctrl-C. A variable whose
/// tendency is zero everywhere (it varies in space only) keeps the tendency moments 0 and 1.
Statistics compute_statistics(const Dataset& dataset, Range period, const LeadTime& lead);

/// The same through the cache in `directory` ("" for cache_directory() of checksums.h: $SEQVIT_CACHE or
/// ~/.cache/seqvit). A directory that cannot be written or a damaged file in it is not an error.
Statistics cached_statistics(const Dataset& dataset, Range period, const LeadTime& lead,
                             const std::string& directory = "");

/// {"variables": {"air": {"mean", "std"}}, "statics": {...}, "tendencies": {...}}.
nlohmann::json to_json(const Statistics& statistics, const Dataset& dataset);
/// Throws Error(checkpoint) unless every variable of the data set has its moments.
Statistics statistics_from_json(const nlohmann::json& json, const Dataset& dataset);

}  // namespace seqvit
