/// Settings of section `data`: docs/settings.md says what each does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace seqvit {

enum class Coordinates { file, index };

/// A stretch of time, as [first, last]: years, months, dates or times (the last included), or time indices
/// (the last excluded). See data/period.h for which integers are taken as years.
struct PeriodConfig {
  std::vector<std::string> bounds;
  bool index = false;  ///< written as `{index: [first, last]}`: indices whatever they look like

  bool empty() const { return bounds.empty(); }
};

struct SplitConfig {
  PeriodConfig train, validation, test;
};

struct DataConfig {
  std::vector<std::string> files;
  std::vector<std::string> variables;    ///< empty: every gridded variable with time
  std::vector<std::string> forcings;     ///< given to the model at every step, not predicted
  std::vector<std::string> diagnostics;  ///< predicted, never given to the model
  std::vector<std::string> statics;      ///< key `static`
  /// By name of a field what it is in the files ("t", "t@850", "file.nc:t"), where that is not its name; the
  /// lists above may say it too.
  std::map<std::string, std::string> sources;
  std::vector<std::string> targets;              ///< empty: all variables
  std::map<std::string, std::string> transform;  ///< by variable, see data/transform.h
  int64_t history = 1;                           ///< states that the model sees: the last, those before
  std::string lead_time = "6h";
  Coordinates grid = Coordinates::file, time = Coordinates::file;
  std::map<std::string, double> select;                ///< of further dimensions the value that is read
  std::map<std::string, std::vector<double>> missing;  ///< by variable of a file: values that stand for none
  SplitConfig split;
  int64_t cache_bytes = int64_t{2} << 30;  ///< memory for decoded fields
};

}  // namespace seqvit
