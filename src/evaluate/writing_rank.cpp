#include "evaluate/writing_rank.h"

#include <optional>

#include "core/error.h"

namespace seqvit::evaluate {

void on_writing_rank(Forecaster& forecaster, const std::string& failure,
                     const std::function<void()>& action) {
  double failed = 0;
  std::optional<Error> error;
  if (forecaster.writes()) {
    try {
      action();
    } catch (const Error& caught) {
      error = caught;
      failed = 1;
    }
  }
  forecaster.sum_over_ranks({&failed, 1});
  if (error) throw *error;
  if (failed > 0) throw Error(Exit::data, failure);
}

std::vector<float> whole_field(Forecaster& forecaster, int64_t variable, std::span<const float> slab,
                               int64_t columns, int64_t points) {
  const auto count = std::ssize(slab);
  const std::span<const float> owned = forecaster.owned();
  std::vector<double> field(static_cast<size_t>(points), 0.0);
  for (int64_t i = 0; i < count; ++i) {
    if (owned.empty() || owned[variable * count + i] != 0.0f)
      field[forecaster.rows().begin * columns + i] = slab[i];
  }
  forecaster.sum_over_ranks(field);
  return {field.begin(), field.end()};
}

}  // namespace seqvit::evaluate
