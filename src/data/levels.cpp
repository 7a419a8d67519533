#include "data/levels.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace seqvit::data {

std::optional<VariableLevel> level_in_name(const std::string& name) {
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const auto digits = std::find_if_not(name.rbegin(), name.rend(), is_digit).base();
  const auto letters = std::find_if_not(std::make_reverse_iterator(digits), name.rend(), is_letter).base();
  const bool has_name = letters - name.begin() > 1 && *(letters - 1) == '_';
  if (digits == name.end() || digits - letters > 2 || !has_name) return std::nullopt;
  const double level = std::strtod(&*digits, nullptr);
  if (!std::isfinite(level)) return std::nullopt;  // hundreds of digits
  return VariableLevel{std::string(name.begin(), digits), level};
}

std::vector<int64_t> group_levels(const std::vector<VariableInfo>& variables, int64_t statics, int64_t size) {
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<double, size_t>>> fields_of;
  for (size_t i = 0; i < variables.size(); ++i) {
    const VariableInfo& field = variables[i];
    if (field.level) fields_of[{field.level->variable, field.units}].emplace_back(field.level->value, i);
  }
  std::vector<size_t> first(variables.size() + static_cast<size_t>(statics));  // field of the same group
  std::iota(first.begin(), first.end(), size_t{0});
  for (auto& [variable, levels] : fields_of) {
    std::sort(levels.begin(), levels.end());
    for (auto begin = levels.begin(); begin != levels.end();) {
      const auto end = begin + std::min<std::ptrdiff_t>(size, levels.end() - begin);
      size_t least = begin->second;
      std::for_each(begin, end, [&](const auto& level) { least = std::min(least, level.second); });
      std::for_each(begin, end, [&](const auto& level) { first[level.second] = least; });
      begin = end;
    }
  }
  std::map<size_t, int64_t> number;
  std::vector<int64_t> groups;
  for (const size_t field : first)
    groups.push_back(number.try_emplace(field, static_cast<int64_t>(number.size())).first->second);
  if (size > 1 && number.size() == groups.size()) {
    fail(Exit::usage,
         "model.patch_levels: expected a variable at several levels (a level dimension, or names such as "
         "t_500 and t_850), found none for {} to join; set it to 1",
         size);
  }
  return groups;
}

std::vector<double> level_weights(const std::vector<VariableInfo>& variables,
                                  const std::vector<int64_t>& targets) {
  std::map<std::pair<std::string, std::string>, std::pair<double, double>> sums;  // of levels, and how many
  for (const int64_t target : targets) {
    const VariableInfo& field = variables[target];
    if (!field.level) continue;
    auto& [sum, count] = sums[{field.level->variable, field.units}];
    sum += field.level->value, count += 1.0;
  }
  if (sums.empty()) {
    fail(Exit::usage,
         "train.level_weights: expected targets at levels (a level dimension, or names such as t_500 and "
         "t_850), found none; set it to none");
  }
  std::vector<double> weights;
  for (const int64_t target : targets) {
    const VariableInfo& field = variables[target];
    if (!field.level) {
      weights.push_back(1.0);
      continue;
    }
    const auto& [sum, count] = sums.at({field.level->variable, field.units});
    weights.push_back(field.level->value * count / sum);
  }
  return weights;
}

}  // namespace seqvit::data
