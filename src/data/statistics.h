/// Mean and standard deviation of each variable, and of the tendency of each target, over the training
/// period.
///
/// One streaming pass in double precision; missing values are left out. The result is cached on disk under a
/// key made of the files' checksums and everything else it depends on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "data/dataset.h"
#include "data/samples.h"

namespace seqvit::data {

struct Moments {
  double mean = 0.0, std = 1.0;
};

/// Of values after their transform, if they have one.
struct Statistics {
  std::vector<Moments> variables;  ///< of Dataset::variables()
  std::vector<Moments> statics;    ///< of Dataset::statics()
  /// By lead time, of Dataset::variables(): x(t + lead) - x(t).
  std::vector<std::vector<Moments>> tendencies;
};

/// Throws Error(data) for a variable that is constant or has no valid value over the period, Error(usage)
/// where no two times of the period lie one of `leads` apart, Error(success) "stopped" on Ctrl-C. A variable
/// whose tendency is zero everywhere (it varies in space only) keeps the tendency moments 0 and 1.
Statistics compute_statistics(const Dataset& dataset, Range period, const std::vector<LeadTime>& leads);

/// The same through the cache in `directory` ("" for cache_directory() of checksums.h: $SEQVIT_CACHE or
/// ~/.cache/seqvit). A directory that cannot be written or a damaged file in it is not an error.
Statistics cached_statistics(const Dataset& dataset, Range period, const std::vector<LeadTime>& leads,
                             const std::string& directory = "");

/// {"variables": {"air": {"mean", "std", "units", "transform" where there is one}}, "statics": {...},
/// "tendencies": {...}, "latitude": [...], "longitude": [...]}; tendencies of further lead times follow as
/// "tendencies 12h".
nlohmann::json to_json(const Statistics& statistics, const Dataset& dataset,
                       const std::vector<LeadTime>& leads);
/// Throws Error(checkpoint) unless every variable of the data set has its moments, Error(data) where its grid
/// or its units are not those that they belong to.
Statistics statistics_from_json(const nlohmann::json& json, const Dataset& dataset,
                                const std::vector<LeadTime>& leads);

}  // namespace seqvit::data
