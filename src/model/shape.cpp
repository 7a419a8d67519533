#include "model/shape.h"

#include <algorithm>
#include <numeric>

#include "model/unet.h"

namespace seqvit::model {

int64_t ModelShape::group_count() const {
  return groups.empty() ? 0 : 1 + *std::max_element(groups.begin(), groups.end());
}

int64_t ModelShape::tokens_per_patch() const {
  switch (config.tokens) {
    case Tokens::variable:
      return group_count();
    case Tokens::aggregated:
      return config.aggregated_tokens;
    default:
      return 1;
  }
}

double ModelShape::training_operations() const {
  if (config.network == Network::unet) return 3.0 * unet_operations(*this);
  const auto tokens = static_cast<double>(token_grid().tokens()),
             width = static_cast<double>(config.embed_dim), hidden = static_cast<double>(hidden_dim());
  const double block =
      8.0 * tokens * width * width + 4.0 * tokens * width * hidden + 4.0 * tokens * tokens * width;
  return 3.0 * static_cast<double>(config.depth) * block;
}

grid::TokenGrid ModelShape::token_grid() const {
  const int64_t per_patch = tokens_per_patch();
  // A group's token is read on its own by the head; the aggregated tokens of a patch are read together.
  return {rows, columns, config.patch_size, per_patch, config.tokens == Tokens::aggregated ? per_patch : 1};
}

std::vector<int64_t> single_inputs(int64_t count) {
  std::vector<int64_t> groups(count);
  std::iota(groups.begin(), groups.end(), 0);
  return groups;
}

}  // namespace seqvit::model
