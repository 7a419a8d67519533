#include "train/metrics.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/resident.h"

namespace seqvit::train {

MetricsFile::MetricsFile(const std::filesystem::path& run, int64_t last_step)
    : path_(run / "metrics.jsonl"), events_(run) {
  std::string kept;
  if (std::filesystem::exists(path_)) {
    std::ifstream in(path_);
    for (std::string text; std::getline(in, text);) {
      const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
      if (json.is_object() && json.value("step", last_step + 1) <= last_step) kept += text + "\n";
    }
  }
  write_text(path_, kept, Exit::checkpoint);
  out_.open(path_, std::ios::app);
}

void MetricsFile::line(const std::string& text) {
  out_ << text << std::endl;
  if (!out_) fail(Exit::checkpoint, "{}: cannot write; is the disk full?", path_.string());
}

void MetricsFile::write(const StepReport& r) {
  const auto known = [&](double value) {
    return r.loss ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  };
  line(nlohmann::ordered_json{{"step", r.step},
                              {"samples", r.samples},
                              {"loss", known(r.loss.value_or(0.0))},
                              {"learning_rate", r.learning_rate},
                              {"grad_norm", known(r.grad_norm)},
                              {"skipped_steps", r.skipped},
                              {"seconds", r.seconds},
                              {"data_seconds", r.data_seconds},
                              {"tokens_per_second", r.tokens_per_second},
                              {"rss_bytes", resident_bytes()}}
           .dump());
  EventFile::Scalars scalars = {{"loss/train", r.loss.value_or(0.0)},
                                {"learning_rate", r.learning_rate},
                                {"grad_norm", r.grad_norm},
                                {"tokens_per_second", r.tokens_per_second}};
  if (!r.loss) {
    std::erase_if(scalars, [](const auto& scalar) {
      return scalar.first == "loss/train" || scalar.first == "grad_norm";
    });
  }
  events_.write(r.step, scalars);
}

void MetricsFile::write_validation(int64_t step, double loss) {
  line(nlohmann::ordered_json{{"step", step}, {"validation_loss", loss}}.dump());
  events_.write(step, {{"loss/validation", loss}});
}

std::string progress_text(const StepReport& r, int64_t steps, double seconds_left) {
  return fmt::format("step {}/{}  loss {}  {:.3g} tokens/s  {} left", r.step, steps,
                     r.loss ? fmt::format("{:.4f}", *r.loss) : "-", r.tokens_per_second,
                     format_duration(seconds_left));
}

}  // namespace seqvit::train
