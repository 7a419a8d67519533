#include "report/run_files.h"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "evaluate/score_report.h"

namespace seqvit::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void write_metrics(const std::filesystem::path& run, int steps) {
  std::string lines;
  for (int step = 1; step <= steps; ++step) {
    lines += nlohmann::json{{"step", step},
                            {"loss", 1.0 / std::sqrt(step)},
                            {"learning_rate", 1e-3},
                            {"grad_norm", 0.5},
                            {"seconds", 0.25},
                            {"data_seconds", 0.0625},
                            {"tokens_per_second", 4e3},
                            {"rss_bytes", 1048576 * (100 + step % 7)}}
                 .dump() +
             "\n";
    if (step % std::max(steps / 10, 1) == 0)
      lines += nlohmann::json{{"step", step}, {"validation_loss", 1.1 / std::sqrt(step)}}.dump() + "\n";
  }
  write_text(run / "metrics.jsonl", lines, Exit::bug);
}

// Power falls as the square of 360 waves; the forecast's fine half lacks half of it, more with each lead.
std::vector<evaluate::Spectrum> some_spectra(int leads, const std::string& name) {
  std::vector<evaluate::Spectrum> spectra;
  for (const std::string& variable : {std::string("t"), name}) {
    for (int lead = 1; lead <= leads; ++lead) {
      evaluate::Spectrum spectrum{.variable = variable, .lead_hours = 6.0 * lead, .units = "K", .rows = 10};
      for (int k = 0; k <= 360; ++k) {
        spectrum.wavenumber.push_back(k);
        spectrum.truth.push_back(1e9 * std::pow(k + 1, -2.0));
        spectrum.forecast.push_back(spectrum.truth.back() * (k < 180 ? 1.0 : std::pow(0.5, lead)));
      }
      spectra.push_back(std::move(spectrum));
    }
  }
  return spectra;
}

}  // namespace

void write_run(const std::filesystem::path& run, int steps, const std::string& name) {
  make_directories(run, Exit::bug);
  const nlohmann::json config = {// JSON is YAML
                                 {"data",
                                  {{"files", {"weather & more.nc"}},
                                   {"variables", {"t", name}},
                                   {"split", {{"train", {"0", "9"}}, {"validation", {"9", "12"}}}}}},
                                 {"train", {{"steps", steps}, {"warmup_steps", 0}}}};
  write_text(run / "config.yaml", config.dump(2), Exit::bug);
  const nlohmann::json manifest = {{"seqvit", "0.1.0"},
                                   {"libtorch", "2.11.0"},
                                   {"command", "seqvit train <x>.yaml"},
                                   {"threads", 1},
                                   {"tokens", 1234},
                                   {"parameters", 56789},
                                   {"attention_kernel", "flash"},
                                   {"data_checksums_xxh3", {{"weather & more.nc", "0123456789abcdef"}}}};
  write_text(run / "manifest.json", manifest.dump(2), Exit::bug);
  write_metrics(run, steps);
}

void write_scores(const std::filesystem::path& run, int leads, const std::string& name) {
  std::vector<evaluate::Score> scores;
  for (const std::string& variable : {std::string("t"), name}) {
    for (int lead = 1; lead <= leads; ++lead) {
      for (const char* region : {"global", "tropics"}) {
        const evaluate::Score label{.variable = variable,
                                    .lead_hours = 6.0 * lead,
                                    .region = region,
                                    .units = "K",
                                    .initial_times = 730};
        const auto add = [&](const char* metric, double value, double persistence, double climatology) {
          evaluate::Score score = label;
          score.metric = metric;
          score.value = value, score.persistence = persistence, score.climatology = climatology;
          score.low = 0.9 * value, score.high = 1.1 * value;
          scores.push_back(score);
        };
        add("rmse", 1.5 * lead, 2.0 * lead, kNaN);
        add("bias", -0.25, 0.01, kNaN);
        add("acc", 0.875, 0.5, kNaN);
        add("skill_persistence", 0.4375, 0.0, kNaN);
        add("skill_climatology", 0.75, 0.25, 0.0);
      }
    }
  }
  nlohmann::json json = evaluate::scores_to_json(scores, some_spectra(leads, name));
  json["split"] = "test";
  json["step"] = 30;
  write_text(run / "scores.json", json.dump(), Exit::bug);
}

}  // namespace seqvit::report
