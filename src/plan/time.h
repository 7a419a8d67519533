/// The seconds of a training step, by part.
///
/// When to use it: to rank layouts. Work is counted (operations of products and attention with what is run
/// again, bytes of traffic.h, bytes that the optimizer touches) and divided by the machine's rates; the rank
/// with the most of it sets the pace. Microseconds a call.
///
/// A gather or sum is modelled as a ring of the ranks ordered by node, whose slowest link is that between
/// nodes, shared by the rings that cross there at the same time; of an all-to-all the part for other nodes
/// goes out over the rank's own share of the network (NCCL's bus bandwidth counts alike). Messages of the
/// ring strategy hide behind attention and ZeRO-3's gathers behind the products of the blocks before, as the
/// program starts them; everything else is waited for. Pipeline: 1F1B's bubble, (pp - 1) / (interleave x
/// micro_batches) of a stage's work (Narayanan et al., arXiv 2104.04473).
#pragma once

#include <map>
#include <string>

#include "plan/machine.h"
#include "plan/rank_part.h"

namespace seqvit::plan {

/// Seconds of a step, by what takes them.
struct TimeParts {
  double products = 0.0, attention = 0.0, elementwise = 0.0, optimizer = 0.0, bubble = 0.0;
  double tp = 0.0, sp = 0.0, pp = 0.0, data = 0.0;  ///< what is waited for of messages, by axis

  double communication() const { return data + pp + sp + tp; }
  double total() const { return attention + bubble + communication() + elementwise + optimizer + products; }
  /// Under the names of `plan --json`: "communication tp".
  std::map<std::string, double> by_name() const;
};

struct TimePrediction {
  TimeParts parts;
  double total = 0.0;  ///< their sum
};

/// Of the rank `part`, if the others were as far as it is.
TimePrediction predict_time(const RankPart& part, const model::ModelShape& shape, const Config& config,
                            const Machine& machine);

}  // namespace seqvit::plan
