#include "ops/windows.h"

#include <algorithm>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What stands beyond an edge of the grid.
enum class Beyond { edge, nothing };

/// Some points of a row of a window, all of one patch.
struct Run {
  int64_t point, count;        ///< first of the window
  int64_t unit, source, step;  ///< first of that unit's patch; 0: the same for all
  bool beyond;                 ///< the grid
};

/// Along one side of a window: parts before, of and after the patch.
struct Part {
  int64_t first, count;  ///< of the window
  int64_t source;        ///< where the first lies in its patch
  int64_t step;
};
std::array<Part, 3> parts(int64_t p, bool before, bool after) {
  const int64_t h = p / 2;
  return {{{0, h, before ? 0 : p - h, before ? 0 : 1},
           {h, p, 0, 1},
           {h + p, h, after ? p - 1 : 0, after ? 0 : 1}}};
}

template <typename F>
void for_each_run(const grid::Window& window, int64_t p, const F& f) {
  const auto rows = parts(p, window.north, window.south), columns = parts(p, window.west, window.east);
  const int64_t q = window_side(p);
  for (int r = 0; r < 3; ++r) {
    for (int64_t i = 0; i < rows[r].count; ++i) {
      for (int c = 0; c < 3; ++c) {
        f(Run{(rows[r].first + i) * q + columns[c].first, columns[c].count, window.unit[3 * r + c],
              (rows[r].source + i * rows[r].step) * p + columns[c].source, columns[c].step,
              rows[r].step * columns[c].step == 0});
      }
    }
  }
}

struct Sizes {
  int64_t batch, features, p, points, window;
};

template <typename T>
void read(const UnitPoints& from, const grid::Neighbourhood& near, const Sizes& s, Beyond beyond,
          const Tensor& windows) {
  const T *mine = from.mine.const_data_ptr<T>(), *halo = from.halo.const_data_ptr<T>();
  T* out = windows.mutable_data_ptr<T>();
  const int64_t units = near.size(), unit_points = s.features * s.points;
  at::parallel_for(0, s.batch * units, 16, [&](int64_t begin, int64_t end) {
    for (int64_t sample = begin / units; sample * units < end; ++sample) {
      const Range some{std::max(begin - sample * units, int64_t{0}), std::min(end - sample * units, units)};
      near.for_each(some, [&](int64_t unit, const grid::Window& window) {
        T* to = out + (sample * units + unit) * s.features * s.window;
        for_each_run(window, s.p, [&](const Run& run) {
          const T* source = run.unit < units ? mine + (sample * units + run.unit) * unit_points
                                             : halo + (sample * near.halo() + run.unit - units) * unit_points;
          const bool none = run.beyond && beyond == Beyond::nothing;
          for (int64_t f = 0; f < s.features; ++f) {
            for (int64_t k = 0; k < run.count; ++k)
              to[f * s.window + run.point + k] =
                  none ? T{0} : source[f * s.points + run.source + k * run.step];
          }
        });
      });
    }
  });
}

/// Each feature of each sample by one thread, so that sums are made in one order.
template <typename T>
void add(const Tensor& windows, const grid::Neighbourhood& near, const Sizes& s, Beyond beyond,
         const UnitPoints& to) {
  const T* from = windows.const_data_ptr<T>();
  T *mine = to.mine.mutable_data_ptr<T>(), *halo = to.halo.mutable_data_ptr<T>();
  const int64_t units = near.size(), unit_points = s.features * s.points;
  at::parallel_for(0, s.batch * s.features, 1, [&](int64_t begin, int64_t end) {
    for (int64_t job = begin; job < end; ++job) {
      const int64_t sample = job / s.features, f = job % s.features;
      near.for_each({0, units}, [&](int64_t unit, const grid::Window& window) {
        const T* source = from + ((sample * units + unit) * s.features + f) * s.window;
        for_each_run(window, s.p, [&](const Run& run) {
          if (run.beyond && beyond == Beyond::nothing) return;
          T* sum = (run.unit < units ? mine + (sample * units + run.unit) * unit_points
                                     : halo + (sample * near.halo() + run.unit - units) * unit_points) +
                   f * s.points + run.source;
          for (int64_t k = 0; k < run.count; ++k)
            sum[k * run.step] += source[run.point + k];
        });
      });
    }
  });
}

struct Where : torch::CustomClassHolder {
  Where(const grid::Neighbourhood& n, int64_t p) : near(n), patch_size(p) {}
  const grid::Neighbourhood& near;
  int64_t patch_size;

  Sizes sizes(const Tensor& t) const {
    const int64_t q = window_side(patch_size);
    return {t.size(0), t.size(2), patch_size, patch_size * patch_size, q * q};
  }

  Tensor run_read(const UnitPoints& from, Beyond beyond) const {
    const UnitPoints here{from.mine.cpu().contiguous(), from.halo.cpu().contiguous()};
    const Sizes s = sizes(here.mine);
    check(
        here.mine.size(1) == near.size() && here.halo.size(1) == near.halo() && here.mine.size(3) == s.points,
        "points of the neighbourhood");
    const Tensor windows = at::empty({s.batch, near.size(), s.features, s.window}, here.mine.options());
    AT_DISPATCH_FLOATING_TYPES(here.mine.scalar_type(), "windows",
                               [&] { read<scalar_t>(here, near, s, beyond, windows); });
    return windows.to(from.mine.device());
  }

  UnitPoints run_add(const Tensor& from, Beyond beyond) const {
    const Tensor windows = from.cpu().contiguous();
    const Sizes s = sizes(windows);
    check(windows.size(1) == near.size() && windows.size(3) == s.window, "windows of the neighbourhood");
    const UnitPoints sums{at::zeros({s.batch, near.size(), s.features, s.points}, windows.options()),
                          at::zeros({s.batch, near.halo(), s.features, s.points}, windows.options())};
    AT_DISPATCH_FLOATING_TYPES(windows.scalar_type(), "windows",
                               [&] { add<scalar_t>(windows, near, s, beyond, sums); });
    return {sums.mine.to(from.device()), sums.halo.to(from.device())};
  }
};

c10::intrusive_ptr<Where> where_of(AutogradContext* ctx) {
  return c10::static_intrusive_pointer_cast<Where>(ctx->saved_data["where"].toCapsule());
}

struct ReadFunction : torch::autograd::Function<ReadFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& mine, const Tensor& halo,
                        const c10::intrusive_ptr<Where>& where) {
    ctx->saved_data["where"] = c10::IValue::make_capsule(where);
    return where->run_read({mine, halo}, Beyond::edge);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const UnitPoints sums = where_of(ctx)->run_add(grads[0], Beyond::edge);
    return {sums.mine, sums.halo, Tensor()};
  }
};

struct AddFunction : torch::autograd::Function<AddFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& windows,
                               const c10::intrusive_ptr<Where>& where) {
    ctx->saved_data["where"] = c10::IValue::make_capsule(where);
    const UnitPoints sums = where->run_add(windows, Beyond::nothing);
    return {sums.mine, sums.halo};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return {where_of(ctx)->run_read({grads[0], grads[1]}, Beyond::nothing), Tensor()};
  }
};

}  // namespace

Tensor read_windows(const UnitPoints& points, const grid::Neighbourhood& near, int64_t patch_size) {
  return ReadFunction::apply(points.mine, points.halo, c10::make_intrusive<Where>(near, patch_size));
}

UnitPoints add_windows(const Tensor& windows_BUFq, const grid::Neighbourhood& near, int64_t patch_size) {
  const auto sums = AddFunction::apply(windows_BUFq, c10::make_intrusive<Where>(near, patch_size));
  return {sums[0], sums[1]};
}

}  // namespace seqvit::ops
