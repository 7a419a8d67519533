#include "plan/layouts.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "model/stages.h"

namespace seqvit::plan {
namespace {

constexpr std::string_view kName = "plan";  ///< stands before validation's messages

std::vector<int64_t> divisors(int64_t n) {
  std::vector<int64_t> all;
  for (int64_t d = 1; d <= n; ++d)
    if (n % d == 0) all.push_back(d);
  return all;
}

/// Of the stages between the first and the last, the first of those that have most blocks.
int64_t fullest_between(const model::ModelShape& shape, const ParallelConfig& p) {
  const std::vector<Range> parts = model::divide_model(shape, p.pp * p.interleave);
  int64_t fullest = 1, most = -1;
  for (int64_t stage = 1; stage + 1 < p.pp; ++stage) {
    int64_t blocks = 0;
    for (int64_t chunk = 0; chunk < p.interleave; ++chunk)
      blocks += parts[chunk * p.pp + stage].size();
    if (blocks > most) fullest = stage, most = blocks;
  }
  return fullest;
}

/// Ranks whose work and memory bound those of all others: the first of the first stage, of the last and of
/// the one between them that has most blocks. On each axis the first rank has the largest
/// share; within a hybrid's ring another may send a thousandth more.
std::vector<RankPart> bounding_ranks(const model::ModelShape& shape, const Config& config,
                                     const TokenPart& tokens) {
  const ParallelConfig& p = config.parallel;
  const int64_t stage = p.dp * p.sp * p.tp;
  std::vector<RankPart> ranks;
  ranks.emplace_back(shape, config, 0, tokens);
  if (p.pp > 2) ranks.emplace_back(shape, config, fullest_between(shape, p) * stage, tokens);
  if (p.pp > 1) ranks.emplace_back(shape, config, (p.pp - 1) * stage, tokens);
  return ranks;
}

/// Of the rank that takes longest; nothing where one takes more than `most` seconds.
std::optional<TimePrediction> longest_time(const std::vector<RankPart>& ranks, const model::ModelShape& shape,
                                           const Config& config, const Machine& machine, double most) {
  TimePrediction longest;
  for (const RankPart& rank : ranks) {
    const TimePrediction time = predict_time(rank, shape, config, machine);
    if (time.total > most) return std::nullopt;
    if (time.total > longest.total) longest = time;
  }
  return longest;
}
/// Of the rank that needs most.
MemoryPrediction most_memory(const std::vector<RankPart>& ranks, const model::ModelShape& shape,
                             const Config& config, AttentionMemory attention) {
  MemoryPrediction most;
  for (const RankPart& rank : ranks) {
    const MemoryPrediction memory = predict_memory(rank, shape, config, attention);
    if (memory.peak > most.peak) most = memory;
  }
  return most;
}

/// What takes most of a rank's memory, and what makes it less.
std::string advice(const Layout& layout) {
  const MemoryParts& parts = layout.memory.parts;
  const auto names = parts.by_name();
  const auto [part, most] =
      *std::ranges::max_element(names, {}, &std::pair<const std::string, int64_t>::second);
  const bool whole_keys =
      layout.parallel.sequence == Sequence::lss || layout.parallel.sequence == Sequence::lss_kv;
  const char* what = "use more ranks or another strategy";
  if (most == parts.kept_activations)
    what = layout.recompute == Recompute::none ? "set memory.recompute"
                                               : "use more ranks in parallel.sp or tp, or memory.offload";
  if (most == parts.weights || most == parts.gradients || most == parts.moments)
    what = layout.parallel.zero < 3 ? "set parallel.zero=3" : "use more ranks";
  if (most == parts.block || most == parts.send_buffers)
    what = layout.parallel.sp > 1 && whole_keys ? "use ulysses, ring or hybrid"
                                                : "use more ranks in parallel.sp";
  if (most == parts.batch) what = "use more ranks in parallel.dp or sp";
  return fmt::format("most of it {}: {}", part, what);
}

std::string gibibytes(int64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

class Search {
 public:
  Search(const model::ModelShape& shape, const Config& config, const Machine& machine,
         AttentionMemory attention)
      : shape_(shape), config_(config), machine_(machine), attention_(attention) {
    config_.parallel = {};
    config_.parallel.device = config.parallel.device;
  }

  void all_of(int64_t ranks) {
    for (const int64_t pp : divisors(ranks)) {
      for (const int64_t tp : divisors(ranks / pp)) {
        for (const int64_t sp : divisors(ranks / pp / tp)) {
          config_.parallel.pp = pp, config_.parallel.tp = tp, config_.parallel.sp = sp;
          config_.parallel.dp = ranks / pp / tp / sp;
          strategies();
        }
      }
    }
  }

  LayoutPlan result() {
    std::stable_sort(found_.layouts.begin(), found_.layouts.end(),
                     [](const Layout& a, const Layout& b) { return a.time.total < b.time.total; });
    found_.rejected = reasons_.sorted();
    return std::move(found_);
  }

 private:
  const model::ModelShape& shape_;
  Config config_;
  const Machine& machine_;
  AttentionMemory attention_;
  LayoutPlan found_;
  Reasons reasons_;
  std::optional<TokenPart> tokens_;  // of a mesh, once it is asked for
  Progress progress_;

  void strategies() {
    if (stop_requested()) fail(Exit::usage, "plan: stopped; fewer --ranks take less time");
    if (progress_.due()) progress_.show(fmt::format("plan: {} layouts", found_.considered));
    ParallelConfig& p = config_.parallel;
    if (p.sp == 1) {
      p.sequence = Sequence::ulysses;
      return one_mesh();
    }
    for (const Sequence each : {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring}) {
      p.sequence = each;
      one_mesh();
    }
    p.sequence = Sequence::hybrid;
    for (const int64_t ulysses : divisors(p.sp)) {
      if (ulysses == 1 || ulysses == p.sp) continue;  // these are ring and Ulysses
      p.ulysses = ulysses;
      one_mesh();
    }
    p.ulysses = ParallelConfig{}.ulysses;
  }

  /// Micro-batches: of equal size, and powers of two as far as the samples of a rank go, and multiples of the
  /// stages.
  std::vector<int64_t> micro_batches() const {
    const int64_t samples = std::max<int64_t>(config_.train.batch_size / config_.parallel.dp, 1);
    const std::vector<int64_t> equal = divisors(samples);
    std::set<int64_t> counts(equal.begin(), equal.end());
    for (int64_t n = 1; n <= samples; n *= 2) {
      counts.insert(n);
      if (n * config_.parallel.pp <= samples) counts.insert(n * config_.parallel.pp);
    }
    return {counts.begin(), counts.end()};
  }

  /// Everything that shares a mesh; the best of it is kept.
  void one_mesh() {
    std::optional<Layout> best;
    tokens_.reset();
    for (const int64_t micro : micro_batches()) {
      for (const int64_t interleave : {1, 2}) {
        if (interleave > 1 && (config_.parallel.pp == 1 || micro % config_.parallel.pp != 0)) continue;
        config_.train.micro_batches = micro, config_.parallel.interleave = interleave;
        schedules(best);
      }
    }
    config_.parallel.interleave = 1;
    if (best) found_.layouts.push_back(*std::move(best));
  }

  void schedules(std::optional<Layout>& best) {
    std::vector<RankPart> ranks;
    try {
      validate(config_, std::string(kName));
      if (!tokens_) tokens_.emplace(shape_, config_.parallel, 0, 0);
      ranks = bounding_ranks(shape_, config_, *tokens_);
    } catch (const Error& error) {
      if (error.code() != Exit::usage) throw;
      const ParallelConfig& p = config_.parallel;
      ++found_.considered;
      const std::string message = error.what();
      reasons_.add(message.starts_with(kName) ? message.substr(kName.size() + 2) : message, p,
                   static_cast<double>(std::max({p.pp, p.dp, p.sp, p.tp})));
      return;
    }
    const bool alone = config_.parallel.pp == config_.parallel.ranks();
    for (const int64_t zero : {0, 1, 2, 3}) {
      if (alone && zero > 0) break;  // nobody to share with
      config_.parallel.zero = zero;
      for (const Recompute recompute : {Recompute::none, Recompute::keep_attention, Recompute::full}) {
        config_.memory.recompute = recompute;
        if (config_.memory.offload != Offload::none && recompute == Recompute::none) continue;
        ++found_.considered;
        take(ranks, best);
      }
    }
  }

  /// A difference that no model of time can tell is none.
  static constexpr double kSame = 0.001;

  void take(const std::vector<RankPart>& ranks, std::optional<Layout>& best) {
    const double most = best ? (1.0 + kSame) * best->time.total : std::numeric_limits<double>::infinity();
    const std::optional<TimePrediction> time = longest_time(ranks, shape_, config_, machine_, most);
    if (!time) return;
    const Layout layout{config_.parallel, config_.memory.recompute, config_.train.micro_batches,
                        most_memory(ranks, shape_, config_, attention_), *time};
    if (layout.memory.peak > machine_.memory_bytes) {
      const auto message = [&] {
        return fmt::format("{} of {} a rank, {} ({})", gibibytes(layout.memory.peak),
                           gibibytes(machine_.memory_bytes), advice(layout), layout.settings());
      };
      reasons_.add("more memory than a rank has", message, layout.parallel,
                   static_cast<double>(layout.memory.peak));
      return;
    }
    const bool faster = !best || time->total < (1.0 - kSame) * best->time.total;
    if (faster || layout.memory.peak < best->memory.peak) best = layout;
  }
};

}  // namespace

std::string Layout::settings() const {
  std::string text;
  const auto set = [&](const char* key, const auto& value) {
    text += fmt::format("{}--{}={}", text.empty() ? "" : " ", key, value);
  };
  set("parallel.pp", parallel.pp), set("parallel.dp", parallel.dp);
  set("parallel.sp", parallel.sp), set("parallel.tp", parallel.tp);
  if (parallel.sp > 1) set("parallel.sequence", to_string(parallel.sequence));
  if (parallel.sp > 1 && parallel.sequence == Sequence::hybrid) set("parallel.ulysses", parallel.ulysses);
  if (parallel.interleave > 1) set("parallel.interleave", parallel.interleave);
  set("parallel.zero", parallel.zero);
  set("memory.recompute", to_string(recompute));
  set("train.micro_batches", micro_batches);
  return text;
}

LayoutPlan plan_layouts(const model::ModelShape& shape, const Config& config, const Machine& machine,
                        int64_t ranks, AttentionMemory attention) {
  Search search(shape, config, machine, attention);
  for (int64_t n = ranks;; n /= 2) {
    search.all_of(n);
    if (n % 2 != 0) break;
  }
  return search.result();
}

MemoryPrediction predict_most_memory(const model::ModelShape& shape, const Config& config,
                                     AttentionMemory attention) {
  return most_memory(bounding_ranks(shape, config, TokenPart(shape, config.parallel, 0, 0)), shape, config,
                     attention);
}

Layout predict_rank(const RankPart& rank, const model::ModelShape& shape, const Config& config,
                    const Machine& machine, AttentionMemory attention) {
  return {config.parallel, config.memory.recompute, config.train.micro_batches,
          predict_memory(rank, shape, config, attention), predict_time(rank, shape, config, machine)};
}

}  // namespace seqvit::plan
