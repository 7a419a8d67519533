/// A table of settings: each says where it stands, how it is read from YAML and checked, how it is written
/// back, and what it means.
///
/// The configuration is one such table (config.cpp); docs/settings.md, `seqvit --settings` and every message
/// come from it.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "core/config.h"

namespace seqvit {

template <typename E>
using Choices = std::vector<std::pair<const char*, E>>;

template <typename E>
const char* name_of(const Choices<E>& choices, E value) {
  for (const auto& [name, choice] : choices) {
    if (choice == value) return name;
  }
  return "?";
}

/// Throws Error(usage), with the line, where text is not UTF-8: it could not be written back to a run's
/// configuration.
void check_utf8(const std::string& text, const std::string& name);

/// Where a value comes from, for messages: "demo.yaml: train.steps".
struct Origin {
  std::string file, path;
  [[noreturn]] void expected(const std::string& what, const YAML::Node& found) const;
};

struct Setting {
  std::string path;  ///< section.key
  std::function<void(const YAML::Node&, const Origin&)> read;
  std::function<YAML::Node()> write;
  const char* meaning;
};

/// The settings of one object, which must outlive the table. Each row takes the field, its range and its
/// meaning.
class Settings {
 public:
  void list(const char* path, std::vector<std::string>& field, const char* meaning);
  /// Names of fields; each may also say what it is in the files, as `file.nc:t` or `name: {from: file.nc:t}`,
  /// which goes to `sources`.
  void fields(const char* path, std::vector<std::string>& field, std::map<std::string, std::string>& sources,
              const char* meaning);
  /// `[first, last]` or `{index: [first, last]}`.
  void period(const char* path, PeriodConfig& field, const char* meaning);
  void text(const char* path, std::string& field, const char* meaning);
  void boolean(const char* path, bool& field, const char* meaning);
  void bytes(const char* path, int64_t& field, const char* meaning);
  void unsigned_integer(const char* path, uint64_t& field, const char* meaning);
  void integer(const char* path, int64_t& field, int64_t low, const char* meaning) {
    integer(path, field, low, kMost, meaning);
  }
  void integer(const char* path, int64_t& field, int64_t low, int64_t high, const char* meaning);
  void integers(const char* path, std::vector<int64_t>& field, int64_t low, const char* meaning);
  void number(const char* path, double& field, double low, const char* meaning) {
    number(path, field, low, std::numeric_limits<double>::infinity(), meaning);
  }
  void number(const char* path, double& field, double low, double high, const char* meaning);
  void numbers(const char* path, std::vector<double>& field, size_t count, double low, double high,
               const char* meaning);
  /// Numbers >= 0 by name.
  void weights(const char* path, std::map<std::string, double>& field, const char* meaning);
  void numbers_by_name(const char* path, std::map<std::string, double>& field, const char* meaning);
  void lists_by_name(const char* path, std::map<std::string, std::vector<double>>& field,
                     const char* meaning);
  void texts_by_name(const char* path, std::map<std::string, std::string>& field, const char* meaning);
  /// `[low, high]` by name, `.` where there is none.
  void bounds_by_name(const char* path, std::map<std::string, Bounds>& field, const char* meaning);
  template <typename E>
  void choice(const char* path, E& field, const Choices<E>& choices, const char* meaning) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices)
      names.emplace_back(name);
    rows_.push_back({path,
                     [&field, &choices, names](const YAML::Node& n, const Origin& o) {
                       field = choices[index_of(names, n, o)].second;
                     },
                     [&field, &choices] { return YAML::Node(std::string(name_of(choices, field))); },
                     meaning});
  }

  const std::vector<Setting>& rows() const { return rows_; }
  /// Reads a YAML map, descending into maps that are not settings themselves. Throws Error(usage).
  void read(const YAML::Node& node, const std::string& prefix, const std::string& file);
  /// Reads "section.key=value". Throws Error(usage).
  void override_with(const std::string& text);
  YAML::Node write() const;
  std::vector<ChangedSetting> changes_to(const Settings& other) const;

 private:
  /// Beyond any use, and small enough that products of two settings are numbers.
  static constexpr int64_t kMost = 1'000'000'000;
  std::vector<Setting> rows_;

  template <typename T, typename Read>
  void add(const char* path, T& field, const char* meaning, Read read_value) {
    rows_.push_back({path,
                     [&field, read_value](const YAML::Node& n, const Origin& o) { field = read_value(n, o); },
                     [&field] { return YAML::Node(field); }, meaning});
  }
  static size_t index_of(const std::vector<std::string>& names, const YAML::Node& n, const Origin& o);
  static int64_t bounded_integer(const YAML::Node& n, const Origin& o, int64_t low, int64_t high);
  const Setting* find(const std::string& path) const;
  bool is_section(const std::string& path) const;
  [[noreturn]] void unknown(const std::string& path, const std::string& file) const;
};

/// A setting for a reader: its default as YAML and its meaning in Markdown, as docs/settings.md has it.
struct SettingText {
  std::string path;  ///< section.key
  std::string value;
  std::string meaning;
};
/// Of every setting of a configuration (config.cpp).
std::vector<SettingText> setting_texts();

}  // namespace seqvit
