/// Trading work for memory: run a part of the model without keeping its activations and run it again in
/// backward.
///
/// `full` keeps the input only. `keep_attention` also keeps what the part marks with `remember` (attention's
/// out and log-sum-exp): at long sequences attention is nearly all of the work, so running the rest again
/// costs a few percent where `full` costs a third of a step, at 2 more hidden-size vectors a token and layer.
#pragma once

#include <functional>
#include <vector>

#include "core/parallel_config.h"
#include "core/tensor.h"
#include "ops/offload.h"

namespace seqvit::ops {

/// How a part takes its input when it runs again: as a tensor, or only its shape (and NaN), for parts of
/// which every operation on the input asks for its `values`: then an input that waits in a store is in memory
/// only while one of them reads it.
enum class TakesInput { as_tensor, by_values };

/// f(x), differentiable in x and in whatever f reads. The gradient of f(x) is given up to the part: its last
/// operation may overwrite it, so nothing else may use it. f must give the same result when called again; it
/// must not depend on state that changes between forward and backward. What is kept waits in `store`, if one
/// is given.
Tensor recompute(Recompute mode, std::function<Tensor(const Tensor&)> f, const Tensor& x,
                 ActivationStore* store = nullptr, TakesInput takes = TakesInput::as_tensor);

/// f(x), which keeps x alone and runs again in backward as it ran the first time, parts of it that are
/// themselves recomputed included: for a whole model, where recompute() is for a block of it. f must give the
/// same result when called again. x need not want a gradient.
Tensor run_again(std::function<Tensor(const Tensor&)> f, const Tensor& x);

/// The result of `compute`, which under keep_attention is kept from the first run and not computed again in
/// the second. Outside recompute it only computes.
std::vector<Tensor> remember(const std::function<std::vector<Tensor>()>& compute);

/// What an operation reads in place of x: x itself, or, if x is a part's input of which only the shape is
/// here, a copy from the store that nobody else has.
Tensor values(const Tensor& x);

/// How to get the values of the input of the part that runs a second time once more, if x is that input:
/// operations that need it in their backward keep this instead of x, so that an input that waits elsewhere is
/// not in memory meanwhile. Null otherwise.
std::function<Tensor()> part_input(const Tensor& x);

/// True while a part runs for the second time, in backward (so that prefetching goes the other way).
bool recomputing();

}  // namespace seqvit::ops
