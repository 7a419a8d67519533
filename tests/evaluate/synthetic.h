/// Small data sets made on the spot, and forecasters whose scores can be worked out by hand.
#pragma once

#include <barrier>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "evaluate/forecaster.h"

namespace seqvit::evaluate::testing {

/// A directory that is removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Synthetic {
  std::vector<std::string> variables = {"a"};
  std::vector<double> latitude = {60, 30, 0, -30};
  std::vector<double> longitude = {0, 90, 180, 270};
  std::vector<double> times;  ///< in `time_units`
  std::string time_units = "hours since 2000-01-01", calendar = "standard";
  /// NaN where missing; arguments: variable, time index, row, column.
  std::function<double(int64_t, int64_t, int64_t, int64_t)> value;

  /// 0, step, 2 step, ...
  static std::vector<double> steps(int64_t count, double step);
};

/// Writes the fields as float32 with _FillValue -999.
void write_synthetic(const std::filesystem::path& path, const Synthetic& synthetic);

/// One rank and a function from [V, Y, X] to the next state.
class FunctionForecaster : public Forecaster {
 public:
  using Function = std::function<void(std::span<float> state)>;
  FunctionForecaster(const data::Dataset& dataset, Function function);
  std::vector<float> step(std::span<const float> states, std::span<const data::TimeStamp> times,
                          int64_t stride, std::span<const uint64_t> noise) override;
  std::vector<int64_t> strides() const override { return known_strides; }
  int64_t history() const override { return known_history; }
  Range rows() const override { return rows_; }
  std::span<const float> owned() const override { return owned_; }
  void sum_over_ranks(std::span<double>) override {}
  bool writes() const override { return true; }
  std::vector<int64_t> known_strides = {1};
  int64_t known_history = 1;  ///< the function then sees [H, V, Y, X] and leaves the next state in the first
  std::vector<uint64_t> noise_keys;                        ///< of the last step
  std::vector<std::pair<data::TimeStamp, int64_t>> calls;  ///< of step(): time of the first state and stride

 protected:
  Range rows_;
  std::vector<float> owned_;

 private:
  int64_t state_size_per_row_;
  Function function_;
};

/// Where ranks that are threads meet.
struct Meeting {
  explicit Meeting(int ranks) : parts(ranks), barrier(ranks) {}
  std::vector<std::span<double>> parts;
  std::barrier<> barrier;
};

/// Rank `rank` of `meeting`, with a slab of the rows; the function must act on each point alone.
class SlabForecaster : public FunctionForecaster {
 public:
  /// `owned` as in Forecaster::owned.
  SlabForecaster(const data::Dataset& dataset, Function function, Meeting& meeting, int rank, Range rows,
                 std::vector<float> owned = {});
  void sum_over_ranks(std::span<double> values) override;
  bool writes() const override { return rank_ == 0; }

 private:
  Meeting& meeting_;
  int rank_;
};

/// Runs `body(rank)` on threads, one a rank, and rethrows what the lowest rank threw.
void run_ranks(int ranks, const std::function<void(int)>& body);

/// A file of real data: of samples/, of shared/data beside the repository, or of the directory that the
/// environment variable SEQVIT_TEST_DATA names. Empty if there is none.
std::string real_data(const std::string& name);

}  // namespace seqvit::evaluate::testing
