/// A scene as SVG for a page. Classes carry its looks (`style_sheet`), so that it follows light, dark and
/// print.
#pragma once

#include "draw/markup.h"
#include "draw/scene.h"

namespace seqvit::draw {

/// <svg role="img"> of the scene's size, with its title and description for those who do not see it.
Markup svg(const Scene& scene);

}  // namespace seqvit::draw
