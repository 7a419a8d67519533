#include "train/safetensors.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "parallel/cut.h"

namespace seqvit::train {
namespace {

using nlohmann::json;

const std::pair<const char*, at::ScalarType> kTypes[] = {{"F64", at::kDouble},
                                                         {"F32", at::kFloat},
                                                         {"BF16", at::kBFloat16},
                                                         {"F16", at::kHalf},
                                                         {"I64", at::kLong}};

constexpr int64_t kDevicePiece = int64_t{1} << 26;  ///< bytes of a device's tensor on their way to a file

const char* const kMetadata = "__metadata__";

const char* type_name(at::ScalarType type) {
  for (const auto& [name, value] : kTypes) {
    if (value == type) return name;
  }
  fail(Exit::bug, "internal error: no safetensors name for this type");
}

at::ScalarType type_named(const std::string& name, const std::string& where) {
  for (const auto& [known, value] : kTypes) {
    if (name == known) return value;
  }
  fail(Exit::checkpoint, "{}: unknown type '{}'", where, name);
}

/// What data of this type and shape take; -1 where no tensor has such a shape.
int64_t bytes_of(const SafetensorsFile::Entry& entry) {
  const auto element = static_cast<int64_t>(c10::elementSize(entry.dtype));
  int64_t bytes = element;  // were no size 0: libtorch's strides must be numbers even then
  for (const int64_t size : entry.shape) {
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) return -1;
  }
  return element * parallel::elements_of(entry.shape);
}

}  // namespace

std::string write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                              const Metadata& metadata) {
  json header = json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t end = offset + static_cast<int64_t>(tensor.nbytes());
    header[name] = {{"dtype", type_name(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts on an 8-byte boundary
  const uint64_t length = text.size();

  AtomicFile file(path, Exit::checkpoint);
  Checksum sum;
  const auto write = [&](std::span<const std::byte> bytes) {
    sum.add(bytes);
    file.write(bytes);
  };
  write(std::as_bytes(std::span(&length, 1)));
  write(std::as_bytes(std::span(text)));
  for (const auto& [name, tensor] : tensors) {
    const Tensor dense = tensor.detach().contiguous().view({-1});
    const int64_t piece = dense.is_cpu() ? dense.numel() : kDevicePiece / dense.element_size();
    for (int64_t first = 0; first < dense.numel(); first += piece) {
      const Tensor here = dense.narrow(0, first, std::min(piece, dense.numel() - first)).cpu();
      write(std::span(static_cast<const std::byte*>(here.const_data_ptr()), here.nbytes()));
    }
  }
  file.commit();
  return sum.text();
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path) : path_(std::move(path)) {
  std::ifstream in(path_, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(path_))
    fail(Exit::checkpoint, "{}: cannot read; expected a safetensors file", path_.string());
  const auto file_size = static_cast<uint64_t>(std::filesystem::file_size(path_));
  uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  if (!in || length > file_size - sizeof length) {
    fail(Exit::checkpoint, "{}: not a safetensors file, or truncated", path_.string());
  }
  std::string text(length, '\0');
  in.read(text.data(), static_cast<std::streamsize>(length));
  const json header = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object())
    fail(Exit::checkpoint, "{}: header is not JSON; the file is corrupt", path_.string());
  const auto data = static_cast<int64_t>(sizeof length + length);
  for (const auto& [name, value] : header.items()) {
    try {
      if (name == kMetadata) {
        metadata_ = value;
        continue;
      }
      const auto shape = counts_of(value.at("shape")), offsets = counts_of(value.at("data_offsets"));
      if (!shape || !offsets || offsets->size() != 2) {
        fail(Exit::checkpoint, "{}: {}: expected a shape and two offsets, found {}; the file is corrupt",
             path_.string(), name, json_text(value));
      }
      Entry entry{type_named(value.at("dtype"), path_.string()), *shape, 0, 0};
      const int64_t begin = offsets->front(), end = offsets->back();
      if (begin > end || end > static_cast<int64_t>(file_size) - data)
        fail(Exit::checkpoint, "{}: {}: data lie outside the file; it is truncated", path_.string(), name);
      if (bytes_of(entry) != end - begin)
        fail(Exit::checkpoint, "{}: {}: a shape of other bytes than its data; the file is corrupt",
             path_.string(), name);
      entry.begin = data + begin;
      entry.end = data + end;
      entries_.emplace(name, std::move(entry));
    } catch (const json::exception&) {
      fail(Exit::checkpoint, "{}: {}: broken header entry; the file is corrupt", path_.string(), name);
    }
  }
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail(Exit::checkpoint, "{}: no tensor '{}'", path_.string(), name);
  return found->second;
}

Tensor SafetensorsFile::read(const std::string& name, Range range) const {
  const Entry& found = entry(name);
  const auto size = static_cast<int64_t>(c10::elementSize(found.dtype));
  const Tensor out = at::empty({range.size()}, found.dtype);
  std::ifstream in(path_, std::ios::binary);
  in.seekg(found.begin + range.begin * size);
  in.read(static_cast<char*>(out.data_ptr()), range.size() * size);
  if (!in) fail(Exit::checkpoint, "{}: {}: cannot read; the file is truncated", path_.string(), name);
  return out;
}

Tensor SafetensorsFile::read(const std::string& name) const {
  const auto& shape = entry(name).shape;
  return read(name, {0, parallel::elements_of(shape)}).view(shape);
}

}  // namespace seqvit::train
