#include "core/config.h"

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/file.h"
#include "core/settings.h"

namespace seqvit {
namespace {

const Choices<Tokens> kTokens = {
    {"joint", Tokens::joint}, {"variable", Tokens::variable}, {"aggregated", Tokens::aggregated}};
const Choices<Predict> kPredict = {{"tendency", Predict::tendency}, {"state", Predict::state}};
const Choices<Positions> kPositions = {{"learned", Positions::learned}, {"fixed", Positions::fixed}};
const Choices<Network> kNetwork = {{"vit", Network::vit}, {"unet", Network::unet}};
const Choices<LevelWeights> kLevelWeights = {{"none", LevelWeights::none},
                                             {"pressure", LevelWeights::pressure}};
const Choices<Loss> kLoss = {{"mse", Loss::mse}, {"crps", Loss::crps}};
const Choices<Local> kLocal = {{"none", Local::none}, {"depthwise", Local::depthwise}};
const Choices<Precision> kPrecision = {
    {"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"fp64", Precision::fp64}};
const Choices<Offload> kOffload = {{"none", Offload::none}, {"disk", Offload::disk}, {"host", Offload::host}};
const Choices<Recompute> kRecompute = {
    {"none", Recompute::none}, {"full", Recompute::full}, {"keep_attention", Recompute::keep_attention}};
const Choices<DeviceKind> kDevice = {{"cpu", DeviceKind::cpu}, {"cuda", DeviceKind::cuda}};
const Choices<Coordinates> kCoordinates = {{"file", Coordinates::file}, {"index", Coordinates::index}};
const Choices<Sequence> kSequence = {{"ulysses", Sequence::ulysses},
                                     {"lss", Sequence::lss},
                                     {"lss_kv", Sequence::lss_kv},
                                     {"ring", Sequence::ring},
                                     {"hybrid", Sequence::hybrid}};

void add_data(Settings& s, DataConfig& c) {
  s.list("data.files", c.files,
         "NetCDF, GRIB or Zarr, patterns such as `data/*.nc` allowed; read together, in time order");
  s.fields("data.variables", c.variables, c.sources,
           "variables to read: `t`, a level `t@850`, all levels `t@*`, one file's `file.nc:t`, under another "
           "name `{new_name: {from: file.nc:t}}`; none: every gridded variable with a time dimension");
  s.fields("data.static", c.statics, c.sources,
           "fields without time (orography, land fraction) given to the model as further inputs");
  s.fields(
      "data.forcings", c.forcings, c.sources,
      "variables that the model is given at every step of a forecast and does not predict: from the "
      "files, which may begin before and end after the other variables', or `insolation` where they have "
      "none of this "
      "name");
  s.fields("data.diagnostics", c.diagnostics, c.sources,
           "variables that the model predicts and is never given, as precipitation");
  s.texts_by_name("data.sources", c.sources,
                  "what variables are called in the files, by name, where `data.variables` and the like do "
                  "not say it, as `{t_low: file.nc:t@850}`; another file's fields for the same model");
  s.texts_by_name(
      "data.transform", c.transform,
      "what variables are turned into before they are normalised, as `{pr: log1p}`: `sqrt`, `log1p` or "
      "`log1p UNIT`, the logarithm of 1 + x / UNIT; for what is never negative (what packing leaves below "
      "zero counts as "
      "zero); a name without level stands for all levels");
  s.integer(
      "data.history", c.history, 1, 16,
      "states that the model is given: that of the initial time, and those one, two, ... lead times before");
  s.list("data.targets", c.targets, "variables to predict; none: all but forcings");
  s.text("data.lead_time", c.lead_time, "one step of a forecast: `6h`, `1d`, `1mon`");
  s.choice("data.grid", c.grid, kCoordinates,
           "places of points: the file's latitudes and longitudes, or (`index`) none: rows and columns by "
           "number, all of the same weight, for images and simulations");
  s.choice(
      "data.time", c.time, kCoordinates,
      "times: the file's dates, or (`index`) none: hours from 2000-01-01 stand for their numbers, so that "
      "`data.lead_time: 1h` is the next one");
  s.numbers_by_name(
      "data.select", c.select,
      "of a dimension that is no time, level or grid the value that is read, as `{number: 0}`; the index "
      "where it has no values");
  s.lists_by_name(
      "data.missing", c.missing,
      "values of a file's variable that stand for none, beside those that its attributes name, as `{ts: "
      "[-9999]}`; an empty list: all its values are real");
  s.period("data.split.train", c.split.train,
           "[first, last]: years, months, dates or times (the last is included), or time indices (the last "
           "is excluded); a whole number of four digits within a century of the data is a year, unless it "
           "stands in `{index: [first, last]}`");
  s.period("data.split.validation", c.split.validation, "the same; chooses the best checkpoint");
  s.period("data.split.test", c.split.test, "the same; scored by `evaluate`");
  s.bytes("data.cache_bytes", c.cache_bytes, "memory for decoded fields");
}

void add_model(Settings& s, ModelConfig& c) {
  s.choice("model.network", c.network, kNetwork,
           "`vit`, or to compare with it `unet`: a plain convolutional network with as many weights as the "
           "`vit` of the same settings (`--baseline unet`)");
  s.integer("model.patch_size", c.patch_size, 1,
            "grid points along each side of a patch; what overhangs the grid is padded");
  s.choice("model.tokens", c.tokens, kTokens,
           "a token is all variables of a patch (`joint`), one of them (`variable`), or what learned queries "
           "read from them (`aggregated`)");
  s.integer("model.patch_levels", c.patch_levels, 1,
            "neighbouring levels of a variable in one token, for `variable` and `aggregated`");
  s.integer("model.aggregated_tokens", c.aggregated_tokens, 1, "tokens a patch that `aggregated` makes");
  s.choice("model.positions", c.positions, kPositions,
           "of patches: `learned`, started at sines and cosines, or `fixed`: those, without memory");
  s.boolean(
      "model.rotary", c.rotary,
      "queries and keys turn with longitude (by whole wavenumbers) and latitude of their patch's centre, "
      "besides `model.positions`");
  s.integer("model.rotary_waves", c.rotary_waves, 1,
            "highest of those wavenumbers round the globe; half of the patches of a circle tell neighbours "
            "apart");
  s.boolean("model.qk_norm", c.qk_norm,
            "root-mean-square norm of queries and keys by head, with gains: allows higher learning rates");
  s.integer("model.embed_dim", c.embed_dim, 4, "width; a multiple of 4 and of the heads");
  s.integer("model.depth", c.depth, 1, "blocks");
  s.integer("model.num_heads", c.num_heads, 1, "heads of attention");
  s.number("model.mlp_ratio", c.mlp_ratio, 0.01, 1000.0, "hidden width of the MLP over the width");
  s.boolean("model.embed_overlap", c.embed_overlap,
            "the map from points to a token also reads half a patch of the patches around its own");
  s.boolean("model.head_overlap", c.head_overlap,
            "the map from a token to points also writes half a patch into the patches around its own; where "
            "several write they add");
  s.choice("model.local", c.local, kLocal,
           "how a block's tokens read those around them before attention: `depthwise`, a 3 x 3 convolution "
           "of each channel, started at zero");
  s.integer("model.head_layers", c.head_layers, 0,
            "hidden layers (linear, GELU) before the map from tokens to points");
  s.number("model.drop_path", c.drop_path, 0.0, 0.99,
           "rate at which the last block's branches are left out in training; earlier blocks less, linearly "
           "from 0");
  s.choice("model.predict", c.predict, kPredict,
           "what is predicted: the normalised change over the lead time, or the `state` then");
  s.bounds_by_name("model.bounds", c.bounds,
                   "values that a predicted variable (or all its levels) can have, in its units, as `{q: [0, "
                   ".], cloud: [0, 1]}`: the "
                   "model's result is held to them, in training as in forecasts");
  s.integer("model.noise_dim", c.noise_dim, 0,
            "numbers of noise that scale and shift the norms of blocks, so that a model makes different "
            "forecasts of one state; needs `train.loss: crps`; 0: none");
  s.boolean("model.time_embedding", c.time_embedding, "the model is told time of day and of year");
}

void add_train(Settings& s, TrainConfig& c) {
  s.integer("train.steps", c.steps, 1, "optimizer steps");
  s.integer("train.schedule_steps", c.schedule_steps, 0,
            "steps that learning rate and `train.rollout_steps` are spread over, after which both stay as at "
            "the last of them; 0: `train.steps`. To go on with a finished run at its last rate, give the old "
            "`train.steps`");
  s.integer("train.batch_size", c.batch_size, 1, "samples of a step over all ranks");
  s.integer("train.micro_batches", c.micro_batches, 1, "parts that a rank's samples of a step are taken in");
  s.number("train.learning_rate", c.learning_rate, 0.0, "at its highest, after warm-up; then down a cosine");
  s.integer("train.warmup_steps", c.warmup_steps, 0, "steps of linear warm-up");
  s.number("train.weight_decay", c.weight_decay, 0.0, "of matrices, by AdamW");
  s.numbers("train.betas", c.betas, 2, 0.0, 0.999999, "of AdamW");
  s.number("train.max_grad_norm", c.max_grad_norm, 0.0,
           "gradients are clipped to this global norm; 0: never");
  s.choice("train.precision", c.precision, kPrecision,
           "`fp32`, `bf16` (products and attention; weights stay fp32; on a processor without instructions "
           "for it computed in fp32, it saves memory but no time), `fp64`");
  s.unsigned_integer("train.seed", c.seed, "of weights, order of samples, rolls and dropped paths");
  s.choice("train.loss", c.loss, kLoss,
           "`mse`, or `crps`: the almost fair continuous ranked probability score of `train.members` "
           "forecasts");
  s.integer("train.members", c.members, 1,
            "forecasts of each sample, which differ by noise (`model.noise_dim`); 2 to 4 under `crps`");
  s.list("train.leads", c.leads,
         "lead times to learn together, multiples of `data.lead_time` and that among them; none: that alone");
  s.integers("train.rollout_steps", c.rollout_steps, 1,
             "how many steps a forecast is fed back and held to the truth, a number for each equal part of "
             "training");
  s.weights("train.target_weights", c.target_weights,
            "weights of targets in the loss by name, as `{t2m: 1, u10: 0.1}`; 1 if not named");
  s.choice(
      "train.level_weights", c.level_weights, kLevelWeights,
      "factors of those weights: `pressure` weighs the levels of a variable by their pressure (or sigma), 1 "
      "on average");
  s.number(
      "train.ema", c.ema, 0.0, 0.999999,
      "decay of a moving average of the weights, kept in checkpoints; validation, `evaluate`, `forecast` and "
      "`export` use it; 0: none");
  s.number("train.skip_spikes", c.skip_spikes, 0.0, 1e9,
           "a step whose loss or gradient norm is this many times its running mean, or not finite, changes "
           "nothing and is counted; 0: never, and what is not finite ends the run");
  s.boolean("train.roll_longitude", c.roll_longitude,
            "each sample's fields are rolled by a random longitude, on grids that go round the globe");
  s.integer("train.checkpoint_every", c.checkpoint_every, 1, "steps between checkpoints");
  s.integer("train.validate_every", c.validate_every, 1, "steps between validations");
  s.integer("train.validation_samples", c.validation_samples, 0,
            "evenly spaced over the validation period; 0: all");
  s.integer("train.keep_checkpoints", c.keep_checkpoints, 1, "newest ones kept besides the best");
}

void add_parallel(Settings& s, ParallelConfig& c) {
  s.integer("parallel.pp", c.pp, 1, "pipeline stages");
  s.integer("parallel.dp", c.dp, 1, "ranks that share the samples");
  s.integer("parallel.sp", c.sp, 1, "ranks that share the tokens");
  s.integer("parallel.tp", c.tp, 1, "ranks that share heads and hidden channels");
  s.integer("parallel.interleave", c.interleave, 1, "chunks of blocks a pipeline stage holds");
  s.choice("parallel.sequence", c.sequence, kSequence,
           "how tokens are shared: `ulysses`, `lss`, `lss_kv`, `ring`, `hybrid`");
  s.integer("parallel.ulysses", c.ulysses, 1, "ranks of the inner Ulysses group of `hybrid`");
  s.integer("parallel.zero", c.zero, 0, 3,
            "ZeRO stage: moments (1), gradients (2), weights (3) are shared out; 0: nothing");
  s.choice("parallel.device", c.device, kDevice, "or `cuda`");
  s.boolean("parallel.share_gpus", c.share_gpus,
            "ranks may have the same GPU; their messages then go through host memory");
  s.number("parallel.timeout_seconds", c.timeout_seconds, 0.0, 1e9,
           "after which a rank that does not come to a collective counts as lost");
  s.boolean("parallel.verify", c.verify,
            "a run of several ranks first proves, in short, that its layout computes what one rank computes");
}

void add_memory(Settings& s, MemoryConfig& c) {
  s.choice("memory.recompute", c.recompute, kRecompute,
           "computed again in backward: `none`, `full` (whole blocks), `keep_attention` (all but attention)");
  s.boolean(
      "memory.recompute_rollout", c.recompute_rollout,
      "where a forecast is fed back (`train.rollout_steps`), its steps are run again in backward, one by "
      "one: any number of them takes the activations of one");
  s.choice("memory.offload", c.offload, kOffload,
           "where what recomputation keeps waits for backward: memory (`none`), a file (`disk`), or of a GPU "
           "the host's memory (`host`)");
  s.text("memory.offload_directory", c.offload_directory,
         "of that file; empty: the system's for temporary files");
  s.boolean(
      "memory.must_fit", c.must_fit,
      "on CPUs a run whose ranks would take more than the machine's memory (`seqvit plan`) does not start");
  s.integer("memory.mlp_chunk", c.mlp_chunk, 0,
            "tokens the MLP takes at a time where it is recomputed; 0: 2,048");
}

void add_evaluate(Settings& s, EvaluateConfig& c) {
  s.list("evaluate.leads", c.leads, "lead times to score, multiples of `data.lead_time`; none: that alone");
  s.integer("evaluate.stride", c.stride, 1, "every n-th initial time is scored");
  s.integer("evaluate.batch_size", c.batch_size, 0, "0: `train.batch_size`");
  s.boolean(
      "evaluate.average", c.average,
      "`evaluate` and `forecast` use the moving average of weights (`train.ema`) where the checkpoint has "
      "one");
  s.list("evaluate.regions", c.regions,
         "boxes scored besides the whole grid, `name=south,north,west,east`; none: tropics and the rest of "
         "both hemispheres");
}

/// The table of all settings of a configuration, which must outlive it.
Settings settings_of(Config& c) {
  Settings s;
  add_data(s, c.data);
  add_model(s, c.model);
  add_train(s, c.train);
  add_parallel(s, c.parallel);
  add_memory(s, c.memory);
  add_evaluate(s, c.evaluate);
  return s;
}

}  // namespace

const char* to_string(Tokens value) {
  return name_of(kTokens, value);
}
const char* to_string(Precision value) {
  return name_of(kPrecision, value);
}
const char* to_string(Recompute value) {
  return name_of(kRecompute, value);
}
const char* to_string(Offload value) {
  return name_of(kOffload, value);
}
const char* to_string(Sequence value) {
  return name_of(kSequence, value);
}
const char* to_string(DeviceKind value) {
  return name_of(kDevice, value);
}

Config parse_config(const std::string& yaml, const std::string& name,
                    const std::vector<std::string>& overrides) {
  check_utf8(yaml, name);
  Config config;
  Settings settings = settings_of(config);
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsNull()) settings.read(root, "", name);
  } catch (const YAML::Exception& error) {
    fail(Exit::usage, "{}: not YAML: line {}: {}", name, error.mark.line + 1, error.msg);
  }
  for (const std::string& text : overrides)
    settings.override_with(text);
  if (config.data.files.empty())
    fail(Exit::usage, "{}: data.files: expected at least one file, found none", name);
  validate(config, name);
  return config;
}

Config load_config(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_config(read_text(path, Exit::usage), path, overrides);
}

std::vector<SettingText> setting_texts() {
  Config defaults;
  std::vector<SettingText> texts;
  const Settings settings = settings_of(defaults);
  for (const Setting& setting : settings.rows()) {
    YAML::Emitter value;
    value << YAML::Flow << setting.write();
    texts.push_back({setting.path, value.c_str(), setting.meaning});
  }
  return texts;
}

std::vector<ChangedSetting> changed_settings(const Config& one, const Config& other) {
  Config a = one, b = other;
  return settings_of(a).changes_to(settings_of(b));
}

std::string to_yaml(const Config& config) {
  Config copy = config;
  YAML::Emitter out;
  out << settings_of(copy).write();
  return std::string(out.c_str()) + "\n";
}

}  // namespace seqvit
