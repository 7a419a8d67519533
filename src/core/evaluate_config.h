/// Settings of section `evaluate`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace seqvit {

struct EvaluateConfig {
  std::vector<std::string> leads;    ///< multiples of data.lead_time; empty: one lead
  int64_t stride = 1;                ///< score every n-th initial time
  int64_t batch_size = 0;            ///< 0: train.batch_size
  bool average = true;               ///< by the moving average of weights, where the checkpoint has one
  std::vector<std::string> regions;  ///< boxes, see Region::parse; empty: tropics and both hemispheres' rest
};

}  // namespace seqvit
