#include "train/description.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/inputs.h"

namespace seqvit::train {

ModelDescription describe(const Experiment& e) {
  ModelDescription model;
  const grid::Grid& grid = e.dataset->grid();
  model.rows = grid.rows();
  model.columns = grid.columns();
  model.latitude = {grid.latitude.front(), grid.latitude.back()};
  model.longitude = {grid.longitude.front(), grid.longitude.back()};
  model.periodic = grid.periodic();
  model.patch_size = e.config.model.patch_size;
  model.num_heads = e.config.model.num_heads;
  model.noise_dim = e.config.model.noise_dim;
  model.rotary_waves = e.config.model.rotary ? e.config.model.rotary_waves : 0;
  for (const data::VariableInfo& variable : e.dataset->variables())
    model.inputs.push_back(variable.name);
  for (const int64_t target : e.targets)
    model.targets.push_back(model.inputs[target]);
  for (const StateBefore& input : states_before(*e.dataset, e.config.data.history)) {
    model.inputs.push_back(
        fmt::format("{} -{}", e.dataset->variables()[input.variable].name, e.lead.times(input.steps).text()));
  }
  for (const int64_t v : e.dataset->of_role(data::Role::forcing))
    model.forcings.push_back(e.dataset->variables()[v].name);
  for (const int64_t v : e.dataset->of_role(data::Role::diagnostic))
    model.diagnostics.push_back(e.dataset->variables()[v].name);
  for (const int64_t target : e.targets) {
    const data::VariableInfo& variable = e.dataset->variables()[target];
    if (const Bounds* ends = data::setting_of(e.config.model.bounds, variable))
      model.bounds[variable.name] = *ends;
  }
  for (const data::VariableInfo& field : e.dataset->statics())
    model.inputs.push_back(field.name);
  model.groups = e.groups;
  model.tokens = to_string(e.config.model.tokens);
  model.positions = e.config.model.positions == Positions::learned ? "learned" : "fixed";
  model.predict = e.config.model.predict == Predict::tendency ? "tendency" : "state";
  model.network = e.config.model.network == Network::vit ? "vit" : "unet";
  model.lead_time = e.lead.text();
  for (const data::LeadTime& lead : e.leads())
    model.leads.push_back(lead.text());
  model.embed_overlap = e.config.model.embed_overlap;
  model.head_overlap = e.config.model.head_overlap;
  model.local = e.config.model.local == Local::depthwise ? "depthwise" : "none";
  return model;
}

namespace {

nlohmann::json to_json(const std::map<std::string, Bounds>& bounds) {
  nlohmann::json json = nlohmann::json::object();
  const auto end = [](double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
  };
  for (const auto& [name, ends] : bounds)
    json[name] = {end(ends.low), end(ends.high)};
  return json;
}

std::map<std::string, Bounds> bounds_from_json(const nlohmann::json& json) {
  std::map<std::string, Bounds> bounds;
  for (const auto& [name, ends] : json.items()) {
    Bounds& read = bounds[name];
    if (!ends.at(0).is_null()) read.low = ends.at(0);
    if (!ends.at(1).is_null()) read.high = ends.at(1);
  }
  return bounds;
}

}  // namespace

nlohmann::json to_json(const ModelDescription& m) {
  return {{"grid", {m.rows, m.columns}},
          {"latitude", m.latitude},
          {"longitude", m.longitude},
          {"periodic", m.periodic},
          {"patch_size", m.patch_size},
          {"num_heads", m.num_heads},
          {"rotary_waves", m.rotary_waves},
          {"noise_dim", m.noise_dim},
          {"inputs", m.inputs},
          {"groups", m.groups},
          {"targets", m.targets},
          {"tokens", m.tokens},
          {"positions", m.positions},
          {"predict", m.predict},
          {"network", m.network},
          {"lead_time", m.lead_time},
          {"leads", m.leads},
          {"local", m.local},
          {"embed_overlap", m.embed_overlap},
          {"head_overlap", m.head_overlap},
          {"forcings", m.forcings},
          {"diagnostics", m.diagnostics},
          {"bounds", to_json(m.bounds)}};
}

ModelDescription description_from_json(const nlohmann::json& json, const std::string& where) {
  try {
    ModelDescription m;
    m.rows = json.at("grid").at(0);
    m.columns = json.at("grid").at(1);
    m.latitude = json.at("latitude");
    m.longitude = json.at("longitude");
    m.periodic = json.at("periodic");
    m.patch_size = json.at("patch_size");
    m.num_heads = json.at("num_heads");
    m.rotary_waves = json.value("rotary_waves", int64_t{0});
    m.noise_dim = json.value("noise_dim", int64_t{0});
    m.inputs = json.at("inputs");
    // Files from before there were groups have every input alone.
    m.groups = json.value("groups", model::single_inputs(static_cast<int64_t>(m.inputs.size())));
    m.targets = json.at("targets");
    m.tokens = json.at("tokens");
    m.positions = json.at("positions");
    m.predict = json.at("predict");
    m.network = json.value("network", m.network);
    m.lead_time = json.at("lead_time");
    m.leads = json.value("leads", std::vector{m.lead_time});
    m.local = json.value("local", m.local);
    m.embed_overlap = json.value("embed_overlap", false);
    m.head_overlap = json.value("head_overlap", false);
    m.forcings = json.value("forcings", m.forcings);
    m.diagnostics = json.value("diagnostics", m.diagnostics);
    m.bounds = bounds_from_json(json.value("bounds", nlohmann::json::object()));
    if (m.rows > 0 && m.columns > 0 && m.patch_size > 0) return m;
  } catch (const nlohmann::json::exception&) {
    // said below
  }
  fail(Exit::checkpoint, "{}: broken description of the model; export it again", where);
}

}  // namespace seqvit::train
