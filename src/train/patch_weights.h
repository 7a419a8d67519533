/// The weights that depend on the patch size or on the variables: how each is laid out, and how one becomes
/// another's.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "ops/windows.h"

namespace seqvit::train {

/// What such a weight is for.
struct PatchFields {
  std::vector<std::string> names;  ///< of inputs, or of targets where the weight belongs to the head
  int64_t patch_size = 1;
  bool overlap = false;  ///< points of the window around a patch (ops/windows.h)
  int64_t side() const { return overlap ? ops::window_side(patch_size) : patch_size; }
};

struct PatchWeight {
  const char* name;
  bool of_head;                   ///< gives points of targets; otherwise takes points of inputs
  std::vector<std::string> dims;  ///< what each dim runs over: v variables, p points of a patch, d the rest

  /// Null for every other weight.
  static const PatchWeight* named(const std::string& name);

  /// The shape of this weight for other fields; `like` is its shape for some.
  std::vector<int64_t> shape(const std::vector<int64_t>& like, const PatchFields& fields) const;
  /// Copies a weight for `from` into one for `to`: variables by their names, points resized; in a window that
  /// the source does not have, zero around the patch, which computes the same. A source with windows needs a
  /// target with them. What other variables have in `out` stays. Same fields: the same bits.
  void convert(const Tensor& weight, const PatchFields& from, const Tensor& out, const PatchFields& to) const;
};

}  // namespace seqvit::train
