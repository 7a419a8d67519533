/// Why layouts do not run, grouped: many thousand fail for a handful of reasons.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/parallel_config.h"

namespace seqvit::plan {

struct Rejected {
  std::string reason;   ///< the message, with every number as N
  int64_t count = 0;    ///< layouts
  std::string nearest;  ///< the message of the one that misses by least, with what would make it fit
  std::string layout;   ///< that one: "pp 1 x dp 1 x sp 16 x tp 1, ulysses"
};

class Reasons {
 public:
  /// `distance`: by how much it misses, in a unit that is the same for one reason.
  void add(const std::string& message, const ParallelConfig& layout, double distance);
  /// Under a reason of its own, where the message's numbers and hints differ from layout to layout; it is
  /// asked for where it is the nearest.
  void add(const std::string& reason, const std::function<std::string()>& message,
           const ParallelConfig& layout, double distance);
  /// Most frequent first.
  std::vector<Rejected> sorted() const;

 private:
  struct Nearest {
    Rejected rejected;
    double distance;
  };
  std::map<std::string, Nearest> by_reason_;
};

/// "pp 1 x dp 2 x sp 4 x tp 1, ring".
std::string describe(const ParallelConfig& layout);

}  // namespace seqvit::plan
