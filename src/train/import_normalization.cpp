#include "train/import_normalization.h"

#include <cmath>
#include <functional>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/units.h"
#include "train/description.h"
#include "train/export.h"
#include "train/safetensors.h"

namespace seqvit::train {
namespace {

using nlohmann::json;

/// What the file says, and the lead time that its "tendencies" are of; null where it has none.
struct SourceMoments {
  json moments;
  std::string lead_time;

  explicit SourceMoments(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    const auto text = file.metadata().find(kNormalizationKey), model = file.metadata().find(kModelKey);
    if (text == file.metadata().end() || model == file.metadata().end()) return;
    moments = json::parse(text->second, nullptr, /*allow_exceptions=*/false);
    if (!moments.is_object())
      fail(Exit::checkpoint, "{}: {}: no object in JSON; the file is corrupt", path.string(),
           kNormalizationKey);
    lead_time = description_from_json(json::parse(model->second, nullptr, false), path.string()).lead_time;
  }

  std::string key_of(const data::LeadTime& lead) const {
    return data::LeadTime::parse(lead_time) == lead ? "tendencies" : "tendencies " + lead.text();
  }

  /// True where the file has these moments, which are then in `out`; of differences between fields where
  /// `difference`. Not those of another transform.
  bool take(const std::string& group, const data::VariableInfo& field, bool difference,
            data::Moments& out) const {
    if (!moments.is_object() || !moments.contains(group) || !moments[group].contains(field.name))
      return false;
    const json& entry = moments[group][field.name];
    const data::Moments found{entry.value("mean", double{NAN}), entry.value("std", double{NAN})};
    if (!std::isfinite(found.mean) || !(found.std > 0.0)) return false;
    const std::string units = entry.value("units", "");
    const bool same = units == field.units || units.empty() || field.units.empty();
    const auto conversion = same ? data::UnitConversion{} : data::convert_units(units, field.units);
    const std::string transform = field.transform.identity() ? "" : field.transform.text();
    if (!conversion || entry.value("transform", "") != transform) return false;
    if (!transform.empty() && !conversion->identity()) return false;  // no factor of what it makes
    out = {found.mean * conversion->scale + (difference ? 0.0 : conversion->offset),
           found.std * std::abs(conversion->scale)};
    return true;
  }
};

/// A group of moments, a field, its moments, and of a tendency its lead time.
using Visit =
    std::function<void(const char*, const data::VariableInfo&, data::Moments&, const data::LeadTime*)>;

void each_field(const Experiment& e, data::Statistics& statistics, const Visit& visit) {
  const auto& variables = e.dataset->variables();
  for (size_t v = 0; v < variables.size(); ++v)
    visit("variables", variables[v], statistics.variables[v], nullptr);
  for (size_t s = 0; s < e.dataset->statics().size(); ++s)
    visit("statics", e.dataset->statics()[s], statistics.statics[s], nullptr);
  const std::vector<data::LeadTime> leads = e.leads();
  for (size_t lead = 0; lead < leads.size(); ++lead) {
    for (const int64_t target : e.targets)
      visit("tendencies", variables[target], statistics.tendencies[lead][target], &leads[lead]);
  }
}

std::string text(const data::VariableInfo& field, const data::LeadTime* lead) {
  return lead == nullptr ? field.name : lead->text() + " tendency of " + field.name;
}

}  // namespace

NormalizationReport take_normalization(const std::filesystem::path& file, Experiment& e) {
  const SourceMoments source(file);
  NormalizationReport report;
  try {
    each_field(e, e.statistics,
               [&](const char* group, const data::VariableInfo& field, data::Moments& moments,
                   const data::LeadTime* lead) {
                 const std::string key =
                     lead == nullptr || source.lead_time.empty() ? group : source.key_of(*lead);
                 const bool taken = source.take(key, field, lead != nullptr, moments);
                 (taken ? report.source : report.made).push_back(text(field, lead));
               });
  } catch (const json::exception& error) {
    fail(Exit::checkpoint, "{}: {}: {}; export it again", file.string(), kNormalizationKey, error.what());
  }
  return report;
}

NormalizationReport new_normalization(const Experiment& e) {
  NormalizationReport report;
  data::Statistics statistics = e.statistics;
  each_field(e, statistics,
             [&](const char*, const data::VariableInfo& field, data::Moments&, const data::LeadTime* lead) {
               report.made.push_back(text(field, lead));
             });
  return report;
}

}  // namespace seqvit::train
