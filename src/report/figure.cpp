#include "report/figure.h"

#include <fmt/core.h>

#include "draw/svg.h"

namespace seqvit::report {

Html figure(const draw::Scene& scene) {
  Html caption = element("strong", {}, scene.title);
  for (size_t i = 0; i < scene.legend.size(); ++i) {
    const Html swatch = element("i", {{"class", fmt::format("swatch s{}", i + 1)}, {"aria-hidden", "true"}});
    caption += element("span", {{"class", "key"}}, {swatch, scene.legend[i]});
  }
  return element("figure", {{"class", "chart"}}, {element("figcaption", {}, caption), draw::svg(scene)});
}

}  // namespace seqvit::report
