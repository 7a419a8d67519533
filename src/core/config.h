/// Settings of a run: one YAML file, overridden by `--section.key=value`, checked whole before anything is
/// opened.
///
/// Every setting stands once, in the table of config.cpp: its path, where it is stored, what it accepts. An
/// unknown key is an error that names the nearest one. Throws Error(usage) with file, key, what was expected
/// and what was found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data_config.h"
#include "core/evaluate_config.h"
#include "core/model_config.h"
#include "core/parallel_config.h"
#include "core/train_config.h"

namespace seqvit {

struct Config {
  DataConfig data;
  ModelConfig model;
  TrainConfig train;
  ParallelConfig parallel;
  MemoryConfig memory;
  EvaluateConfig evaluate;
};

/// Reads `path`, applies `overrides` ("section.key=value", values as in YAML) and validates.
Config load_config(const std::string& path, const std::vector<std::string>& overrides);
/// The same from text; `name` stands in messages.
Config parse_config(const std::string& yaml, const std::string& name,
                    const std::vector<std::string>& overrides);
/// Every setting with its value, as YAML that load_config reads back to the same settings.
std::string to_yaml(const Config& config);
/// A setting that two configurations have different values of, as YAML.
struct ChangedSetting {
  std::string path;  ///< section.key
  std::string one, other;
};
std::vector<ChangedSetting> changed_settings(const Config& one, const Config& other);
/// Throws Error(usage) where settings contradict one another. `name` stands in messages.
void validate(const Config& config, const std::string& name);

/// "2GiB", "512MiB", "1000000": bytes. Throws Error(usage).
int64_t parse_bytes(const std::string& text, const std::string& setting);

}  // namespace seqvit
