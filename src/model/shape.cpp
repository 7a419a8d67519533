#include "model/shape.h"

namespace seqvit {

int64_t ModelShape::tokens_per_patch() const {
  switch (config.tokens) {
    case Tokens::variable:
      return inputs;
    case Tokens::aggregated:
      return config.aggregated_tokens;
    default:
      return 1;
  }
}

TokenGrid ModelShape::token_grid() const {
  const int64_t per_patch = tokens_per_patch();
  // A variable's token is read on its own by the head; the aggregated tokens of a patch are read together.
  return {rows, columns, config.patch_size, per_patch, config.tokens == Tokens::aggregated ? per_patch : 1};
}

}  // namespace seqvit
