#include "evaluate/rollout_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "data/period.h"

namespace seqvit::evaluate {

std::optional<int64_t> missing_step(const data::Dataset& dataset, const data::LeadTime& step, int64_t history,
                                    int64_t initial, int64_t steps) {
  const auto at = [&](int64_t n) {
    return step.times(n).after(dataset.times()[initial], dataset.calendar());
  };
  for (int64_t n = 1 - history; n < 0; ++n) {
    if (dataset.time_index(at(n)) < 0) return n;
  }
  const std::vector<int64_t> forcings = dataset.of_role(data::Role::forcing);
  for (int64_t n = 1; !forcings.empty() && n < steps; ++n) {
    const data::TimeStamp time = at(n);
    const auto lacks = [&](int64_t v) { return !dataset.holds_at(v, time); };
    if (std::ranges::any_of(forcings, lacks)) return n;
  }
  return std::nullopt;
}

RolloutPlan make_rollout_plan(const data::Dataset& dataset, const data::LeadTime& model_lead, Range period,
                              const std::vector<data::LeadTime>& leads, int64_t stride, int64_t history) {
  RolloutPlan plan;
  std::map<int64_t, std::map<int64_t, int64_t>> pairs;  // steps -> initial time -> valid time
  std::set<int64_t> initial_times, without_inputs;
  for (const data::LeadTime& lead : leads) {
    const int64_t steps = steps_of(lead, model_lead, "leads");
    for (const data::Sample& sample : data::make_samples(dataset.times(), dataset.calendar(), period, lead)) {
      if (missing_step(dataset, model_lead, history, sample.input, steps)) {
        without_inputs.insert(sample.input);
        continue;
      }
      pairs[steps][sample.input] = sample.target;
      initial_times.insert(sample.input);
    }
    if (pairs[steps].empty()) {
      log_warn("the evaluation period holds no two times {} apart; this lead time is left out", lead.text());
    }
  }
  if (!without_inputs.empty()) {
    log_warn(
        "{} initial times are left out of some lead times: the files lack states before (data.history) or "
        "data.forcings on the way",
        without_inputs.size());
  }
  if (initial_times.empty() && !without_inputs.empty()) {
    fail(Exit::usage,
         "the evaluation period {} holds no forecast whose states before (data.history) and data.forcings "
         "the files "
         "have; use a longer period or shorter lead times",
         data::period_text(dataset.times(), dataset.calendar(), period));
  }
  if (initial_times.empty()) {
    fail(Exit::usage,
         "the evaluation period {} holds no two times that are a lead time apart; use a longer period",
         data::period_text(dataset.times(), dataset.calendar(), period));
  }
  int64_t position = 0;
  for (const int64_t time : initial_times) {
    if (position++ % stride == 0) plan.initial_times.push_back(time);
  }
  for (const auto& [steps, targets] : pairs) {
    LeadPlan lead{model_lead.times(steps), steps, {}};
    for (const int64_t time : plan.initial_times) {
      const auto found = targets.find(time);
      lead.targets.push_back(found == targets.end() ? -1 : found->second);
    }
    if (!targets.empty()) plan.leads.push_back(std::move(lead));
  }
  return plan;
}

int64_t steps_of(const data::LeadTime& lead, const data::LeadTime& model_lead, const char* setting) {
  const int64_t steps =
      model_lead.months > 0 ? lead.months / model_lead.months : lead.seconds / model_lead.seconds;
  if (steps < 1 || model_lead.times(steps) != lead) {
    fail(Exit::usage, "{}: {} is not a multiple of data.lead_time {}", setting, lead.text(),
         model_lead.text());
  }
  return steps;
}

}  // namespace seqvit::evaluate
