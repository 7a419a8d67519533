#include "evaluate/rollout_plan.h"

#include <map>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "data/period.h"

namespace seqvit::evaluate {

RolloutPlan make_rollout_plan(const data::Dataset& dataset, const data::LeadTime& model_lead, Range period,
                              const std::vector<data::LeadTime>& leads, int64_t stride) {
  RolloutPlan plan;
  std::map<int64_t, std::map<int64_t, int64_t>> pairs;  // steps -> initial time -> valid time
  std::set<int64_t> initial_times;
  for (const data::LeadTime& lead : leads) {
    const int64_t steps = steps_of(lead, model_lead, "leads");
    for (const data::Sample& sample : data::make_samples(dataset.times(), dataset.calendar(), period, lead)) {
      pairs[steps][sample.input] = sample.target;
      initial_times.insert(sample.input);
    }
    if (pairs[steps].empty()) {
      log_warn("the evaluation period holds no two times {} apart; this lead time is left out", lead.text());
    }
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
