#include "data/zarr_writer.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "data/zarr_array.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json to_json(const Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const auto number = [](double item) -> json {
    if (std::isnan(item)) return "NaN";
    if (std::isinf(item)) return item > 0 ? "Infinity" : "-Infinity";
    return item;
  };
  const auto& numbers = std::get<std::vector<double>>(value);
  if (numbers.size() == 1) return number(numbers[0]);
  json list = json::array();
  for (const double item : numbers)
    list.push_back(number(item));
  return list;
}

json to_json(const std::map<std::string, Attribute>& attributes) {
  json result = json::object();
  for (const auto& [name, value] : attributes)
    result[name] = to_json(value);
  return result;
}

}  // namespace

ZarrWriter::ZarrWriter(std::filesystem::path path, std::string what)
    : path_(std::move(path)), temporary_(path_.string() + ".tmp"), what_(std::move(what)) {
  std::error_code error;
  if (fs::exists(path_, error) && !is_zarr(path_)) fail_with("something else has this name");
  if (fs::exists(temporary_, error) && is_zarr(temporary_))
    fs::remove_all(temporary_, error);  // of a run that was killed
  if (!fs::create_directory(temporary_, error))
    fail_with(error ? error.message() : "its .tmp is there already");
}

ZarrWriter::~ZarrWriter() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void ZarrWriter::fail_with(const std::string& reason) const {
  fail(Exit::data, "{}: cannot write {}: {}", path_.string(), what_, reason);
}

int ZarrWriter::define_dim(const std::string& name, int64_t size) {
  dims_.emplace_back(name, size);
  return static_cast<int>(dims_.size()) - 1;
}

int ZarrWriter::define(Array array) {
  arrays_.push_back(std::move(array));
  return static_cast<int>(arrays_.size()) - 1;
}

int ZarrWriter::define_coordinate(const std::string& name, const std::vector<int>& dims) {
  std::vector<size_t> shape;
  for (const int dim : dims)
    shape.push_back(std::max<size_t>(1, static_cast<size_t>(dims_.at(dim).second)));
  return define({name, dims, shape, false, {}});
}

int ZarrWriter::define_field(const std::string& name, const std::vector<int>& dims,
                             const std::vector<size_t>& chunk) {
  return define({name, dims, chunk, true, {}});
}

void ZarrWriter::put(int variable, const std::string& name, const Attribute& value) {
  (variable == kFile ? attributes_ : arrays_.at(variable).attributes)[name] = value;
}

void ZarrWriter::end_definitions() {
  const json group = {{"zarr_format", 2}};
  json all = {{".zgroup", group}, {".zattrs", to_json(attributes_)}};
  for (const Array& array : arrays_) {
    std::vector<int64_t> shape;
    json names = json::array(), attributes = to_json(array.attributes);
    for (const int dim : array.dims) {
      shape.push_back(dims_.at(dim).second);
      names.push_back(dims_.at(dim).first);
    }
    attributes["_ARRAY_DIMENSIONS"] = names;
    all[array.name + "/.zattrs"] = attributes;
    all[array.name + "/.zarray"] = {{"zarr_format", 2},      {"shape", shape},
                                    {"chunks", array.chunk}, {"dtype", array.field ? "<f4" : "<f8"},
                                    {"order", "C"},          {"compressor", {{"id", "zstd"}, {"level", 3}}},
                                    {"filters", nullptr},    {"fill_value", "NaN"}};
    std::error_code error;
    if (!fs::create_directory(temporary_ / array.name, error))
      fail_with(error ? error.message() : "two arrays are called " + array.name);
  }
  for (const auto& [key, value] : all.items())
    write_file(key, value.dump(1));
  write_file(".zmetadata", json{{"zarr_consolidated_format", 1}, {"metadata", all}}.dump(1));
}

void ZarrWriter::write_file(const std::string& key, std::string_view bytes) const {
  errno = 0;
  std::ofstream out(temporary_ / key, std::ios::binary);
  out << bytes;
  out.close();
  if (!out) fail_with(errno != 0 ? std::strerror(errno) : "the system gave no reason");
}

void ZarrWriter::write_chunk(const Array& array, const std::string& key,
                             std::span<const std::byte> values) const {
  const Bytes packed = encode_zstd(values, 3);
  write_file(array.name + "/" + key, {reinterpret_cast<const char*>(packed.data()), packed.size()});
}

void ZarrWriter::write(int variable, std::span<const double> values) {
  const Array& array = arrays_.at(variable);
  std::string key = "0";
  for (size_t d = 1; d < array.dims.size(); ++d)
    key += ".0";
  write_chunk(array, key, std::as_bytes(values));
}

void ZarrWriter::write(int variable, std::span<const size_t> start, std::span<const size_t> count,
                       std::span<const float> values) {
  const Array& array = arrays_.at(variable);
  std::vector<size_t> place;
  size_t whole = 1, to_write = 1;
  for (size_t d = 0; d < start.size(); ++d) {
    place.push_back(start[d] / array.chunk[d]);
    whole *= array.chunk[d];
    to_write *= std::min(array.chunk[d],
                         static_cast<size_t>(dims_.at(array.dims[d]).second) - place[d] * array.chunk[d]);
    check(start[d] % array.chunk[d] + count[d] <= array.chunk[d], "a hyperslab of several chunks");
  }
  const std::string key = fmt::format("{}", fmt::join(place, "."));
  const auto [found, is_new] = partial_.try_emplace({variable, key});
  Partial& chunk = found->second;
  if (is_new) chunk = {std::vector<float>(whole, std::numeric_limits<float>::quiet_NaN()), to_write};
  const size_t run = count.back();
  for (size_t i = 0; i < values.size(); i += run) {
    size_t rest = i / run, at = 0, stride = array.chunk.back();
    at = start.back() % array.chunk.back();
    for (size_t d = count.size() - 1; d-- > 0;) {
      at += (start[d] % array.chunk[d] + rest % count[d]) * stride;
      rest /= count[d];
      stride *= array.chunk[d];
    }
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i), run,
                chunk.values.begin() + static_cast<std::ptrdiff_t>(at));
  }
  chunk.missing -= std::min(chunk.missing, values.size());
  if (chunk.missing > 0) return;
  write_chunk(array, key, std::as_bytes(std::span(chunk.values)));
  partial_.erase(found);
}

void ZarrWriter::commit() {
  for (const auto& [place, chunk] : partial_)
    write_chunk(arrays_.at(place.first), place.second, std::as_bytes(std::span(chunk.values)));
  partial_.clear();
  std::error_code error;
  for (const Array& array : arrays_)
    sync_directory(temporary_ / array.name, Exit::data);
  sync_directory(temporary_, Exit::data);
  // A directory cannot take the name of one that is not empty: the old store steps aside first.
  const fs::path old = path_.string() + ".old";
  const bool replaces = fs::exists(path_, error);
  if (replaces) fs::rename(path_, old, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) fail_with(error.message());
  temporary_.clear();
  if (replaces) fs::remove_all(old, error);
}

}  // namespace seqvit::data
