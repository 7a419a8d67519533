#include "ops/split_heads.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/norm_linear.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// One part of a projection on its way, by head: elements of [B, H, M, E], dense in E.
template <typename Stored>
struct Part {
  explicit Part(const Tensor& t)
      : data(static_cast<Stored*>(t.mutable_data_ptr())),
        sample(t.stride(0)),
        head(t.stride(1)),
        token(t.stride(2)) {}
  Stored* at(int64_t b, int64_t h, int64_t m) const { return data + b * sample + h * head + m * token; }

  Stored* data;
  int64_t sample, head, token;
};

/// How many tokens one unit of work has: as many units whatever the threads, so that sums over them are
/// always the same.
int64_t tokens_in_unit(int64_t tokens) {
  constexpr int64_t kTokens = 32, kUnits = 1024;
  return std::max(kTokens, (tokens + kUnits - 1) / kUnits);
}

/// Runs body(unit, first token, end) over the tokens of all samples.
template <typename Body>
void for_each_unit(int64_t tokens, const Body& body) {
  const int64_t size = tokens_in_unit(tokens), units = (tokens + size - 1) / size;
  at::parallel_for(0, units, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit)
      body(unit, unit * size, std::min((unit + 1) * size, tokens));
  });
}

/// Rotations of tokens of a sequence.
template <typename Real>
class Turn {
 public:
  explicit Turn(const std::optional<Rotation>& r) {
    if (!r) return;
    of_ = &*r;
    rows_ = r->rows.const_data_ptr<Real>(), columns_ = r->columns.const_data_ptr<Real>();
    quarter_ = r->rows.size(1) / 2;
  }

  /// Of head vector t, which belongs to token m of those given; back where kBack.
  template <bool kBack>
  void apply(Real* t, int64_t m) const {
    if (of_ == nullptr) return;
    const int64_t patch = (of_->first + m) / of_->tokens_per_patch, columns = of_->columns.size(0);
    pairs<kBack>(t, rows_ + patch / columns * 2 * quarter_);
    pairs<kBack>(t + quarter_, columns_ + patch % columns * 2 * quarter_);
  }

 private:
  const Rotation* of_ = nullptr;
  const Real *rows_ = nullptr, *columns_ = nullptr;
  int64_t quarter_ = 0;

  template <bool kBack>
  void pairs(Real* __restrict__ a, const Real* __restrict__ angles) const {
    Real* __restrict__ b = a + 2 * quarter_;
    const Real* __restrict__ cosine = angles, * __restrict__ sine = angles + quarter_;
    for (int64_t j = 0; j < quarter_; ++j) {
      const Real s = kBack ? -sine[j] : sine[j], x = a[j], y = b[j];
      a[j] = x * cosine[j] - y * s;
      b[j] = x * s + y * cosine[j];
    }
  }
};

template <typename Real, typename Stored>
void load(Real* __restrict__ to, const Stored* __restrict__ from, int64_t n) {
  for (int64_t e = 0; e < n; ++e)
    to[e] = static_cast<Real>(from[e]);
}
template <typename Real, typename Stored>
void store(Stored* __restrict__ to, const Real* __restrict__ from, int64_t n) {
  for (int64_t e = 0; e < n; ++e)
    to[e] = static_cast<Stored>(from[e]);
}

template <typename Real>
Real dot(const Real* __restrict__ a, const Real* __restrict__ b, int64_t n) {
  Real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < n; ++e)
    sum += a[e] * b[e];
  return sum;
}

/// 1 / rms.
template <typename Real>
Real inverse_size(const Real* t, int64_t n) {
  return Real(1) / std::sqrt(dot(t, t, n) / static_cast<Real>(n) + static_cast<Real>(kLayerNormEpsilon));
}

/// The leading parts, where they lie.
template <typename Stored, typename Real>
void prepare(const std::vector<Tensor>& parts, const QueryKey& of) {
  const int64_t heads = parts[0].size(1), rows = parts[0].size(2), width = parts[0].size(3);
  const Turn<Real> turn(of.rotation);
  for_each_unit(parts[0].size(0) * rows, [&](int64_t /*unit*/, int64_t first, int64_t end) {
    std::vector<Real> vector(width);
    Real* t = vector.data();
    for (int64_t i = first; i < end; ++i) {
      for (int64_t p = 0; p < of.parts; ++p) {
        const Part<Stored> part(parts[p]);
        for (int64_t h = 0; h < heads; ++h) {
          Stored* x = part.at(i / rows, h, i % rows);
          load(t, x, width);
          if (!of.gains.empty()) {
            const Real* gain = of.gains[p].template const_data_ptr<Real>();
            const Real scale = inverse_size(t, width);
            for (int64_t e = 0; e < width; ++e)
              t[e] *= scale * gain[e];
          }
          turn.template apply<false>(t, i % rows);
          store(x, t, width);
        }
      }
    }
  });
}

/// From the gradients `grads` of the leading parts to those of the projection, `out` (the same, or another's
/// room). `raw` [B, M, parts H E]: the parts as they came. Returns the gains' gradients [parts, E].
template <typename Stored, typename Real>
Tensor prepare_backward(const variable_list& grads, const std::vector<Tensor>& out, const Tensor& raw,
                        const QueryKey& of) {
  const int64_t heads = out[0].size(1), rows = out[0].size(2), width = out[0].size(3),
                tokens = out[0].size(0) * rows, unit_tokens = tokens_in_unit(tokens);
  const Turn<Real> turn(of.rotation);
  const bool norm = !of.gains.empty();
  const auto raw_parts = norm ? heads_of_projection(raw, of.parts, heads) : std::vector<Tensor>{};
  const Tensor sums =
      norm ? at::zeros({(tokens + unit_tokens - 1) / unit_tokens, of.parts, width}, of.gains[0].options())
           : Tensor();
  for_each_unit(tokens, [&](int64_t unit, int64_t first, int64_t end) {
    std::vector<Real> vector(2 * width);
    Real* __restrict__ t = vector.data(), * __restrict__ n = t + width;
    for (int64_t i = first; i < end; ++i) {
      for (int64_t p = 0; p < of.parts; ++p) {
        const Part<Stored> from(grads[p]), to(out[p]);
        for (int64_t h = 0; h < heads; ++h) {
          load(t, from.at(i / rows, h, i % rows), width);
          turn.template apply<true>(t, i % rows);
          if (norm) {
            load(n, Part<Stored>(raw_parts[p]).at(i / rows, h, i % rows), width);
            const Real* __restrict__ gain = of.gains[p].template const_data_ptr<Real>();
            Real* __restrict__ sum = sums.mutable_data_ptr<Real>() + (unit * of.parts + p) * width;
            const Real scale = inverse_size(n, width);
            for (int64_t e = 0; e < width; ++e) {
              n[e] *= scale;
              sum[e] += t[e] * n[e];
              t[e] *= gain[e];
            }
            const Real along = dot(t, n, width) / static_cast<Real>(width);
            for (int64_t e = 0; e < width; ++e)
              t[e] = scale * (t[e] - n[e] * along);
          }
          store(to.at(i / rows, h, i % rows), t, width);
        }
      }
    }
  });
  return norm ? sums.sum(0) : Tensor();
}

/// f(a number of the stored type, one of the type that is computed in) for tensors like t.
template <typename F>
auto with_types(const Tensor& t, const F& f) {
  if (t.scalar_type() == at::kBFloat16) return f(at::BFloat16(), float());
  if (t.scalar_type() == at::kDouble) return f(double(), double());
  return f(float(), float());
}

void prepare_here(const std::vector<Tensor>& parts, const QueryKey& of) {
  if (parts[0].is_cpu()) {
    with_types(parts[0],
               [&](auto stored, auto real) { prepare<decltype(stored), decltype(real)>(parts, of); });
    return;
  }
  for (int64_t p = 0; p < of.parts; ++p)
    parts[p].copy_(prepare_part(parts[p], of.gains.empty() ? Tensor() : of.gains[p], of.rotation));
}

/// Returns the gains' gradients.
std::vector<Tensor> prepare_backward_here(const variable_list& grads, const std::vector<Tensor>& out,
                                          const Tensor& raw, const QueryKey& of) {
  if (out[0].is_cpu()) {
    const Tensor gains = with_types(out[0], [&](auto stored, auto real) {
      return prepare_backward<decltype(stored), decltype(real)>(grads, out, raw, of);
    });
    return gains.defined() ? gains.unbind(0) : std::vector<Tensor>{};
  }
  const bool norm = !of.gains.empty();
  const auto raw_parts = norm ? heads_of_projection(raw, of.parts, out[0].size(1)) : std::vector<Tensor>{};
  std::vector<Tensor> gains;
  for (int64_t p = 0; p < of.parts; ++p) {
    const auto [grad, gain] = prepare_part_backward(grads[p], norm ? raw_parts[p] : Tensor(),
                                                    norm ? of.gains[p] : Tensor(), of.rotation);
    out[p].copy_(grad);
    if (norm) gains.push_back(gain);
  }
  return gains;
}

/// The tensor [B, M, n H E] whose heads_of_projection these are, if they lie so already.
std::optional<Tensor> fused_storage(const variable_list& parts) {
  const Tensor& first = parts[0];
  if (!first.defined()) return std::nullopt;
  const auto n = static_cast<int64_t>(parts.size());
  const int64_t batch = first.size(0), heads = first.size(1), rows = first.size(2), width = first.size(3),
                row = n * heads * width;
  const std::vector<int64_t> strides = {rows * row, width, row, 1};
  for (int64_t i = 0; i < n; ++i) {
    const Tensor& part = parts[static_cast<size_t>(i)];
    if (!part.defined() || part.strides() != strides || !part.is_alias_of(first) ||
        part.storage_offset() != first.storage_offset() + i * heads * width)
      return std::nullopt;
  }
  return first.as_strided({batch, rows, row}, {rows * row, row, 1}, first.storage_offset());
}

/// What backward needs to know.
struct Split : torch::CustomClassHolder {
  Split(QueryKey o, int64_t parts, int64_t h) : of(std::move(o)), n(parts), heads(h) {}
  QueryKey of;
  int64_t n, heads;
};

struct SplitHeadsFunction : torch::autograd::Function<SplitHeadsFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x,
                               at::TensorList /*gains: differentiable*/,
                               const c10::intrusive_ptr<Split>& split) {
    const QueryKey& of = split->of;
    const auto parts = heads_of_projection(x, split->n, split->heads);
    ctx->saved_data["split"] = c10::IValue::make_capsule(split);
    ctx->saved_data["shape"] = x.sizes().vec();
    if (!of.gains.empty()) ctx->save_for_backward({x.narrow(2, 0, x.size(2) / split->n * of.parts).clone()});
    if (of.changes()) prepare_here(parts, of);
    return parts;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto split = c10::static_intrusive_pointer_cast<Split>(ctx->saved_data["split"].toCapsule());
    const QueryKey& of = split->of;
    const auto saved = ctx->get_saved_variables();
    variable_list result(1 + of.gains.size() + 1);
    if (const auto fused = fused_storage(grads)) {
      result[0] = *fused;
    } else {
      result[0] = at::empty(ctx->saved_data["shape"].toIntVector(), grads[0].options());
    }
    const auto out = heads_of_projection(result[0], split->n, split->heads);
    const bool in_place = out[0].is_alias_of(grads[0]);
    for (int64_t p = of.changes() ? of.parts : 0; p < split->n && !in_place; ++p)
      out[p].copy_(grads[p]);
    if (!of.changes()) return result;
    auto gains = prepare_backward_here(grads, out, saved.empty() ? Tensor() : saved[0], of);
    std::move(gains.begin(), gains.end(), result.begin() + 1);
    return result;
  }
};

/// [tokens, E/2] of each token that is given: E/4 of its row, E/4 of its column.
std::pair<Tensor, Tensor> cosines_and_sines(const Rotation& r, int64_t tokens) {
  const Tensor patch = at::arange(r.first, r.first + tokens, r.rows.options().dtype(at::kLong))
                           .floor_divide(r.tokens_per_patch);
  const Tensor row = patch.floor_divide(r.columns.size(0));
  const Tensor of_row = r.rows.index_select(0, row),
               of_column = r.columns.index_select(0, patch - row * r.columns.size(0));
  const auto half = [&](int64_t i) { return at::cat({of_row.chunk(2, 1)[i], of_column.chunk(2, 1)[i]}, 1); };
  return {half(0), half(1)};
}

Tensor turned(const Tensor& t, const std::optional<Rotation>& rotation, bool back) {
  if (!rotation) return t;
  const auto [cosine, sine] = cosines_and_sines(*rotation, t.size(2));
  const Tensor s = back ? -sine : sine;
  const auto halves = t.chunk(2, 3);
  return at::cat({halves[0] * cosine - halves[1] * s, halves[0] * s + halves[1] * cosine}, 3);
}

Tensor inverse_size_of(const Tensor& t) {
  return (t.square().mean(-1, /*keepdim=*/true) + kLayerNormEpsilon).rsqrt();
}

/// The type that is computed in.
Tensor widened(const Tensor& t) {
  return t.scalar_type() == at::kBFloat16 ? t.to(at::kFloat) : t;
}

}  // namespace

std::vector<Tensor> heads_of_projection(const Tensor& x, int64_t n, int64_t heads) {
  return x.view({x.size(0), x.size(1), n, heads, x.size(2) / (n * heads)}).permute({2, 0, 3, 1, 4}).unbind(0);
}

std::vector<Tensor> split_heads(const Tensor& x, int64_t n, int64_t heads, const QueryKey& of) {
  return SplitHeadsFunction::apply(x, at::TensorList(of.gains), c10::make_intrusive<Split>(of, n, heads));
}

Tensor prepare_part(const Tensor& t, const Tensor& gain, const std::optional<Rotation>& rotation) {
  Tensor wide = widened(t);
  if (gain.defined()) wide = wide * inverse_size_of(wide) * gain;
  return turned(wide, rotation, false).to(t.scalar_type());
}

std::pair<Tensor, Tensor> prepare_part_backward(const Tensor& grad, const Tensor& raw, const Tensor& gain,
                                                const std::optional<Rotation>& rotation) {
  const Tensor straight = turned(widened(grad), rotation, true);
  if (!gain.defined()) return {straight.to(grad.scalar_type()), Tensor()};
  const Tensor wide = widened(raw), scale = inverse_size_of(wide), normed = wide * scale,
               upstream = straight * gain;
  const Tensor along = (upstream * normed).mean(-1, /*keepdim=*/true);
  return {(scale * (upstream - normed * along)).to(grad.scalar_type()), (straight * normed).sum({0, 1, 2})};
}

}  // namespace seqvit::ops
