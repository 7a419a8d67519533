#include "train/patch_weights.h"

#include <algorithm>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/movedim.h>
#include <ATen/ops/tensordot.h>

#include "model/resample.h"

namespace seqvit::train {
namespace {

// As model/embed.cpp and model/head.cpp make them.
const std::vector<PatchWeight> kPatchWeights = {{"patch_embed.proj.weight", false, {"d", "vp"}},
                                                {"variable_embed.proj.weight", false, {"v", "d", "p"}},
                                                {"variable_embed.embed", false, {"v", "d"}},
                                                {"head.weight", true, {"vp", "d"}},
                                                {"head.bias", true, {"vp"}},
                                                {"variable_head.weight", true, {"v", "p", "d"}},
                                                {"variable_head.bias", true, {"v", "p"}}};

bool has(const std::string& kinds, char kind) {
  return kinds.find(kind) != std::string::npos;
}

/// `weight` with variables and points in dims of their own, and which those are (points: -1 if none).
struct Unfolded {
  Tensor tensor;
  int64_t variables, points;
};

Unfolded unfold(const Tensor& weight, const PatchWeight& layout, const PatchFields& fields) {
  std::vector<int64_t> shape;
  std::string kinds;
  for (size_t dim = 0; dim < layout.dims.size(); ++dim) {
    for (const char kind : layout.dims[dim]) {
      kinds += kind;
      shape.push_back(kind == 'v'   ? static_cast<int64_t>(fields.names.size())
                      : kind == 'p' ? fields.side() * fields.side()
                                    : weight.size(static_cast<int64_t>(dim)));
    }
  }
  const auto position = [&](char kind) {
    return has(kinds, kind) ? static_cast<int64_t>(kinds.find(kind)) : -1;
  };
  return {weight.view(shape), position('v'), position('p')};
}

}  // namespace

const PatchWeight* PatchWeight::named(const std::string& name) {
  const auto found = std::find_if(kPatchWeights.begin(), kPatchWeights.end(),
                                  [&](const PatchWeight& weight) { return weight.name == name; });
  return found == kPatchWeights.end() ? nullptr : &*found;
}

std::vector<int64_t> PatchWeight::shape(const std::vector<int64_t>& like, const PatchFields& fields) const {
  const auto variables = static_cast<int64_t>(fields.names.size()), points = fields.side() * fields.side();
  std::vector<int64_t> shape = like;
  for (size_t dim = 0; dim < dims.size(); ++dim) {
    if (dims[dim] == "d") continue;
    shape[dim] = (has(dims[dim], 'v') ? variables : 1) * (has(dims[dim], 'p') ? points : 1);
  }
  return shape;
}

void PatchWeight::convert(const Tensor& weight, const PatchFields& from, const Tensor& out,
                          const PatchFields& to) const {
  Unfolded source = unfold(weight, *this, from);
  const Unfolded target = unfold(out, *this, to);
  const PatchFields resized{{}, to.patch_size, from.overlap};
  if (source.points >= 0 && from.side() != resized.side()) {
    const Tensor resize = of_head ? model::patch_resize(from.side(), resized.side())
                                  : model::embedding_resize(from.side(), resized.side());
    source.tensor = at::movedim(at::tensordot(resize, source.tensor.to(at::kDouble), {1}, {source.points}), 0,
                                source.points);
  }
  if (source.points >= 0 && to.overlap && !from.overlap) {
    const int64_t p = to.patch_size, h = p / 2;
    const Tensor patches = at::movedim(source.tensor, source.points, -1).unflatten(-1, {p, p});
    source.tensor = at::movedim(at::constant_pad_nd(patches, {h, h, h, h}).flatten(-2), -1, source.points);
  }
  for (size_t i = 0; i < to.names.size(); ++i) {
    const auto found = std::find(from.names.begin(), from.names.end(), to.names[i]);
    if (found == from.names.end()) continue;
    target.tensor.select(target.variables, static_cast<int64_t>(i))
        .copy_(source.tensor.select(source.variables, found - from.names.begin()));
  }
}

}  // namespace seqvit::train
