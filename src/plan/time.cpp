#include "plan/time.h"

#include <algorithm>
#include <cmath>

#include "plan/traffic.h"

namespace seqvit::plan {
namespace {

struct Work {
  double products = 0.0, attention = 0.0;  ///< operations
};

/// Of one block, for all samples of a step. Forward once, backward twice as much in products and 2.5 times in
/// attention, which makes its scores again (Dao et al., arXiv 2205.14135).
Work block_work(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  const auto samples = static_cast<double>(part.samples * config.train.longest_rollout());
  const auto width = static_cast<double>(shape.config.embed_dim);
  const auto group = static_cast<double>(part.group_tokens[part.sp]);
  const double mine = width * static_cast<double>(part.heads) / static_cast<double>(shape.config.num_heads);
  const bool lss = config.parallel.sp > 1 && config.parallel.sequence == Sequence::lss;
  const double context = lss ? static_cast<double>(part.all_tokens) : group;
  const double projections = 2.0 * width * mine * (2.0 * group + 2.0 * context);
  const double mlp = 4.0 * group * width * static_cast<double>(part.hidden);
  // Queries of mine against all keys: Ulysses has more queries of fewer heads.
  const double heads = static_cast<double>(part.ulysses_heads()),
               channels = heads * width / static_cast<double>(shape.config.num_heads);
  const double attention =
      4.0 * channels * static_cast<double>(part.ulysses_tokens()) * static_cast<double>(part.all_tokens);
  Work work{3.0 * (projections + mlp), 3.5 * attention};
  if (config.memory.recompute != Recompute::none)
    work.products += projections + mlp / 2.0;  // fc2 is not run again
  if (config.memory.recompute == Recompute::full) work.attention += attention;
  const auto again = static_cast<double>(part.samples * steps_run_again(config));
  return {samples * work.products + again * (projections + mlp),
          samples * work.attention + again * attention};
}

/// Bytes that norms, gelu and residuals read and write in a block: 4, 2 and 6 widths a token (gelu of the
/// hidden width) forward, twice that backward; 4 more where queries and keys are turned or normalised. A
/// depthwise layer reads and writes another width.
double passes_over_tokens(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  const auto samples = static_cast<double>(part.samples * config.train.longest_rollout());
  const double tokens = static_cast<double>(part.tokens),
               group = static_cast<double>(part.group_tokens[part.sp]);
  const double widths = shape.config.local == Local::depthwise ? 12.0 : 10.0;
  const double forward =
      widths * tokens * static_cast<double>(shape.config.embed_dim * master_bytes(config)) +
      2.0 * group * static_cast<double>(part.hidden * compute_bytes(config)) +
      (shape.config.rotary || shape.config.qk_norm ? 4.0 : 0.0) * group *
          static_cast<double>(part.heads * shape.config.embed_dim / shape.config.num_heads *
                              compute_bytes(config));
  return forward * (samples * (config.memory.recompute == Recompute::none ? 3.0 : 4.0) +
                    static_cast<double>(part.samples * steps_run_again(config)));
}

/// Embedding (fields want no gradient) and head, if they are here.
double ends_work(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  const auto samples = static_cast<double>(part.samples * config.train.longest_rollout()),
             width = static_cast<double>(shape.config.embed_dim);
  const double point = 2.0 * samples * width * static_cast<double>(part.slab.patches.size());
  double work = 0.0;
  if (part.begins_model) work += 2.0 * point * static_cast<double>(shape.inputs() * shape.read_points());
  if (part.ends_model) {
    work += 3.0 * point * static_cast<double>(std::ssize(shape.targets) * shape.written_points());
    work += 6.0 * samples * static_cast<double>(part.tokens * shape.config.head_layers) * width * width;
  }
  return work;
}

/// An axis of the mesh as the network sees it: `ranks` of them, `stride` apart.
struct Axis {
  int64_t ranks, stride;
};

class Wire {
 public:
  explicit Wire(const Machine& machine) : machine_(machine) {}

  /// A gather or a sum in which this rank sends `bytes`.
  double ring(Axis axis, double bytes, double calls) const {
    const double rate = stays_inside(axis) ? machine_.inside.bytes_per_second
                                           : std::min(machine_.inside.bytes_per_second,
                                                      machine_.between.bytes_per_second * local(axis));
    return bytes / rate + latency(axis, calls);
  }
  /// Messages to the ranks before and after, of which those at a node's end leave it.
  double neighbours(Axis axis, double bytes, double calls) const {
    const Link& link = stays_inside(axis) ? machine_.inside : machine_.between;
    return bytes / link.bytes_per_second + calls * link.seconds;
  }
  double all_to_all(Axis axis, double bytes, double calls) const {
    const double others = static_cast<double>(axis.ranks - 1);
    const double out = stays_inside(axis) ? 0.0 : (static_cast<double>(axis.ranks) - local(axis)) / others;
    return std::max(bytes * (1.0 - out) / machine_.inside.bytes_per_second,
                    bytes * out / machine_.between.bytes_per_second) +
           latency(axis, calls);
  }

 private:
  const Machine& machine_;

  bool stays_inside(Axis axis) const { return axis.ranks * axis.stride <= machine_.ranks_per_node; }
  /// Ranks of the axis that share a node.
  double local(Axis axis) const {
    return static_cast<double>(std::clamp<int64_t>(machine_.ranks_per_node / axis.stride, 1, axis.ranks));
  }
  double latency(Axis axis, double calls) const {
    const Link& link = stays_inside(axis) ? machine_.inside : machine_.between;
    return calls * link.seconds * std::ceil(std::log2(static_cast<double>(axis.ranks)));
  }
};

/// Seconds that messages take, before any of it hides.
ByPurpose<double> wire_seconds(const RankPart& part, const model::ModelShape& shape, const Config& config,
                               const Machine& machine) {
  const ParallelConfig& p = config.parallel;
  const Wire wire(machine);
  const Axis tp{p.tp, 1}, sp{p.sp, p.tp}, ulysses{part.ulysses, p.tp}, tokens{p.sp * p.tp, 1};
  const Axis ring{part.ring, p.tp * part.ulysses}, stage{p.dp * p.sp * p.tp, 1}, pp{2, p.dp * p.sp * p.tp};
  const Axis world{p.ranks(), 1};
  const double passes = static_cast<double>(config.train.micro_batches * config.train.longest_rollout()),
               blocks = static_cast<double>(part.blocks()) * passes,
               again = config.memory.recompute == Recompute::none ? 0.0 : 1.0;
  const double uses = p.zero >= 2 ? passes * (2.0 + again) : 2.0;
  const TrafficBytes bytes = predict_traffic(part, shape, config);
  ByPurpose<double> seconds;
  /// Where something is sent.
  const auto set = [&](Purpose purpose, auto collective, Axis axis, double calls) {
    if (bytes[purpose] > 0)
      seconds[purpose] = (wire.*collective)(axis, static_cast<double>(bytes[purpose]), calls);
  };
  set(Purpose::tp, &Wire::ring, tp, (8.0 + 3.0 * again) * blocks);
  // Where tensors go one by one there are more calls, but then it is bytes that take the time.
  set(Purpose::ulysses, &Wire::all_to_all, ulysses, (4.0 + 2.0 * again) * blocks);
  set(Purpose::lss, &Wire::ring, tokens, (2.0 + again) * blocks);
  set(Purpose::lss_kv, &Wire::ring, sp, (2.0 + again) * blocks);
  set(Purpose::ring, &Wire::ring, ring, 3.0 * blocks * static_cast<double>(part.ring - 1));
  set(Purpose::halo, &Wire::neighbours, tokens, (2.0 + again) * blocks);
  set(Purpose::pp, &Wire::ring, pp, 4.0 * passes);
  set(Purpose::zero, &Wire::ring, stage, 2.0 * static_cast<double>(part.group_count()) * uses);
  for (const Purpose purpose : {Purpose::loss_weight, Purpose::loss, Purpose::gradient_norm})
    set(purpose, &Wire::ring, world, 2.0);
  return seconds;
}

}  // namespace

std::map<std::string, double> TimeParts::by_name() const {
  return {{"products", products},   {"attention", attention}, {"elementwise", elementwise},
          {"optimizer", optimizer}, {"bubble", bubble},       {"communication tp", tp},
          {"communication sp", sp}, {"communication pp", pp}, {"communication data", data}};
}

TimePrediction predict_time(const RankPart& part, const model::ModelShape& shape, const Config& config,
                            const Machine& machine) {
  const double rate = machine.rate(config.train.precision);
  const Work block = block_work(part, shape, config);
  const auto blocks = static_cast<double>(part.blocks());
  TimeParts parts;
  parts.products = (blocks * block.products + ends_work(part, shape, config)) / rate;
  parts.attention = blocks * block.attention / (rate * machine.attention_share);

  parts.elementwise = blocks * passes_over_tokens(part, shape, config) / machine.memory_rate;
  const ByPurpose<double> wire = wire_seconds(part, shape, config, machine);
  // Gathers are two of the three messages of a ZeRO-3 pass, in a third of the time or more.
  const double gathers = config.parallel.zero == 3 ? wire[Purpose::zero] * 2.0 / 3.0 : 0.0;
  parts.tp = wire[Purpose::tp];
  parts.sp = wire[Purpose::ulysses] + wire[Purpose::halo] + wire[Purpose::lss] + wire[Purpose::lss_kv] +
             std::max(0.0, wire[Purpose::ring] - parts.attention);
  parts.pp = wire[Purpose::pp];
  parts.data = wire[Purpose::loss] + wire[Purpose::loss_weight] + wire[Purpose::gradient_norm] +
               wire[Purpose::zero] - std::min(gathers, parts.products);

  int64_t updated = 0;
  for (const WeightGroup& group : part.groups) {
    for (const SharedVector& v : group.vectors)
      updated += group.count * (config.parallel.zero == 0 ? v.elements : v.mine());
  }
  // AdamW reads weight, gradient and two moments, and writes all but the gradient; clipping reads it twice
  // more. A moving average reads weight and average and writes that.
  parts.optimizer = (config.train.ema > 0.0 ? 12.0 : 9.0) *
                    static_cast<double>(updated * master_bytes(config)) / machine.memory_rate;

  const auto stages = static_cast<double>(config.parallel.pp - 1),
             turns = static_cast<double>(config.parallel.interleave * config.train.micro_batches);
  const double busy = parts.products + parts.attention + parts.elementwise + parts.tp + parts.sp + parts.pp;
  parts.bubble = busy * stages / turns;
  return {parts, parts.total()};
}

}  // namespace seqvit::plan
