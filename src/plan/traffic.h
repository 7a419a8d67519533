/// Bytes that a rank sends in a training step, by purpose: the formulas of the headers of `parallel/`, summed
/// over a model.
///
/// When to use it: to predict the time on the wire. Exact, uneven shares included: `tests/plan` compares them
/// with the counters of a phantom rank, byte by byte. Symbols: B samples, L tokens of mine, N of the
/// sequence, h channels of my heads, c and m bytes of the compute and the master type.
///
/// | purpose | forward | backward | again with recomputation |
/// |---|---|---|---|
/// | zero | stage 3: P-1 shares, c | others' shares, m; once or each time | stage 3: P-1 shares, c |
/// | tp | for attention and MLP each a gather, c, and a sum, m | the same | both gathers, one sum |
/// | ulysses | q, k, v to heads, the result to tokens, c | the same | the same |
/// | lss, lss_kv | a gather of tokens, or of k and v, c | their sum, m | the gather |
/// | ring | k and v of all but one, c | the same, and their gradients, m | `full`: k and v |
/// | halo | `model.local`: tokens next to others', m | their gradients, m | the tokens |
/// | | overlapping patches: points next to others', or sums for others', m | the other way | |
/// | pp | tokens across a boundary, m | their gradient, m | |
#pragma once

#include <array>
#include <map>
#include <string>

#include "plan/rank_part.h"

namespace seqvit::plan {

enum class Purpose { zero, pp, tp, halo, ulysses, ring, lss, lss_kv, loss_weight, loss, gradient_norm };
/// By Purpose, as communicators count them.
inline constexpr std::array kPurposes = {"zero", "pp",     "tp",          "halo", "ulysses",      "ring",
                                         "lss",  "lss_kv", "loss weight", "loss", "gradient norm"};

/// A number for every purpose.
template <typename T>
struct ByPurpose {
  std::array<T, kPurposes.size()> values{};

  T& operator[](Purpose purpose) { return values[static_cast<size_t>(purpose)]; }
  T operator[](Purpose purpose) const { return values[static_cast<size_t>(purpose)]; }
};

struct TrafficBytes : ByPurpose<int64_t> {
  /// Without purposes under which nothing is sent.
  std::map<std::string, int64_t> by_name() const;
};

/// Of one training step (Learner::backward and update).
TrafficBytes predict_traffic(const RankPart& part, const model::ModelShape& shape, const Config& config);

/// Bytes of a number in products and attention, and in weights, norms and sums.
int64_t compute_bytes(const Config& config);
int64_t master_bytes(const Config& config);

}  // namespace seqvit::plan
