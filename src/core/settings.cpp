#include "core/settings.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/utf8.h"

namespace seqvit {
namespace {

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

/// A field by its name alone, or with what it is in the files.
std::string field_name(const YAML::Node& item, const Origin& origin,
                       std::map<std::string, std::string>& sources) {
  const char* const what = "names of fields, each as t, t@850, t@*, file.nc:t or new_name: {from: file.nc:t}";
  if (item.IsScalar()) {
    const std::string& text = item.Scalar();
    const size_t colon = text.rfind(':');
    // The part in front is a file by its extension, its folder or a pattern.
    if (colon == std::string::npos || text.substr(0, colon).find_first_of("./*") == std::string::npos)
      return text;
    const std::string name = text.substr(colon + 1);
    sources[name] = text;
    return name;
  }
  const bool named = item.IsMap() && item.size() == 1 && item.begin()->second.IsMap() &&
                     item.begin()->second.size() == 1 && item.begin()->second["from"];
  if (!named) origin.expected(what, item);
  std::string name = key_of(item.begin()->first, origin);
  const auto from = scalar<std::string>(item.begin()->second["from"], origin, what);
  if (from.ends_with("@*") && !name.ends_with("@*")) name += "@*";
  sources[name] = from;
  return name;
}

double bounded_number(const YAML::Node& n, const Origin& o, double low, double high) {
  const std::string what = std::isinf(high) ? fmt::format("a number >= {}", low)
                                            : fmt::format("a number from {} to {}", low, high);
  const auto value = scalar<double>(n, o, what.c_str());
  if (!(value >= low && value <= high) || std::isinf(value)) o.expected(what, n);
  return value;
}

/// A map of names to what `read` makes of each value; `what` was expected.
template <typename T, typename Read>
std::map<std::string, T> by_name(const YAML::Node& node, const Origin& origin, const char* what,
                                 const Read& read) {
  if (!node.IsMap() && !node.IsNull()) origin.expected(what, node);
  std::map<std::string, T> values;
  for (const auto& entry : node)
    values[key_of(entry.first, origin)] = read(entry.second);
  return values;
}

std::string one_line(const YAML::Node& value) {
  YAML::Emitter out;
  out << YAML::Flow << value;
  return out.c_str();
}

void insert(YAML::Node parent, const std::string& path, const YAML::Node& value) {
  const size_t dot = path.find('.');
  if (dot == std::string::npos) {
    parent[path] = value;
  } else {
    insert(parent[path.substr(0, dot)], path.substr(dot + 1), value);
  }
}

}  // namespace

void check_utf8(const std::string& text, const std::string& name) {
  const size_t valid = valid_utf8(text);
  if (valid == text.size()) return;
  const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(valid), '\n');
  fail(Exit::usage, "{}: line {}: expected text in UTF-8, found byte {:#04x}; convert it (iconv -t UTF-8)",
       name, lines + 1, static_cast<unsigned char>(text[valid]));
}

void Origin::expected(const std::string& what, const YAML::Node& found) const {
  fail(Exit::usage, "{}: {}: expected {}, found '{}'", file, path, what,
       found.IsScalar() ? found.Scalar() : YAML::Dump(found));
}

void Settings::read(const YAML::Node& node, const std::string& prefix, const std::string& file) {
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

void Settings::override_with(const std::string& text) {
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

YAML::Node Settings::write() const {
  YAML::Node root(YAML::NodeType::Map);
  for (const Setting& setting : rows_)
    insert(root, setting.path, setting.write());
  return root;
}

std::vector<ChangedSetting> Settings::changes_to(const Settings& other) const {
  std::vector<ChangedSetting> all;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const std::string mine = one_line(rows_[i].write()), its = one_line(other.rows_[i].write());
    if (mine != its) all.push_back({rows_[i].path, mine, its});
  }
  return all;
}

const Setting* Settings::find(const std::string& path) const {
  for (const Setting& setting : rows_) {
    if (setting.path == path) return &setting;
  }
  return nullptr;
}

bool Settings::is_section(const std::string& path) const {
  for (const Setting& setting : rows_) {
    if (setting.path.starts_with(path + ".")) return true;
  }
  return false;
}

void Settings::unknown(const std::string& path, const std::string& file) const {
  std::vector<std::string> paths;
  for (const Setting& setting : rows_)
    paths.push_back(setting.path);
  fail(Exit::usage, "{}: unknown setting '{}'{}", file, path, did_you_mean(path, paths));
}

size_t Settings::index_of(const std::vector<std::string>& names, const YAML::Node& n, const Origin& o) {
  const auto name = std::ranges::find(names, scalar<std::string>(n, o, "a name"));
  if (name == names.end()) o.expected(fmt::format("one of {}", fmt::join(names, " | ")), n);
  return static_cast<size_t>(name - names.begin());
}

void Settings::list(const char* path, std::vector<std::string>& field, const char* meaning) {
  add(path, field, meaning, [](const YAML::Node& n, const Origin& o) { return strings(n, o); });
}
void Settings::fields(const char* path, std::vector<std::string>& field,
                      std::map<std::string, std::string>& sources, const char* meaning) {
  add(path, field, meaning, [&sources](const YAML::Node& n, const Origin& o) {
    if (!n.IsSequence()) return strings(n, o);
    std::vector<std::string> names;
    for (const YAML::Node& item : n)
      names.push_back(field_name(item, o, sources));
    return names;
  });
}
void Settings::period(const char* path, PeriodConfig& field, const char* meaning) {
  const auto read = [&field](const YAML::Node& n, const Origin& o) {
    field.index = n.IsMap() && n.size() == 1 && n["index"];
    if (n.IsMap() && !field.index) o.expected("[first, last] or {index: [first, last]}", n);
    field.bounds = strings(field.index ? n["index"] : n, o);
  };
  const auto write = [&field] {
    YAML::Node node(field.bounds);
    if (!field.index) return node;
    YAML::Node map;
    map["index"] = node;
    return map;
  };
  rows_.push_back({path, read, write, meaning});
}
void Settings::text(const char* path, std::string& field, const char* meaning) {
  add(path, field, meaning,
      [](const YAML::Node& n, const Origin& o) { return scalar<std::string>(n, o, "text"); });
}
void Settings::boolean(const char* path, bool& field, const char* meaning) {
  add(path, field, meaning,
      [](const YAML::Node& n, const Origin& o) { return scalar<bool>(n, o, "true or false"); });
}
void Settings::bytes(const char* path, int64_t& field, const char* meaning) {
  add(path, field, meaning, [](const YAML::Node& n, const Origin& o) {
    return parse_bytes(scalar<std::string>(n, o, "bytes"), o.file + ": " + o.path);
  });
}
void Settings::unsigned_integer(const char* path, uint64_t& field, const char* meaning) {
  add(path, field, meaning,
      [](const YAML::Node& n, const Origin& o) { return scalar<uint64_t>(n, o, "a whole number >= 0"); });
}
int64_t Settings::bounded_integer(const YAML::Node& n, const Origin& o, int64_t low, int64_t high) {
  int64_t value = 0;
  const bool whole = n.IsScalar() && YAML::convert<int64_t>::decode(n, value);
  if (whole && value >= low && value <= high) return value;
  const bool digits = n.IsScalar() && n.Scalar().find_first_not_of("0123456789") == std::string::npos;
  const bool too_many = digits && !(whole && value <= kMost);
  o.expected(high < kMost || too_many ? fmt::format("a whole number from {} to {}", low, high)
                                      : fmt::format("a whole number >= {}", low),
             n);
}
void Settings::integer(const char* path, int64_t& field, int64_t low, int64_t high, const char* meaning) {
  add(path, field, meaning,
      [low, high](const YAML::Node& n, const Origin& o) { return bounded_integer(n, o, low, high); });
}
void Settings::number(const char* path, double& field, double low, double high, const char* meaning) {
  add(path, field, meaning,
      [=](const YAML::Node& n, const Origin& o) { return bounded_number(n, o, low, high); });
}
void Settings::integers(const char* path, std::vector<int64_t>& field, int64_t low, const char* meaning) {
  add(path, field, meaning, [low](const YAML::Node& n, const Origin& o) {
    std::vector<int64_t> values;
    for (const std::string& item : strings(n, o))
      values.push_back(bounded_integer(YAML::Node(item), o, low, kMost));
    if (values.empty()) o.expected(fmt::format("whole numbers >= {}", low), n);
    return values;
  });
}
void Settings::weights(const char* path, std::map<std::string, double>& field, const char* meaning) {
  add(path, field, meaning, [](const YAML::Node& n, const Origin& o) {
    return by_name<double>(n, o, "weights by name, such as {t2m: 1, u10: 0.1}", [&](const YAML::Node& value) {
      return bounded_number(value, o, 0.0, std::numeric_limits<double>::infinity());
    });
  });
}
void Settings::numbers_by_name(const char* path, std::map<std::string, double>& field, const char* meaning) {
  add(path, field, meaning, [](const YAML::Node& n, const Origin& o) {
    return by_name<double>(n, o, "numbers by name, such as {number: 0}",
                           [&](const YAML::Node& value) { return scalar<double>(value, o, "a number"); });
  });
}
void Settings::lists_by_name(const char* path, std::map<std::string, std::vector<double>>& field,
                             const char* meaning) {
  add(path, field, meaning, [](const YAML::Node& n, const Origin& o) {
    return by_name<std::vector<double>>(n, o, "lists of numbers by name, such as {ts: [-9999]}",
                                        [&](const YAML::Node& value) {
                                          std::vector<double> list;
                                          if (value.IsScalar())
                                            list.push_back(scalar<double>(value, o, "numbers"));
                                          for (const YAML::Node& item : value)
                                            list.push_back(scalar<double>(item, o, "numbers"));
                                          return list;
                                        });
  });
}
void Settings::texts_by_name(const char* path, std::map<std::string, std::string>& field,
                             const char* meaning) {
  add(path, field, meaning, [](const YAML::Node& n, const Origin& o) {
    return by_name<std::string>(n, o, "texts by name, such as {pr: log1p}", [&](const YAML::Node& value) {
      return scalar<std::string>(value, o, "text");
    });
  });
}
void Settings::bounds_by_name(const char* path, std::map<std::string, Bounds>& field, const char* meaning) {
  constexpr const char* kWhat =
      "[low, high] by name with low < high, `.` where there is none, such as {q: [0, .]}";
  const auto read = [&field](const YAML::Node& n, const Origin& o) {
    field = by_name<Bounds>(n, o, kWhat, [&](const YAML::Node& value) {
      if (!value.IsSequence() || value.size() != 2) o.expected(kWhat, n);
      const auto end = [&](const YAML::Node& item, double open) {
        return item.IsScalar() && item.Scalar() == "." ? open : scalar<double>(item, o, kWhat);
      };
      const Bounds bounds{end(value[0], Bounds{}.low), end(value[1], Bounds{}.high)};
      if (!(bounds.low < bounds.high)) o.expected(kWhat, n);
      return bounds;
    });
  };
  const auto write = [&field] {
    YAML::Node all(YAML::NodeType::Map);
    for (const auto& [name, bounds] : field) {
      for (const double end : {bounds.low, bounds.high}) {
        if (std::isfinite(end)) {
          all[name].push_back(end);
        } else {
          all[name].push_back(".");
        }
      }
    }
    return all;
  };
  rows_.push_back({path, read, write, meaning});
}
void Settings::numbers(const char* path, std::vector<double>& field, size_t count, double low, double high,
                       const char* meaning) {
  add(path, field, meaning, [=](const YAML::Node& n, const Origin& o) {
    if (!n.IsSequence() || n.size() != count) o.expected(fmt::format("a list of {} numbers", count), n);
    std::vector<double> values;
    for (const YAML::Node& item : n)
      values.push_back(bounded_number(item, o, low, high));
    return values;
  });
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

}  // namespace seqvit
