#include <algorithm>

#include "core/config.h"
#include "core/error.h"
#include "core/region.h"

namespace seqvit {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void validate_data(const DataConfig& data, const std::string& name) {
  for (const std::string& target : data.targets) {
    const std::string all_levels = target.substr(0, target.rfind('@')) + "@*";
    const auto among = [&](const std::vector<std::string>& names) {
      return has(names, target) || has(names, all_levels);
    };
    if (!data.variables.empty() && !among(data.variables) && !among(data.diagnostics)) {
      fail(Exit::usage, "{}: data.targets: '{}' is not in data.variables{}", name, target,
           did_you_mean(target, data.variables));
    }
  }
  const std::pair<const char*, const std::vector<std::string>&> roles[] = {{"variables", data.variables},
                                                                           {"forcings", data.forcings},
                                                                           {"diagnostics", data.diagnostics},
                                                                           {"static", data.statics}};
  for (size_t i = 0; i < std::size(roles); ++i) {
    for (size_t j = 0; j < i; ++j) {
      for (const std::string& variable : roles[i].second) {
        if (!has(roles[j].second, variable)) continue;
        fail(Exit::usage, "{}: '{}' is in data.{} and in data.{}; keep one", name, variable, roles[j].first,
             roles[i].first);
      }
    }
  }
  for (const std::string& variable : data.forcings) {
    if (!has(data.targets, variable)) continue;
    fail(Exit::usage, "{}: '{}' is in data.forcings and in data.targets; a forcing is not predicted", name,
         variable);
  }
  const std::pair<const char*, const PeriodConfig&> splits[] = {
      {"train", data.split.train}, {"validation", data.split.validation}, {"test", data.split.test}};
  for (const auto& [split, period] : splits) {
    const std::vector<std::string>& bounds = period.bounds;
    const bool optional = std::string_view(split) != "train";
    if (bounds.size() == 2 || (optional && bounds.empty())) continue;
    fail(Exit::usage, "{}: data.split.{}: expected [first, last] as dates or indices, found {} entries", name,
         split, bounds.size());
  }
}

void validate_model(const ModelConfig& model, const std::string& name) {
  if (model.embed_dim % model.num_heads != 0) {
    fail(Exit::usage, "{}: model.embed_dim {} is not a multiple of model.num_heads {}", name, model.embed_dim,
         model.num_heads);
  }
  if (model.embed_dim % 4 != 0) {
    fail(Exit::usage, "{}: model.embed_dim {}: expected a multiple of 4 (sine and cosine of two coordinates)",
         name, model.embed_dim);
  }
  if (model.rotary && model.embed_dim / model.num_heads % 4 != 0) {
    fail(Exit::usage,
         "{}: model.rotary turns pairs of channels along two axes: expected heads of a multiple of 4 "
         "channels, found {} (model.embed_dim {} / model.num_heads {})",
         name, model.embed_dim / model.num_heads, model.embed_dim, model.num_heads);
  }
  if (model.rotary_waves != ModelConfig{}.rotary_waves && !model.rotary) {
    fail(Exit::usage, "{}: model.rotary_waves is {} but model.rotary is false; it would be ignored", name,
         model.rotary_waves);
  }
  if (model.patch_size < 2 && (model.embed_overlap || model.head_overlap)) {
    fail(Exit::usage,
         "{}: model.{} reaches half a patch into its neighbours, found model.patch_size 1; leave it out, or "
         "use model.local",
         name, model.embed_overlap ? "embed_overlap" : "head_overlap");
  }
  if (model.aggregated_tokens != 1 && model.tokens != Tokens::aggregated) {
    fail(Exit::usage, "{}: model.aggregated_tokens is {} but model.tokens is {}; it needs 'aggregated'", name,
         model.aggregated_tokens, to_string(model.tokens));
  }
  if (model.patch_levels != 1 && model.tokens == Tokens::joint) {
    fail(
        Exit::usage,
        "{}: model.patch_levels is {} but model.tokens is joint, whose tokens hold all levels anyway; set it "
        "to 1, or model.tokens to variable or aggregated",
        name, model.patch_levels);
  }
}

/// Members, the loss that compares them and the noise that tells them apart need each other.
void validate_ensemble(const Config& config, const std::string& name) {
  const TrainConfig& train = config.train;
  const bool crps = train.loss == Loss::crps;
  if (crps && train.members < 2) {
    fail(Exit::usage, "{}: train.loss crps compares members: expected train.members of 2 or more, found {}",
         name, train.members);
  }
  if (!crps && train.members > 1) {
    fail(Exit::usage, "{}: train.members is {} but train.loss is mse; it needs 'crps'", name, train.members);
  }
  if (crps != (config.model.noise_dim > 0)) {
    fail(Exit::usage, "{}: model.noise_dim is {} but train.loss is {}: {}", name, config.model.noise_dim,
         crps ? "crps" : "mse",
         crps ? "members would all be the same; set model.noise_dim, to 32 for instance"
              : "under it a model learns to ignore noise; set train.loss to crps and train.members to 2");
  }
  if (config.model.noise_dim > 0 && config.model.network != Network::vit) {
    fail(Exit::usage, "{}: model.network unet has no norms that noise could change; set model.network to vit",
         name);
  }
}

void validate_train(const Config& config, const std::string& name) {
  const TrainConfig& train = config.train;
  const ParallelConfig& parallel = config.parallel;
  if (train.warmup_steps > train.schedule()) {
    fail(Exit::usage, "{}: train.warmup_steps {} is more than train.{} {}", name, train.warmup_steps,
         train.schedule_steps > 0 ? "schedule_steps" : "steps", train.schedule());
  }
  if (parallel.dp * train.micro_batches > train.batch_size) {
    fail(Exit::usage,
         "{}: train.batch_size {} is less than parallel.dp {} x train.micro_batches {}: some ranks would "
         "have no sample",
         name, train.batch_size, parallel.dp, train.micro_batches);
  }
  validate_ensemble(config, name);
  const int64_t longest = train.longest_rollout();
  if (longest > 1 && parallel.pp > 1) {
    fail(Exit::usage,
         "{}: train.rollout_steps {}: a forecast is fed back where the model begins and ends on the "
         "same ranks, found parallel.pp {}; use parallel.pp=1 and sp, tp or dp",
         name, longest, parallel.pp);
  }
}

void validate_memory(const MemoryConfig& memory, DeviceKind device, const std::string& name) {
  if (memory.offload != Offload::none && memory.recompute == Recompute::none) {
    fail(Exit::usage,
         "{}: memory.offload {} keeps what recomputation needs; set memory.recompute to full or "
         "keep_attention",
         name, to_string(memory.offload));
  }
  if (!memory.offload_directory.empty() && memory.offload != Offload::disk) {
    fail(Exit::usage,
         "{}: memory.offload_directory is '{}' but memory.offload is {}; leave it out, or set memory.offload "
         "to disk",
         name, memory.offload_directory, to_string(memory.offload));
  }
  if (memory.offload == Offload::host && device == DeviceKind::cpu) {
    fail(Exit::usage,
         "{}: memory.offload host: on a CPU activations are in the host's memory already; set "
         "memory.offload: disk, or parallel.device: cuda",
         name);
  }
  if (memory.offload == Offload::disk && device != DeviceKind::cpu) {
    fail(Exit::usage,
         "{}: memory.offload disk: a GPU's activations wait in the host's memory; set memory.offload: host",
         name);
  }
}

void validate_parallel(const Config& config, const std::string& name) {
  const ParallelConfig& p = config.parallel;
  if (p.share_gpus && p.device == DeviceKind::cpu)
    fail(Exit::usage, "{}: parallel.share_gpus without a GPU; set parallel.device: cuda, or leave it out",
         name);
  const int64_t heads = config.model.num_heads, heads_of_group = heads / p.tp;
  if (p.tp > heads) {
    fail(Exit::usage, "{}: parallel.tp {}: tensor parallelism divides heads, and model.num_heads is {}", name,
         p.tp, heads);
  }
  if (p.pp * p.interleave > config.model.depth) {
    fail(Exit::usage,
         "{}: parallel.pp {} x parallel.interleave {} is more than model.depth {}: some stages would have no "
         "block",
         name, p.pp, p.interleave, config.model.depth);
  }
  if (p.interleave > 1 && (p.pp == 1 || config.train.micro_batches % p.pp != 0)) {
    fail(Exit::usage,
         "{}: parallel.interleave {}: expected a pipeline (parallel.pp > 1) and train.micro_batches a "
         "multiple of its stages, found pp {} and {} micro-batches",
         name, p.interleave, p.pp, config.train.micro_batches);
  }
  if (p.sequence == Sequence::ulysses && p.sp > heads_of_group) {
    fail(Exit::usage,
         "{}: parallel.sp {}: ulysses divides heads, and {} are left of model.num_heads {} after parallel.tp "
         "{}; use ring, lss or hybrid",
         name, p.sp, heads_of_group, heads, p.tp);
  }
  if (p.sequence != Sequence::hybrid && p.ulysses != ParallelConfig{}.ulysses) {
    fail(Exit::usage, "{}: parallel.ulysses is {} but parallel.sequence is {}; it needs 'hybrid'", name,
         p.ulysses, to_string(p.sequence));
  }
  if (p.sequence == Sequence::hybrid && p.sp % p.ulysses != 0) {
    fail(Exit::usage, "{}: parallel.sp {} is not a multiple of parallel.ulysses {}", name, p.sp, p.ulysses);
  }
  if (p.sequence == Sequence::hybrid && p.ulysses > heads_of_group) {
    fail(Exit::usage, "{}: parallel.ulysses {} is more than model.num_heads {} / parallel.tp {}", name,
         p.ulysses, heads, p.tp);
  }
}

void validate_network(const Config& config, const std::string& name) {
  const ParallelConfig& p = config.parallel;
  if (config.model.network == Network::vit) return;
  if (p.pp * p.sp * p.tp > 1) {
    fail(Exit::usage,
         "{}: model.network unet needs the whole grid on a rank: expected parallel.pp, sp and tp of 1, found "
         "{}, {} and {}; use parallel.dp",
         name, p.pp, p.sp, p.tp);
  }
  if (config.memory.recompute != Recompute::none || config.model.drop_path > 0.0) {
    fail(Exit::usage,
         "{}: model.network unet has no blocks: memory.recompute {} and model.drop_path {} would be ignored; "
         "set them to none and 0",
         name, to_string(config.memory.recompute), config.model.drop_path);
  }
}

void validate_evaluate(const EvaluateConfig& evaluate, const std::string& name) {
  std::vector<std::string> names;
  for (const std::string& text : evaluate.regions) {
    const Region region = Region::parse(text, name + ": evaluate.regions");
    if (has(names, region.name))
      fail(Exit::usage, "{}: evaluate.regions: two regions are called '{}'", name, region.name);
    names.push_back(region.name);
  }
}

}  // namespace

int64_t TrainConfig::rollout_at(int64_t step) const {
  return rollout_steps[std::min(step, schedule() - 1) * std::ssize(rollout_steps) / schedule()];
}

int64_t TrainConfig::longest_rollout() const {
  return *std::max_element(rollout_steps.begin(), rollout_steps.end());
}

void validate(const Config& config, const std::string& name) {
  // A program of one's own may take its fields from elsewhere.
  if (!config.data.files.empty()) validate_data(config.data, name);
  validate_model(config.model, name);
  validate_train(config, name);
  validate_memory(config.memory, config.parallel.device, name);
  validate_parallel(config, name);
  validate_network(config, name);
  validate_evaluate(config.evaluate, name);
}

}  // namespace seqvit
