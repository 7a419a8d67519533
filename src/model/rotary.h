/// Rotary positions of patches on a globe or a part of it: the angles that queries and keys turn by
/// (ops/split_heads.h).
///
/// E/4 pairs of a head's channels turn with longitude and as many with latitude, each by a whole number of
/// turns round the globe: so 0 and 360 degrees are one place, and a score knows how far apart two tokens are,
/// east and north. The wavenumbers begin at 1 and grow by equal factors to `model.rotary_waves` (where that
/// leaves two alike, by one). An angle is wavenumber x degrees of the centre of the patch, the mean of the
/// coordinates of its rows or columns, and of nothing else: a model goes to another grid or patch size as it
/// is.
///
/// They come beside `model.positions`, not in their place: a rotation says how far, never where, and north
/// and south, or land and sea, are not alike. Rolling a globe by whole patches turns all tokens by the same
/// angles, which no score sees.
#pragma once

#include <optional>
#include <vector>

#include "model/layout.h"
#include "model/shape.h"
#include "ops/split_heads.h"

namespace seqvit::model {

/// `count` wavenumbers, from 1 on.
std::vector<int64_t> rotary_wavenumbers(int64_t count, int64_t highest);

/// For my tokens; nothing where `model.rotary` is off.
std::optional<ops::Rotation> rotation_of(const ModelShape& shape, const ModelLayout& layout);

}  // namespace seqvit::model
