#include "model/stages.h"

#include "parallel/pipeline.h"

namespace seqvit::model {

std::vector<Range> divide_model(const ModelShape& shape, int64_t parts) {
  const double block = shape.training_operations() / (3.0 * static_cast<double>(shape.config.depth));
  const double point = 2.0 * static_cast<double>(shape.token_grid().patches() * shape.config.embed_dim);
  const auto tokens = static_cast<double>(shape.token_grid().tokens()),
             width = static_cast<double>(shape.config.embed_dim);
  const double hidden = 2.0 * tokens * width * width * static_cast<double>(shape.config.head_layers);
  return parallel::divide_blocks(
      shape.config.depth, parts, point * static_cast<double>(shape.inputs() * shape.read_points()) / block,
      (point * static_cast<double>(std::ssize(shape.targets) * shape.written_points()) + hidden) / block);
}

std::vector<Range> blocks_of_stage(const ModelShape& shape, int64_t stage, int64_t stages, int64_t chunks) {
  const auto all = divide_model(shape, stages * chunks);
  std::vector<Range> mine;
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    mine.push_back(all[chunk * stages + stage]);
  return mine;
}

}  // namespace seqvit::model
