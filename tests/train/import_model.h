/// Models to import from and into: small ones, described as a run describes its own.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <nlohmann/json.hpp>

#include "support/temporary_directory.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/import.h"
#include "train/learner.h"

namespace seqvit::train {

/// A model of random weights (each another's, none zero), whole on one rank, in fp64.
class Model {
 public:
  explicit Model(const ModelDescription& description, const ModelConfig& config = {})
      : description_(description),
        world_(comm::make_self_comm()),
        mesh_(*world_, ParallelConfig{.zero = 0}),
        learner_(shape_of(description, config), settings(description, config), grid_of(description), mesh_) {
    for (parallel::ParamGroup* group : learner_.groups()) {
      group->load(
          [&](const parallel::Param&, Range, const Tensor& out) { out.copy_(0.2 * at::randn(out.sizes())); });
    }
  }

  const ModelDescription& description() const { return description_; }
  Learner& learner() { return learner_; }

  std::map<std::string, Tensor> weights() {
    std::map<std::string, Tensor> all;
    for (parallel::ParamGroup* group : learner_.groups()) {
      for (const parallel::Section& section : group->sections()) {
        parallel::for_each_slice(
            section, section.mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
              all[param.name()] =
                  section.weight.detach().narrow(0, offset, elements.size()).clone().view(param.shape());
            });
      }
    }
    return all;
  }

  std::filesystem::path write(const TemporaryDirectory& d) {
    Checkpoints(d.path(), *world_).save(learner_.groups(), learner_.optimizer(), {}, false, 1);
    const auto path = d / "weights.safetensors";
    export_weights(d / "checkpoints/step-00000000", path, {{kModelKey, to_json(description_).dump()}});
    return path;
  }

  ImportReport import(const std::filesystem::path& file, std::optional<PatchRowsColumns> grid = {}) {
    return import_weights(file, grid, description_, learner_.groups());
  }

 private:
  ModelDescription description_;
  std::unique_ptr<comm::Comm> world_;
  comm::Mesh mesh_;
  Learner learner_;

  static ModelConfig complete(const ModelDescription& d, ModelConfig config) {
    config.patch_size = d.patch_size;
    config.num_heads = d.num_heads;
    config.embed_dim = config.embed_dim == ModelConfig{}.embed_dim ? 16 : config.embed_dim;
    config.depth = config.depth == ModelConfig{}.depth ? 2 : config.depth;
    config.tokens = d.tokens == "variable"     ? Tokens::variable
                    : d.tokens == "aggregated" ? Tokens::aggregated
                                               : Tokens::joint;
    return config;
  }
  static model::ModelShape shape_of(const ModelDescription& d, const ModelConfig& config) {
    model::ModelShape shape;
    shape.rows = d.rows, shape.columns = d.columns;
    shape.groups = d.groups.empty() ? model::single_inputs(static_cast<int64_t>(d.inputs.size())) : d.groups;
    for (const std::string& target : d.targets)
      shape.targets.push_back(std::find(d.inputs.begin(), d.inputs.end(), target) - d.inputs.begin());
    shape.conditions = 4 + (d.leads.size() > 1 ? std::ssize(d.leads) : 0);
    shape.config = complete(d, config);
    return shape;
  }
  static Config settings(const ModelDescription& d, const ModelConfig& config) {
    Config all;
    all.model = complete(d, config);
    all.train.precision = Precision::fp64;
    all.train.batch_size = 1;
    return all;
  }
  static grid::Grid grid_of(const ModelDescription& d) {
    return {std::vector<double>(d.rows, 10.0), std::vector<double>(d.columns, 0.0)};
  }
};

inline ModelDescription describe(int64_t rows, int64_t columns, int64_t patch_size,
                                 const std::string& tokens = "joint") {
  ModelDescription d;
  d.rows = rows, d.columns = columns, d.patch_size = patch_size, d.num_heads = 2;
  d.latitude = {40.0, 10.0}, d.longitude = {0.0, 50.0};
  d.inputs = {"t", "u", "orography"};
  d.targets = {"t", "u"};
  d.tokens = tokens, d.positions = "learned", d.predict = "tendency", d.lead_time = "6h";
  return d;
}

}  // namespace seqvit::train
