#include "ops/windows.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_put.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "ops/to_device.h"

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

}  // namespace

struct Where {
  Where(const grid::Neighbourhood& n, int64_t p) : near(n), patch_size(p) {}
  const grid::Neighbourhood& near;
  int64_t patch_size;
  /// [U q q] of int64, on a GPU: the point of mine and of the halo that each point of a window is, by Beyond;
  /// behind the last one stands for nothing. Undefined on the CPU.
  std::array<Tensor, 2> tables;

  int64_t points() const { return (near.size() + near.halo()) * patch_size * patch_size; }

  void make_tables(c10::Device device) {
    const int64_t p = patch_size, q = window_side(p);
    std::vector<int64_t> edge(near.size() * q * q), nothing(edge.size());
    near.for_each({0, near.size()}, [&](int64_t unit, const grid::Window& window) {
      for_each_run(window, p, [&](const Run& run) {
        for (int64_t k = 0; k < run.count; ++k) {
          const int64_t at = unit * q * q + run.point + k;
          edge[at] = run.unit * p * p + run.source + k * run.step;
          nothing[at] = run.beyond ? points() : edge[at];
        }
      });
    });
    for (const auto& [beyond, numbers] : {std::pair{Beyond::edge, &edge}, {Beyond::nothing, &nothing}})
      tables[static_cast<size_t>(beyond)] =
          to_device(*numbers, {std::ssize(*numbers)}, at::TensorOptions(at::kLong).device(device));
  }
  const Tensor& table(Beyond beyond) const { return tables[static_cast<size_t>(beyond)]; }

  Sizes sizes(const Tensor& t) const {
    const int64_t q = window_side(patch_size);
    return {t.size(0), t.size(2), patch_size, patch_size * patch_size, q * q};
  }

  Tensor run_read(const UnitPoints& from, Beyond beyond) const {
    const Sizes s = sizes(from.mine);
    check(
        from.mine.size(1) == near.size() && from.halo.size(1) == near.halo() && from.mine.size(3) == s.points,
        "points of the neighbourhood");
    if (table(beyond).defined()) return read_by_table(from, s, beyond);
    const UnitPoints here{from.mine.contiguous(), from.halo.contiguous()};
    const Tensor windows = at::empty({s.batch, near.size(), s.features, s.window}, here.mine.options());
    AT_DISPATCH_FLOATING_TYPES(here.mine.scalar_type(), "windows",
                               [&] { seqvit::ops::read<scalar_t>(here, near, s, beyond, windows); });
    return windows;
  }

  UnitPoints run_add(const Tensor& from, Beyond beyond) const {
    const Sizes s = sizes(from);
    check(from.size(1) == near.size() && from.size(3) == s.window, "windows of the neighbourhood");
    if (table(beyond).defined()) return add_by_table(from, s, beyond);
    const Tensor windows = from.contiguous();
    const UnitPoints sums{at::zeros({s.batch, near.size(), s.features, s.points}, windows.options()),
                          at::zeros({s.batch, near.halo(), s.features, s.points}, windows.options())};
    AT_DISPATCH_FLOATING_TYPES(windows.scalar_type(), "windows",
                               [&] { seqvit::ops::add<scalar_t>(windows, near, s, beyond, sums); });
    return sums;
  }

 private:
  /// [B, units, F, points] as rows [units points, B F], and back.
  static Tensor as_rows(const Tensor& t) { return t.permute({1, 3, 0, 2}).flatten(2, 3).flatten(0, 1); }
  static Tensor of_rows(const Tensor& rows, const Sizes& s, int64_t points) {
    return rows.unflatten(0, {-1, points}).unflatten(2, {s.batch, s.features}).permute({2, 0, 3, 1});
  }

  Tensor read_by_table(const UnitPoints& from, const Sizes& s, Beyond beyond) const {
    const Tensor rows = as_rows(at::cat({from.mine, from.halo}, 1)),
                 nothing = at::zeros({1, rows.size(1)}, rows.options());
    return of_rows(at::cat({rows, nothing}).index_select(0, table(beyond)), s, s.window).contiguous();
  }
  UnitPoints add_by_table(const Tensor& windows, const Sizes& s, Beyond beyond) const {
    const Tensor sums = at::zeros({points() + 1, s.batch * s.features}, windows.options());
    sums.index_put_({table(beyond)}, as_rows(windows), /*accumulate=*/true);
    const Tensor of_units = of_rows(sums.narrow(0, 0, points()), s, s.points);
    return {of_units.narrow(1, 0, near.size()).contiguous(),
            of_units.narrow(1, near.size(), near.halo()).contiguous()};
  }
};

namespace {

using WherePtr = std::shared_ptr<Where>;

/// What backward knows of forward.
struct Kept : torch::CustomClassHolder {
  explicit Kept(WherePtr w) : where(std::move(w)) {}
  WherePtr where;
};
void keep(AutogradContext* ctx, const WherePtr& where) {
  ctx->saved_data["where"] = c10::IValue::make_capsule(c10::make_intrusive<Kept>(where));
}
WherePtr where_of(AutogradContext* ctx) {
  return c10::static_intrusive_pointer_cast<Kept>(ctx->saved_data["where"].toCapsule())->where;
}

struct ReadFunction : torch::autograd::Function<ReadFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& mine, const Tensor& halo, const WherePtr& where) {
    keep(ctx, where);
    return where->run_read({mine, halo}, Beyond::edge);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const UnitPoints sums = where_of(ctx)->run_add(grads[0], Beyond::edge);
    return {sums.mine, sums.halo, Tensor()};
  }
};

struct AddFunction : torch::autograd::Function<AddFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& windows, const WherePtr& where) {
    keep(ctx, where);
    const UnitPoints sums = where->run_add(windows, Beyond::nothing);
    return {sums.mine, sums.halo};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return {where_of(ctx)->run_read({grads[0], grads[1]}, Beyond::nothing), Tensor()};
  }
};

}  // namespace

WindowPoints WindowPoints::by_tables(const grid::Neighbourhood& near, int64_t patch_size,
                                     c10::Device device) {
  WindowPoints points(near, patch_size, c10::kCPU);
  points.where_->make_tables(device);
  return points;
}

WindowPoints::WindowPoints(const grid::Neighbourhood& near, int64_t patch_size, c10::Device device)
    : where_(std::make_shared<Where>(near, patch_size)) {
  if (!device.is_cpu()) where_->make_tables(device);
}

Tensor WindowPoints::read(const UnitPoints& points) const {
  return ReadFunction::apply(points.mine, points.halo, where_);
}

UnitPoints WindowPoints::add(const Tensor& windows_BUFq) const {
  const auto sums = AddFunction::apply(windows_BUFq, where_);
  return {sums[0], sums[1]};
}

}  // namespace seqvit::ops
