#include "data/source_file.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "core/error.h"
#include "core/watch.h"

namespace seqvit::data {
namespace {

/// The number of values; whether the hyperslab lies inside the variable is checked on the way.
size_t checked_size(const FileVariable& variable, std::span<const int64_t> start,
                    std::span<const int64_t> count) {
  check(start.size() == variable.dims.size() && count.size() == start.size(), "hyperslab of the wrong rank");
  size_t size = 1;
  for (size_t d = 0; d < count.size(); ++d) {
    check(start[d] >= 0 && count[d] >= 0 && start[d] + count[d] <= variable.dims[d].size,
          "hyperslab outside the variable");
    size *= static_cast<size_t>(count[d]);
  }
  return size;
}

}  // namespace

int64_t FileVariable::size() const {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t size = 1;
  for (const FileDim& dim : dims) {
    if (dim.size == 0) return 0;
    size = size > kMost / dim.size ? kMost : size * dim.size;
  }
  return size;
}

std::string FileVariable::text(const std::string& attribute) const {
  return text_of(attributes, attribute);
}

std::optional<double> FileVariable::number(const std::string& attribute) const {
  const auto found = attributes.find(attribute);
  const auto* values = found == attributes.end() ? nullptr : std::get_if<std::vector<double>>(&found->second);
  if (values == nullptr || values->empty()) return std::nullopt;
  return values->front();
}

const FileVariable* SourceFile::find(const std::string& name) const {
  for (const FileVariable& variable : variables_) {
    if (variable.name == name) return &variable;
  }
  return nullptr;
}

template <typename Out>
void SourceFile::read_unpacked(const FileVariable& variable, std::span<const int64_t> start,
                               std::span<const int64_t> count, std::span<Out> out,
                               StoredType in_place) const {
  check(checked_size(variable, start, count) == out.size(), "hyperslab and buffer differ in size");
  if (!variable.numeric()) {
    fail(Exit::data, "{}: {}: expected numbers, found values of type {}; leave this variable out", path_,
         variable.name, variable.stored_type);
  }
  if (out.empty()) return;
  if (variable.type == in_place) {
    auto* raw = reinterpret_cast<std::byte*>(out.data());
    read_stored(variable, start, count, raw);
    unpack(variable.packing, raw, out.size(), out.data());
  } else {
    const auto bytes = out.size() * static_cast<size_t>(type_bytes(variable.type));
    const auto raw = std::make_unique_for_overwrite<std::byte[]>(std::max<size_t>(bytes, 8));
    read_stored(variable, start, count, raw.get());
    unpack(variable.packing, raw.get(), out.size(), out.data());
  }
  sign_of_life();
}

void SourceFile::read(const FileVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::span<float> out) const {
  read_unpacked(variable, start, count, out, StoredType::float32);
}

void SourceFile::read(const FileVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::span<double> out) const {
  read_unpacked(variable, start, count, out, StoredType::float64);
}

std::vector<double> SourceFile::read_all(const FileVariable& variable) const {
  std::vector<int64_t> start, count;
  for (const FileDim& dim : variable.dims) {
    start.push_back(0);
    count.push_back(dim.size);
  }
  constexpr int64_t kMost = int64_t{1} << 26;
  if (variable.size() > kMost) {
    fail(Exit::data,
         "{}: {}: expected at most {} values of a coordinate, found {}; leave out what stands on it", path_,
         variable.name, kMost, variable.size());
  }
  std::vector<double> values(static_cast<size_t>(variable.size()));
  read(variable, start, count, std::span(values));
  return values;
}

}  // namespace seqvit::data
