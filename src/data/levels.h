/// Which fields are vertical levels of one variable, and which of them a token holds together
/// (`model.patch_levels`).
///
/// A file's level dimension says it ("t@850" and "t@500" are levels of t). Where every level is a variable of
/// its own, names say it: NAME_850, NAME_s950, NAME_pl500, that is a name, an underscore, up to two letters
/// for the kind of level, and the level; name and letters must agree. A number without an underscore says
/// nothing (u10 is ten metres beside the 850 hPa of u850).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace seqvit::data {

/// The level that a name says.
std::optional<VariableLevel> level_in_name(const std::string& name);

/// The group of each field, `variables` and then `statics` more: up to `size` neighbouring levels, in the
/// order of their values, of one variable; every other field alone. Numbered from 0 in the order of their
/// first fields. Throws Error(usage) where `size` > 1 puts no two fields together.
std::vector<int64_t> group_levels(const std::vector<VariableInfo>& variables, int64_t statics, int64_t size);

/// Of each of `targets` (indices of variables) its level over the mean level of those targets that are levels
/// of the same variable; 1 for one without a level. Errors near the ground, where the air is, so count more
/// (GraphCast, Lam et al., arXiv 2212.12794). Throws Error(usage) where no target has a level.
std::vector<double> level_weights(const std::vector<VariableInfo>& variables,
                                  const std::vector<int64_t>& targets);

}  // namespace seqvit::data
