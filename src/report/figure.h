/// A scene as a figure of the page: a caption with the legend, the drawing, and for those who do not see it a
/// title and a description.
#pragma once

#include "draw/scene.h"
#include "report/html.h"

namespace seqvit::report {

Html figure(const draw::Scene& scene);

}  // namespace seqvit::report
