#include "data/zarr_array.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/utf8.h"
#include "data/zarr_metadata.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMostArrays = 16'384;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

json read_json(const fs::path& path) {
  constexpr uintmax_t kMostBytes = uintmax_t{64} << 20;
  std::error_code error;
  if (fs::file_size(path, error) > kMostBytes || error) {
    fail(Exit::data, "{}: expected metadata of at most {} bytes, found {}; write the store again",
         path.string(), kMostBytes, error ? "none that can be read" : "more");
  }
  try {
    return parse_zarr_json(read_text(path, Exit::data));
  } catch (const json::exception&) {
    fail(Exit::data, "{}: expected JSON, found something else; the store is damaged: copy it again",
         path.string());
  }
}

class StoreReader {
 public:
  explicit StoreReader(fs::path root) : root_(std::move(root)) {}

  ZarrStore read() {
    if (is_there(root_ / "zarr.json"))
      read_v3();
    else
      read_v2();
    std::sort(store_.arrays.begin(), store_.arrays.end(),
              [](const ZarrArray& a, const ZarrArray& b) { return a.variable.name < b.variable.name; });
    for (size_t i = 0; i < store_.arrays.size(); ++i) {
      ZarrArray& array = store_.arrays[i];
      array.variable.id = static_cast<int>(i);
      array.variable.chunk = array.chunk.shape;
      name_whole(array.variable);
    }
    return std::move(store_);
  }

 private:
  /// "" for the store itself, else "/group/".
  static std::string group_of(const std::string& key) {
    const size_t slash = key.rfind('/');
    return slash == std::string::npos ? "" : fmt::format("/{}", key.substr(0, slash + 1));
  }

  /// Adds an array by the path of its directory within the store; `make` is given its name and its group.
  template <typename Make>
  void add(const std::string& key, const Make& make) {
    // Keys of consolidated metadata are paths: none may lead out of the store.
    const fs::path inside(key);
    const bool leaves =
        inside.is_absolute() ||
        std::any_of(inside.begin(), inside.end(), [](const fs::path& part) { return part == ".."; });
    if (leaves || store_.arrays.size() >= kMostArrays) {
      fail(Exit::data, "{}: expected at most {} arrays inside the store, found '{}'; the metadata is damaged",
           root_.string(), kMostArrays, key);
    }
    const std::string group = group_of(key);
    const std::string name = key.empty() ? root_.filename().stem().string() : key;
    try {
      store_.arrays.push_back(make(group.empty() ? name : fmt::format("/{}", name), group));
      store_.arrays.back().directory = root_ / key;
    } catch (const json::exception&) {
      fail_metadata(key, "a part that is missing or of another type");
    } catch (const ChunkError& error) {
      fail_metadata(key, error.what());
    }
  }

  [[noreturn]] void fail_metadata(const std::string& key, const std::string& found) const {
    fail(Exit::data, "{}: {}: expected the metadata of a Zarr array, found {}; write the store again",
         root_.string(), key, found);
  }

  void add_v2(const std::string& key, const json& array, const json& attributes) {
    add(key, [&](const std::string& name, const std::string& group) {
      return parse_zarr2(array, attributes, name, group);
    });
  }
  void add_v3(const std::string& key, const json& array) {
    add(key,
        [&](const std::string& name, const std::string& group) { return parse_zarr3(array, name, group); });
  }

  void read_v2() {
    if (is_there(root_ / ".zmetadata")) {
      store_.stamped = root_ / ".zmetadata";
      const json all = read_json(store_.stamped);
      if (!all.is_object() || !all.contains("metadata") || !all["metadata"].is_object())
        fail_metadata(".zmetadata", "none");
      const json& metadata = all["metadata"];
      for (const auto& [key, value] : metadata.items()) {
        if (key == ".zattrs") store_.attributes = zarr_attributes(value);
        if (key != ".zarray" && !key.ends_with("/.zarray")) continue;
        const std::string directory = key == ".zarray" ? "" : key.substr(0, key.size() - 8);
        const std::string attributes = directory.empty() ? ".zattrs" : directory + "/.zattrs";
        add_v2(directory, value, metadata.contains(attributes) ? metadata[attributes] : json::object());
      }
      return;
    }
    store_.stamped = root_ / (is_there(root_ / ".zgroup") ? ".zgroup" : ".zarray");
    if (is_there(root_ / ".zattrs")) store_.attributes = zarr_attributes(read_json(root_ / ".zattrs"));
    walk("", 0, [&](const std::string& key, const fs::path& directory) {
      if (!is_there(directory / ".zarray")) return false;
      const fs::path attributes = directory / ".zattrs";
      add_v2(key, read_json(directory / ".zarray"),
             is_there(attributes) ? read_json(attributes) : json::object());
      return true;
    });
  }

  void read_v3() {
    store_.stamped = root_ / "zarr.json";
    const json root = read_json(store_.stamped);
    if (!root.is_object()) fail_metadata("zarr.json", "none");
    if (root.value("node_type", json()) == "array") return add_v3("", root);
    store_.attributes = zarr_attributes(root.value("attributes", json::object()));
    const json consolidated = root.value("consolidated_metadata", json());
    if (consolidated.is_object() && consolidated.contains("metadata") &&
        consolidated["metadata"].is_object()) {
      for (const auto& [key, value] : consolidated["metadata"].items()) {
        if (value.is_object() && value.value("node_type", json()) == "array") add_v3(key, value);
      }
      return;
    }
    walk("", 0, [&](const std::string& key, const fs::path& directory) {
      if (!is_there(directory / "zarr.json")) return false;
      const json node = read_json(directory / "zarr.json");
      const bool array = node.is_object() && node.value("node_type", json()) == "array";
      if (array) add_v3(key, node);
      return array;
    });
  }

  /// Calls `visit` for every directory until it says that one is an array: below it are chunks only.
  template <typename Visit>
  void walk(const std::string& key, int depth, const Visit& visit) {
    constexpr int kDeepest = 16;
    if (visit(key, root_ / key) || depth == kDeepest) return;
    std::error_code error;
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ / key, error)) {
      if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
    }
    for (const std::string& name : names)
      walk(key.empty() ? name : fmt::format("{}/{}", key, name), depth + 1, visit);
  }

  /// Attributes of an array in a group name others of the group.
  void name_whole(FileVariable& variable) const {
    const size_t slash = variable.name.rfind('/');
    if (variable.name.empty() || variable.name[0] != '/' || slash == std::string::npos) return;
    for (const char* attribute : {"coordinates", "bounds", "grid_mapping"}) {
      std::istringstream in(variable.text(attribute));
      std::string whole;
      for (std::string word; in >> word;)
        whole +=
            (whole.empty() ? "" : " ") + (word[0] == '/' ? word : variable.name.substr(0, slash + 1) + word);
      if (!whole.empty()) variable.attributes[attribute] = whole;
    }
  }

  fs::path root_;
  ZarrStore store_;
};

}  // namespace

bool is_zarr(const fs::path& directory) {
  for (const char* name : {"zarr.json", ".zmetadata", ".zgroup", ".zarray"}) {
    if (is_there(directory / name)) return true;
  }
  return false;
}

ZarrStore read_zarr_store(const fs::path& directory) {
  fs::path root = directory;
  if (root.filename().empty()) root = root.parent_path();  // "store.zarr/"
  return StoreReader(root).read();
}

}  // namespace seqvit::data
