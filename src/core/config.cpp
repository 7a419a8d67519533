#include "core/config.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "core/error.h"
#include "core/file.h"
#include "core/utf8.h"

namespace seqvit {
namespace {

template <typename E>
using Choices = std::vector<std::pair<const char*, E>>;

const Choices<Tokens> kTokens = {
    {"joint", Tokens::joint}, {"variable", Tokens::variable}, {"aggregated", Tokens::aggregated}};
const Choices<Predict> kPredict = {{"tendency", Predict::tendency}, {"state", Predict::state}};
const Choices<Positions> kPositions = {{"learned", Positions::learned}, {"fixed", Positions::fixed}};
const Choices<Precision> kPrecision = {
    {"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"fp64", Precision::fp64}};
const Choices<Offload> kOffload = {{"none", Offload::none}, {"disk", Offload::disk}, {"host", Offload::host}};
const Choices<Recompute> kRecompute = {
    {"none", Recompute::none}, {"full", Recompute::full}, {"keep_attention", Recompute::keep_attention}};
const Choices<DeviceKind> kDevice = {{"cpu", DeviceKind::cpu}, {"cuda", DeviceKind::cuda}};
const Choices<Sequence> kSequence = {{"ulysses", Sequence::ulysses},
                                     {"lss", Sequence::lss},
                                     {"lss_kv", Sequence::lss_kv},
                                     {"ring", Sequence::ring},
                                     {"hybrid", Sequence::hybrid}};

template <typename E>
const char* name_of(const Choices<E>& choices, E value) {
  for (const auto& [name, choice] : choices) {
    if (choice == value) return name;
  }
  return "?";
}

/// Where a value comes from, for messages: "demo.yaml: train.steps".
struct Origin {
  std::string file, path;
  [[noreturn]] void expected(const std::string& what, const YAML::Node& found) const {
    fail(Exit::usage, "{}: {}: expected {}, found '{}'", file, path, what,
         found.IsScalar() ? found.Scalar() : YAML::Dump(found));
  }
};

/// What is not UTF-8 could not be written back to a run's configuration.
void check_utf8(const std::string& text, const std::string& name) {
  const size_t valid = valid_utf8(text);
  if (valid == text.size()) return;
  const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(valid), '\n');
  fail(Exit::usage, "{}: line {}: expected text in UTF-8, found byte {:#04x}; convert it (iconv -t UTF-8)",
       name, lines + 1, static_cast<unsigned char>(text[valid]));
}

/// One setting: how to read it from YAML and how to write it back.
struct Setting {
  std::string path;
  std::function<void(const YAML::Node&, const Origin&)> read;
  std::function<YAML::Node()> write;
};

template <typename T>
T scalar(const YAML::Node& node, const Origin& origin, const char* what) {
  T value{};
  if (!node.IsScalar() || !YAML::convert<T>::decode(node, value)) origin.expected(what, node);
  return value;
}

/// The name that a map gives a value.
std::string key_of(const YAML::Node& key, const Origin& map) {
  if (!key.IsScalar()) map.expected("names in front of every ':'", key);
  return key.Scalar();
}

std::vector<std::string> strings(const YAML::Node& node, const Origin& origin) {
  if (node.IsNull()) return {};
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence()) origin.expected("a list", node);
  std::vector<std::string> values;
  for (const YAML::Node& item : node)
    values.push_back(scalar<std::string>(item, origin, "a list of names"));
  return values;
}

/// The table of all settings of one Config.
class Settings {
 public:
  explicit Settings(Config& c) {
    list("data.files", c.data.files);
    list("data.variables", c.data.variables);
    list("data.static", c.data.statics);
    list("data.targets", c.data.targets);
    text("data.lead_time", c.data.lead_time);
    list("data.split.train", c.data.split.train);
    list("data.split.validation", c.data.split.validation);
    list("data.split.test", c.data.split.test);
    bytes("data.cache_bytes", c.data.cache_bytes);
    integer("model.patch_size", c.model.patch_size, 1);
    choice("model.tokens", c.model.tokens, kTokens);
    integer("model.patch_levels", c.model.patch_levels, 1);
    integer("model.aggregated_tokens", c.model.aggregated_tokens, 1);
    choice("model.positions", c.model.positions, kPositions);
    integer("model.embed_dim", c.model.embed_dim, 4);
    integer("model.depth", c.model.depth, 1);
    integer("model.num_heads", c.model.num_heads, 1);
    number("model.mlp_ratio", c.model.mlp_ratio, 0.01, 1000.0);
    integer("model.head_layers", c.model.head_layers, 0);
    number("model.drop_path", c.model.drop_path, 0.0, 0.99);
    choice("model.predict", c.model.predict, kPredict);
    boolean("model.time_embedding", c.model.time_embedding);
    integer("train.steps", c.train.steps, 1);
    integer("train.schedule_steps", c.train.schedule_steps, 0);
    integer("train.batch_size", c.train.batch_size, 1);
    integer("train.micro_batches", c.train.micro_batches, 1);
    number("train.learning_rate", c.train.learning_rate, 0.0);
    integer("train.warmup_steps", c.train.warmup_steps, 0);
    number("train.weight_decay", c.train.weight_decay, 0.0);
    numbers("train.betas", c.train.betas, 2, 0.0, 0.999999);
    number("train.max_grad_norm", c.train.max_grad_norm, 0.0);
    choice("train.precision", c.train.precision, kPrecision);
    unsigned_integer("train.seed", c.train.seed);
    list("train.leads", c.train.leads);
    integers("train.rollout_steps", c.train.rollout_steps, 1);
    weights("train.target_weights", c.train.target_weights);
    boolean("train.roll_longitude", c.train.roll_longitude);
    integer("train.checkpoint_every", c.train.checkpoint_every, 1);
    integer("train.validate_every", c.train.validate_every, 1);
    integer("train.validation_samples", c.train.validation_samples, 0);
    integer("train.keep_checkpoints", c.train.keep_checkpoints, 1);
    integer("parallel.pp", c.parallel.pp, 1);
    integer("parallel.dp", c.parallel.dp, 1);
    integer("parallel.sp", c.parallel.sp, 1);
    integer("parallel.tp", c.parallel.tp, 1);
    integer("parallel.interleave", c.parallel.interleave, 1);
    choice("parallel.sequence", c.parallel.sequence, kSequence);
    integer("parallel.ulysses", c.parallel.ulysses, 1);
    integer("parallel.zero", c.parallel.zero, 0, 3);
    choice("parallel.device", c.parallel.device, kDevice);
    number("parallel.timeout_seconds", c.parallel.timeout_seconds, 0.0, 1e9);
    boolean("parallel.verify", c.parallel.verify);
    choice("memory.recompute", c.memory.recompute, kRecompute);
    choice("memory.offload", c.memory.offload, kOffload);
    text("memory.offload_directory", c.memory.offload_directory);
    integer("memory.mlp_chunk", c.memory.mlp_chunk, 0);
    list("evaluate.leads", c.evaluate.leads);
    integer("evaluate.stride", c.evaluate.stride, 1);
    integer("evaluate.batch_size", c.evaluate.batch_size, 0);
    list("evaluate.regions", c.evaluate.regions);
  }

  /// Reads a YAML map, descending into maps that are not settings themselves.
  void read(const YAML::Node& node, const std::string& prefix, const std::string& file) {
    if (!node.IsMap()) {
      fail(Exit::usage, "{}: {}: expected a section with settings, found '{}'", file,
           prefix.empty() ? "top level" : prefix, node.IsScalar() ? node.Scalar() : YAML::Dump(node));
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string key = key_of(entry.first, {file, prefix.empty() ? "top level" : prefix});
      const std::string path = prefix.empty() ? key : prefix + "." + key;
      if (!seen.insert(key).second) fail(Exit::usage, "{}: {} is there twice; keep one", file, path);
      if (const Setting* setting = find(path)) {
        setting->read(entry.second, {file, path});
      } else if (is_section(path)) {
        if (!entry.second.IsNull()) read(entry.second, path, file);
      } else {
        unknown(path, file);
      }
    }
  }

  void override_with(const std::string& text) {
    check_utf8(text, "command line");
    const size_t equals = text.find('=');
    const std::string name = "command line";
    if (equals == std::string::npos) {
      fail(Exit::usage, "{}: expected --section.key=value, found '--{}'", name, text);
    }
    const std::string path = text.substr(0, equals);
    const Setting* setting = find(path);
    if (setting == nullptr) unknown(path, name);
    YAML::Node node;
    try {
      node = YAML::Load(text.substr(equals + 1));
    } catch (const YAML::Exception& error) {
      fail(Exit::usage, "{}: {}: not YAML: {}", name, path, error.what());
    }
    setting->read(node, {name, path});
  }

  YAML::Node write() const {
    YAML::Node root(YAML::NodeType::Map);
    for (const Setting& setting : settings_)
      insert(root, setting.path, setting.write());
    return root;
  }

  std::vector<ChangedSetting> changes_to(const Settings& other) const {
    std::vector<ChangedSetting> all;
    for (size_t i = 0; i < settings_.size(); ++i) {
      const std::string mine = one_line(settings_[i].write()), its = one_line(other.settings_[i].write());
      if (mine != its) all.push_back({settings_[i].path, mine, its});
    }
    return all;
  }

 private:
  std::vector<Setting> settings_;

  static std::string one_line(const YAML::Node& value) {
    YAML::Emitter out;
    out << YAML::Flow << value;
    return out.c_str();
  }

  static void insert(YAML::Node parent, const std::string& path, const YAML::Node& value) {
    const size_t dot = path.find('.');
    if (dot == std::string::npos) {
      parent[path] = value;
    } else {
      insert(parent[path.substr(0, dot)], path.substr(dot + 1), value);
    }
  }

  const Setting* find(const std::string& path) const {
    for (const Setting& setting : settings_) {
      if (setting.path == path) return &setting;
    }
    return nullptr;
  }

  bool is_section(const std::string& path) const {
    for (const Setting& setting : settings_) {
      if (setting.path.starts_with(path + ".")) return true;
    }
    return false;
  }

  [[noreturn]] void unknown(const std::string& path, const std::string& file) const {
    std::vector<std::string> paths;
    for (const Setting& setting : settings_)
      paths.push_back(setting.path);
    fail(Exit::usage, "{}: unknown setting '{}'{}", file, path, did_you_mean(path, paths));
  }

  template <typename T, typename Read>
  void add(const char* path, T& field, Read read) {
    settings_.push_back({path, [&field, read](const YAML::Node& n, const Origin& o) { field = read(n, o); },
                         [&field] { return YAML::Node(field); }});
  }

  void list(const char* path, std::vector<std::string>& field) {
    add(path, field, [](const YAML::Node& n, const Origin& o) { return strings(n, o); });
  }
  void text(const char* path, std::string& field) {
    add(path, field, [](const YAML::Node& n, const Origin& o) { return scalar<std::string>(n, o, "text"); });
  }
  void boolean(const char* path, bool& field) {
    add(path, field,
        [](const YAML::Node& n, const Origin& o) { return scalar<bool>(n, o, "true or false"); });
  }
  void bytes(const char* path, int64_t& field) {
    add(path, field, [](const YAML::Node& n, const Origin& o) {
      return parse_bytes(scalar<std::string>(n, o, "bytes"), o.file + ": " + o.path);
    });
  }
  void unsigned_integer(const char* path, uint64_t& field) {
    add(path, field,
        [](const YAML::Node& n, const Origin& o) { return scalar<uint64_t>(n, o, "a whole number >= 0"); });
  }
  /// Beyond any use, and small enough that products of two settings are numbers.
  static constexpr int64_t kMost = 1'000'000'000;

  static int64_t bounded_integer(const YAML::Node& n, const Origin& o, int64_t low, int64_t high) {
    int64_t value = 0;
    const bool whole = n.IsScalar() && YAML::convert<int64_t>::decode(n, value);
    if (whole && value >= low && value <= high) return value;
    const bool digits = n.IsScalar() && n.Scalar().find_first_not_of("0123456789") == std::string::npos;
    const bool too_many = digits && !(whole && value <= kMost);
    o.expected(high < kMost || too_many ? fmt::format("a whole number from {} to {}", low, high)
                                        : fmt::format("a whole number >= {}", low),
               n);
  }
  void integer(const char* path, int64_t& field, int64_t low, int64_t high = kMost) {
    add(path, field,
        [low, high](const YAML::Node& n, const Origin& o) { return bounded_integer(n, o, low, high); });
  }
  static double bounded_number(const YAML::Node& n, const Origin& o, double low, double high) {
    const std::string what = std::isinf(high) ? fmt::format("a number >= {}", low)
                                              : fmt::format("a number from {} to {}", low, high);
    const auto value = scalar<double>(n, o, what.c_str());
    if (!(value >= low && value <= high) || std::isinf(value)) o.expected(what, n);
    return value;
  }
  void number(const char* path, double& field, double low,
              double high = std::numeric_limits<double>::infinity()) {
    add(path, field, [=](const YAML::Node& n, const Origin& o) { return bounded_number(n, o, low, high); });
  }
  void integers(const char* path, std::vector<int64_t>& field, int64_t low) {
    add(path, field, [low](const YAML::Node& n, const Origin& o) {
      std::vector<int64_t> values;
      for (const std::string& item : strings(n, o))
        values.push_back(bounded_integer(YAML::Node(item), o, low, kMost));
      if (values.empty()) o.expected(fmt::format("whole numbers >= {}", low), n);
      return values;
    });
  }
  void weights(const char* path, std::map<std::string, double>& field) {
    add(path, field, [](const YAML::Node& n, const Origin& o) {
      std::map<std::string, double> values;
      if (!n.IsMap() && !n.IsNull()) o.expected("weights by name, such as {t2m: 1, u10: 0.1}", n);
      for (const auto& entry : n)
        values[key_of(entry.first, o)] =
            bounded_number(entry.second, o, 0.0, std::numeric_limits<double>::infinity());
      return values;
    });
  }
  void numbers(const char* path, std::vector<double>& field, size_t count, double low, double high) {
    add(path, field, [=](const YAML::Node& n, const Origin& o) {
      if (!n.IsSequence() || n.size() != count) o.expected(fmt::format("a list of {} numbers", count), n);
      std::vector<double> values;
      for (const YAML::Node& item : n)
        values.push_back(bounded_number(item, o, low, high));
      return values;
    });
  }
  template <typename E>
  void choice(const char* path, E& field, const Choices<E>& choices) {
    auto read = [&field, &choices](const YAML::Node& n, const Origin& o) {
      const auto text = scalar<std::string>(n, o, "a name");
      std::vector<std::string> names;
      for (const auto& [name, value] : choices) {
        if (text == name) return void(field = value);
        names.push_back(name);
      }
      o.expected(fmt::format("one of {}", fmt::join(names, " | ")), n);
    };
    settings_.push_back(
        {path, read, [&field, &choices] { return YAML::Node(std::string(name_of(choices, field))); }});
  }
};

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

int64_t parse_bytes(const std::string& text, const std::string& setting) {
  static const std::map<std::string, double> units = {
      {"", 1},      {"B", 1},       {"kB", 1e3},        {"MB", 1e6},           {"GB", 1e9},
      {"TB", 1e12}, {"KiB", 1024.}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
  size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const size_t unit_at = text.find_first_not_of(' ', used);
  const auto unit = units.find(unit_at == std::string::npos ? "" : text.substr(unit_at));
  if (used == 0 || !(value >= 0) || unit == units.end() || value * unit->second > 9e18) {
    fail(Exit::usage, "{}: expected bytes such as 8GiB, 512MiB or 1000000, found '{}'", setting, text);
  }
  return static_cast<int64_t>(value * unit->second);
}

Config parse_config(const std::string& yaml, const std::string& name,
                    const std::vector<std::string>& overrides) {
  check_utf8(yaml, name);
  Config config;
  Settings settings(config);
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsNull()) settings.read(root, "", name);
  } catch (const YAML::Exception& error) {
    fail(Exit::usage, "{}: not YAML: line {}: {}", name, error.mark.line + 1, error.msg);
  }
  for (const std::string& text : overrides)
    settings.override_with(text);
  validate(config, name);
  return config;
}

Config load_config(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_config(read_text(path, Exit::usage), path, overrides);
}

std::vector<ChangedSetting> changed_settings(const Config& one, const Config& other) {
  Config a = one, b = other;
  return Settings(a).changes_to(Settings(b));
}

std::string to_yaml(const Config& config) {
  Config copy = config;
  YAML::Emitter out;
  out << Settings(copy).write();
  return std::string(out.c_str()) + "\n";
}

}  // namespace seqvit
