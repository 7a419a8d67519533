#include "train/import.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "model/resample.h"
#include "train/patch_weights.h"

namespace seqvit::train {
namespace {

using Shape = std::vector<int64_t>;
using Shapes = std::map<std::string, Shape>;

[[noreturn]] void fail_shape(const ImportSource& source, const std::string& weight, const Shape& expected,
                             const Shape& found, const std::string& advice) {
  fail(Exit::checkpoint, "{}: '{}': expected shape [{}] from the configuration, found [{}]; {}",
       source.path(), weight, fmt::join(expected, ", "), fmt::join(found, ", "), advice);
}

int64_t depth_of(const std::vector<std::string>& block_weights) {
  int64_t depth = 0;
  for (const std::string& name : block_weights)
    depth = std::max<int64_t>(depth, 1 + std::atoll(name.c_str() + std::string_view("blocks.").size()));
  return depth;
}

/// The setting that makes a block's weight fit.
std::string block_advice(const ImportSource& source) {
  const auto hidden = source.shape("blocks.0.mlp.fc1.weight");
  if (!hidden || hidden->size() != 2) return "its blocks are no ViT's";
  return fmt::format("set model.embed_dim={} and model.mlp_ratio={}", (*hidden)[1],
                     static_cast<double>((*hidden)[0]) / static_cast<double>((*hidden)[1]));
}

/// Of the norm of queries and keys.
bool is_gain(const std::string& weight) {
  return weight.ends_with(".q_norm.weight") || weight.ends_with(".k_norm.weight");
}

/// Of a block's depthwise layer.
bool is_local(const std::string& name) {
  return name.find(".local.") != std::string::npos;
}

/// Of what noise does to a block.
bool is_noise(const std::string& name) {
  return name.find(".noise.") != std::string::npos;
}

/// Blocks that fit only in part would compute something else: all of them, and nothing more, or an error.
void check_blocks(const ImportSource& source, const Shapes& wanted, const ModelDescription& model) {
  std::vector<std::string> names;
  for (const auto& [name, shape] : wanted) {
    if (name.starts_with("blocks.")) names.push_back(name);
  }
  const auto held = source.block_weights();
  if (depth_of(held) != depth_of(names)) {
    fail(Exit::checkpoint, "{}: expected {} blocks from the configuration, found {}; set model.depth={}",
         source.path(), depth_of(names), depth_of(held), depth_of(held));
  }
  for (const std::string& name : names) {
    const auto found = source.shape(name);
    if (!found && (is_local(name) || is_noise(name))) continue;  // starts at zero: the block is what it was
    if (!found) {
      fail(Exit::checkpoint, "{}: no weight '{}', which every block has here{}", source.path(), name,
           is_gain(name) ? "; set model.qk_norm=false" : "");
    }
    if (*found != wanted.at(name)) fail_shape(source, name, wanted.at(name), *found, block_advice(source));
  }
  for (const std::string& name : held) {
    if (wanted.contains(name)) continue;
    if (is_local(name))
      fail(Exit::checkpoint, "{}: '{}': blocks read their neighbours there; set model.local=depthwise",
           source.path(), name);
    fail(Exit::checkpoint, "{}: '{}': blocks have no such weight here; {}", source.path(), name,
         is_gain(name)    ? "set model.qk_norm=true"
         : is_noise(name) ? fmt::format("set model.noise_dim={}", source.description().noise_dim)
                          : "such a model cannot be imported");
  }
  if (source.description().num_heads != model.num_heads) {
    fail(Exit::checkpoint, "{}: expected {} heads from the configuration, found {}; set model.num_heads={}",
         source.path(), model.num_heads, source.description().num_heads, source.description().num_heads);
  }
  if (const int64_t waves = source.description().rotary_waves; waves != model.rotary_waves) {
    fail(Exit::checkpoint, "{}: blocks {} rotary positions; set {}", source.path(),
         waves == 0 ? "without" : fmt::format("with {} as the highest wavenumber of", waves),
         waves == 0 ? "model.rotary=false"
                    : fmt::format("model.rotary=true and model.rotary_waves={}", waves));
  }
}

constexpr std::string_view kHeadLayers = "head_layers.";

/// Hidden layers of the head; `has`: whether there is a weight of this name.
template <typename Has>
int64_t head_layers(const Has& has) {
  int64_t count = 0;
  while (has(fmt::format("{}{}.weight", kHeadLayers, count)))
    ++count;
  return count;
}

class Importer {
 public:
  Importer(ImportSource& source, const ModelDescription& model, const Shapes& wanted, ImportReport& report)
      : source_(source), from_(source.description()), model_(model), report_(report) {
    // A head that predicts something else, or reads what other layers make, means nothing here.
    same_head_ = from_.predict == model_.predict &&
                 head_layers([&](const auto& name) { return source_.shape(name).has_value(); }) ==
                     head_layers([&](const auto& name) { return wanted.contains(name); });
  }

  /// `out` [whole shape] holds the initial value.
  void fill(const std::string& name, const Tensor& out) {
    const PatchWeight* layout = PatchWeight::named(name);
    const bool of_head = (layout != nullptr && layout->of_head) || name.starts_with(kHeadLayers);
    const bool other_meaning = of_head && !same_head_;
    if (!source_.shape(name) || other_meaning) {
      report_.initial.push_back(name);
    } else if (name == "pos_embed") {
      fill_positions(name, out);
    } else if (name == "condition.weight") {
      fill_conditions(name, out);
    } else if (layout != nullptr) {
      fill_patch_weight(*layout, out);
    } else {
      check_shape(name, out.sizes().vec());
      out.copy_(source_.take(name));
      report_.taken.push_back(name);
    }
  }

 private:
  ImportSource& source_;
  const ModelDescription& from_;
  const ModelDescription& model_;
  ImportReport& report_;
  bool same_head_ = false;

  void check_shape(const std::string& name, const Shape& expected) const {
    const Shape found = *source_.shape(name);
    if (found != expected)
      fail_shape(source_, name, expected, found, "set model.tokens and the like as the file has them");
  }

  void fill_positions(const std::string& name, const Tensor& out) {
    const grid::TokenGrid from = from_.grid(), to = model_.grid();
    check_shape(name, {from.patches(), out.size(1)});
    const Tensor values = source_.take(name);
    const bool same = model::same_patches(from, to);
    out.copy_(same ? values : model::resample_positions(values, from, to, from_.periodic && model_.periodic));
    (same ? report_.taken : report_.resampled).push_back(name);
    if (!source_.is_timm()) warn_of_another_region();
  }

  /// [D, phases of day and year, lead times if several]: a lead time that the source does not know keeps its
  /// initial value.
  void fill_conditions(const std::string& name, const Tensor& out) {
    const auto columns_of_leads = [](const ModelDescription& m) {
      return m.leads.size() > 1 ? std::ssize(m.leads) : 0;
    };
    const int64_t phases = out.size(1) - columns_of_leads(model_);
    check_shape(name, {out.size(0), phases + columns_of_leads(from_)});
    const Tensor values = source_.take(name);
    out.narrow(1, 0, phases).copy_(values.narrow(1, 0, phases));
    for (int64_t lead = 0; lead < columns_of_leads(model_); ++lead) {
      const auto known = std::find(from_.leads.begin(), from_.leads.end(), model_.leads[lead]);
      if (columns_of_leads(from_) > 0 && known != from_.leads.end())
        out.select(1, phases + lead).copy_(values.select(1, phases + (known - from_.leads.begin())));
    }
    report_.taken.push_back(name);
  }

  /// Positions are laid over the whole grid, wherever on Earth it lies.
  void warn_of_another_region() const {
    const auto differ = [](const auto& a, const auto& b, int64_t points) {
      const double patch = std::abs(a[1] - a[0]) / static_cast<double>(std::max<int64_t>(points, 1));
      return std::abs(a[0] - b[0]) > patch || std::abs(a[1] - b[1]) > patch;
    };
    const grid::TokenGrid from = from_.grid();
    if (!differ(from_.latitude, model_.latitude, from.patch_rows()) &&
        !differ(from_.longitude, model_.longitude, from.patch_columns()))
      return;
    log_warn(
        "{}: trained on latitudes {} to {} and longitudes {} to {}; positions are laid over another region",
        source_.path(), from_.latitude[0], from_.latitude[1], from_.longitude[0], from_.longitude[1]);
  }

  static PatchFields fields_of(const ModelDescription& m, bool of_head) {
    return of_head ? PatchFields{m.targets, m.patch_size, m.head_overlap}
                   : PatchFields{m.inputs, m.patch_size, m.embed_overlap};
  }

  void fill_patch_weight(const PatchWeight& layout, const Tensor& out) {
    const PatchFields from = fields_of(from_, layout.of_head), to = fields_of(model_, layout.of_head);
    if (from.overlap && !to.overlap) {
      fail(Exit::checkpoint, "{}: '{}': patches overlap there; set model.{}=true", source_.path(),
           layout.name, layout.of_head ? "head_overlap" : "embed_overlap");
    }
    const auto lacks = [](const PatchFields& fields, const std::string& variable) {
      return std::find(fields.names.begin(), fields.names.end(), variable) == fields.names.end();
    };
    if (std::all_of(to.names.begin(), to.names.end(), [&](const auto& name) { return lacks(from, name); })) {
      report_.initial.emplace_back(layout.name);
      return;
    }
    check_shape(layout.name, layout.shape(out.sizes().vec(), from));
    layout.convert(source_.take(layout.name), from, out, to);
    const bool resized =
        layout.shape(out.sizes().vec(), {to.names, from.patch_size, from.overlap}) != out.sizes().vec();
    (resized ? report_.resampled : report_.taken).emplace_back(layout.name);
    for (const std::string& variable : to.names) {
      if (lacks(from, variable)) report_.initial.push_back(fmt::format("{} of {}", layout.name, variable));
    }
    for (const std::string& variable : from.names) {
      if (lacks(to, variable)) report_.unused.push_back(fmt::format("{} of {}", layout.name, variable));
    }
  }
};

}  // namespace

ImportReport import_weights(const std::filesystem::path& file, std::optional<PatchRowsColumns> grid,
                            const ModelDescription& model, const std::vector<parallel::ParamGroup*>& groups) {
  ImportSource source(file, model, grid);
  if (source.description().network != "vit" || model.network != "vit") {
    fail(Exit::usage,
         "{}: expected a transformer on both sides, found {} there and {} in the configuration; others "
         "cannot be imported",
         source.path(), source.description().network, model.network);
  }
  Shapes wanted;
  for (parallel::ParamGroup* group : groups) {
    for (const parallel::Section& section : group->sections()) {
      for (const auto& param : section.params)
        wanted[param->name()] = param->whole_shape();
    }
  }
  check_blocks(source, wanted, model);
  ImportReport report;
  Importer importer(source, model, wanted, report);
  for (parallel::ParamGroup* group : groups) {
    group->load([&](const parallel::Param& param, Range elements, const Tensor& out) {
      check(param.cut().is_whole() && elements.size() == param.size(), "import into a part of a weight");
      importer.fill(param.name(), out.view(param.whole_shape()));
    });
  }
  for (const std::string& name : source.unused())
    report.unused.push_back(name);
  return report;
}

}  // namespace seqvit::train
