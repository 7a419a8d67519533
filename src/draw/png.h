/// A scene, or the pixels of a map, as PNG, by cairo. The same bytes for the same drawing on one machine.
///
/// Text is set in DejaVu Sans, which Debian's libcairo brings along; where it is not installed fontconfig
/// chooses the sans-serif nearest to it, and where there is no font at all cairo draws its own simple
/// strokes.
#pragma once

#include <cstddef>
#include <vector>

#include "draw/scene.h"

namespace seqvit::draw {

/// On white paper, `scale` pixels a unit.
std::vector<std::byte> png(const Scene& scene, double scale);
std::vector<std::byte> png(const Raster& raster);

}  // namespace seqvit::draw
