#include "data/netcdf.h"

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <memory>
#include <netcdf.h>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"
#include "data/container.h"

namespace seqvit {
namespace {

/// Blocks are decoded once and kept by the data set, so HDF5 needs a chunk cache only for what lies between
/// two calls; its default of up to 64 MB a variable adds up over many files.
constexpr size_t kChunkCacheBytes = size_t{1} << 20;

void require(int status, const std::string& path, const std::string& what) {
  if (status == NC_NOERR) return;
  fail(Exit::data, "{}: {}: {}; the file may be damaged: copy or download it again", path, what,
       nc_strerror(status));
}

StoredType stored_type(nc_type type) {
  using enum StoredType;
  // Indexed by NC_BYTE = 1, CHAR, SHORT, INT, FLOAT, DOUBLE, UBYTE, USHORT, UINT, INT64, UINT64 = 11.
  constexpr std::array kTypes = {other,   int8,  text,   int16,  int32, float32,
                                 float64, uint8, uint16, uint32, int64, uint64};
  static_assert(NC_UINT64 + 1 == kTypes.size());
  return type >= NC_BYTE && type <= NC_UINT64 ? kTypes[type] : other;
}

/// netCDF-C asks HDF5 for attributes that are not there and, on its first thread only, keeps HDF5 from
/// printing pages about that. HDF5 is netCDF-C's dependency, not ours, so its function is looked up where it
/// is loaded.
void silence_hdf5() {
  using SetAuto = int (*)(int64_t stack, void* function, void* data);
  const auto set_auto = reinterpret_cast<SetAuto>(::dlsym(RTLD_DEFAULT, "H5Eset_auto2"));
  if (set_auto != nullptr) set_auto(0, nullptr, nullptr);
}

/// What stands in one netCDF id; the caller holds the lock.
class HeaderReader {
 public:
  HeaderReader(int file, const std::string& path) : file_(file), path_(path) {}

  std::vector<NetcdfDim> dims() const {
    int count = 0, unlimited_count = 0;
    call(nc_inq_ndims(file_, &count));
    call(nc_inq_unlimdims(file_, &unlimited_count, nullptr));
    std::vector<int> unlimited(unlimited_count);
    call(nc_inq_unlimdims(file_, &unlimited_count, unlimited.data()));
    std::vector<NetcdfDim> result;
    for (int i = 0; i < count; ++i) {
      char name[NC_MAX_NAME + 1] = {};
      size_t size = 0;
      call(nc_inq_dim(file_, i, name, &size));
      const bool is_unlimited = std::find(unlimited.begin(), unlimited.end(), i) != unlimited.end();
      result.push_back({as_utf8(name), static_cast<int64_t>(size), is_unlimited});
    }
    return result;
  }

  NetcdfVariable variable(int id, const std::vector<NetcdfDim>& dims) const {
    char name[NC_MAX_NAME + 1] = {};
    nc_type type = NC_NAT;
    int rank = 0, attribute_count = 0;
    call(nc_inq_var(file_, id, name, &type, &rank, nullptr, &attribute_count));
    std::vector<int> dim_ids(rank);
    call(nc_inq_vardimid(file_, id, dim_ids.data()));
    NetcdfVariable result;
    result.name = as_utf8(name);
    result.id = id;
    result.type = stored_type(type);
    result.stored_type = type == NC_STRING ? "string" : type_name(result.type);
    for (const int dim : dim_ids)
      result.dims.push_back(dims.at(dim));
    result.chunk = chunk(id, rank);
    std::map<std::string, StoredType> types;
    result.attributes = attributes(id, attribute_count, &types);
    int no_fill = 0;
    if (result.numeric()) call(nc_inq_var_fill(file_, id, &no_fill, nullptr));
    result.packing = make_packing(result.type, result.attributes, types, no_fill == 0);
    return result;
  }

  std::map<std::string, NetcdfAttribute> attributes(int variable, int count,
                                                    std::map<std::string, StoredType>* types) const {
    std::map<std::string, NetcdfAttribute> result;
    for (int i = 0; i < count; ++i) {
      char name[NC_MAX_NAME + 1] = {};
      nc_type type = NC_NAT;
      size_t length = 0;
      call(nc_inq_attname(file_, variable, i, name));
      call(nc_inq_att(file_, variable, name, &type, &length));
      if (type > NC_MAX_ATOMIC_TYPE) continue;
      const std::string key = as_utf8(name);
      result[key] = value(variable, name, type, length);
      if (types != nullptr) (*types)[key] = stored_type(type);
    }
    return result;
  }

  std::vector<std::string> groups() const {
    int count = 0;
    if (nc_inq_grps(file_, &count, nullptr) != NC_NOERR || count == 0) return {};
    std::vector<int> ids(count);
    call(nc_inq_grps(file_, &count, ids.data()));
    std::vector<std::string> names;
    for (const int id : ids) {
      char name[NC_MAX_NAME + 1] = {};
      call(nc_inq_grpname(id, name));
      names.push_back(as_utf8(name));
    }
    return names;
  }

 private:
  void call(int status) const { require(status, path_, "cannot read the header"); }

  std::vector<int64_t> chunk(int id, int rank) const {
    int storage = NC_CONTIGUOUS;
    std::vector<size_t> sizes(std::max(rank, 1));
    if (nc_inq_var_chunking(file_, id, &storage, sizes.data()) != NC_NOERR || storage != NC_CHUNKED)
      return {};
    if (rank > 1) call(nc_set_var_chunk_cache(file_, id, kChunkCacheBytes, 521, 0.75F));
    return {sizes.begin(), sizes.begin() + rank};
  }

  NetcdfAttribute value(int variable, const char* name, nc_type type, size_t length) const {
    if (type == NC_CHAR) {
      std::string text(length, '\0');
      call(nc_get_att_text(file_, variable, name, text.data()));
      while (!text.empty() && text.back() == '\0')
        text.pop_back();
      return as_utf8(std::move(text));
    }
    if (type == NC_STRING) {
      std::vector<char*> strings(length);
      call(nc_get_att_string(file_, variable, name, strings.data()));
      std::string text;
      for (const char* string : strings)
        text += (text.empty() ? "" : ", ") + std::string(string == nullptr ? "" : string);
      nc_free_string(length, strings.data());
      return as_utf8(std::move(text));
    }
    std::vector<double> numbers(length);
    call(nc_get_att_double(file_, variable, name, numbers.data()));
    return numbers;
  }

  int file_;
  const std::string& path_;
};

}  // namespace

std::mutex& netcdf_mutex() {
  static std::mutex mutex;
  static thread_local bool quiet = false;
  if (!std::exchange(quiet, true)) silence_hdf5();
  return mutex;
}

int64_t NetcdfVariable::size() const {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1},
                         [](int64_t n, const NetcdfDim& dim) { return n * dim.size; });
}

std::string NetcdfVariable::text(const std::string& attribute) const {
  const auto found = attributes.find(attribute);
  const auto* value = found == attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? "" : *value;
}

std::optional<double> NetcdfVariable::number(const std::string& attribute) const {
  const auto found = attributes.find(attribute);
  const auto* values = found == attributes.end() ? nullptr : std::get_if<std::vector<double>>(&found->second);
  if (values == nullptr || values->empty()) return std::nullopt;
  return values->front();
}

NetcdfFile::NetcdfFile(const std::string& path) : path_(path) {
  const Container container = check_container(path);
  const std::lock_guard lock(netcdf_mutex());
  const int status = nc_open(path.c_str(), NC_NOWRITE, &id_);
  if (status != NC_NOERR) {
    id_ = -1;
    fail(Exit::data, "{}: expected a NetCDF file, found: {}; the file is damaged{}", path,
         nc_strerror(status),
         container == Container::hdf5
             ? ", is HDF5 but not netCDF-4, or lies on a file system without locks (then set "
               "HDF5_USE_FILE_LOCKING=FALSE)"
             : ": copy or download it again");
  }
  try {
    const HeaderReader header(id_, path_);
    int variables = 0, attributes = 0;
    require(nc_inq(id_, nullptr, &variables, &attributes, nullptr), path_, "cannot read the header");
    const std::vector<NetcdfDim> dims = header.dims();
    for (int i = 0; i < variables; ++i)
      variables_.push_back(header.variable(i, dims));
    attributes_ = header.attributes(NC_GLOBAL, attributes, nullptr);
    groups_ = header.groups();
  } catch (...) {
    nc_close(std::exchange(id_, -1));
    throw;
  }
}

NetcdfFile::~NetcdfFile() {
  if (id_ < 0) return;
  const std::lock_guard lock(netcdf_mutex());
  nc_close(id_);
}

NetcdfFile::NetcdfFile(NetcdfFile&& other) noexcept
    : path_(std::move(other.path_)),
      id_(std::exchange(other.id_, -1)),
      variables_(std::move(other.variables_)),
      attributes_(std::move(other.attributes_)),
      groups_(std::move(other.groups_)) {}

const NetcdfVariable* NetcdfFile::find(const std::string& name) const {
  for (const NetcdfVariable& variable : variables_) {
    if (variable.name == name) return &variable;
  }
  return nullptr;
}

namespace {

/// Reads stored values in native byte order into `raw`, which holds `values` of them.
void read_raw(int file, const std::string& path, const NetcdfVariable& variable,
              std::span<const int64_t> start, std::span<const int64_t> count, size_t values, void* raw) {
  check(start.size() == variable.dims.size() && count.size() == start.size(), "hyperslab of the wrong rank");
  std::vector<size_t> first(start.begin(), start.end()), size(count.begin(), count.end());
  size_t product = 1;
  for (size_t d = 0; d < size.size(); ++d) {
    product *= size[d];
    check(start[d] >= 0 && count[d] >= 0 && start[d] + count[d] <= variable.dims[d].size,
          "hyperslab outside the variable");
  }
  check(product == values, "hyperslab and buffer differ in size");
  if (!variable.numeric()) {
    fail(Exit::data, "{}: {}: expected numbers, found values of type {}; leave this variable out", path,
         variable.name, variable.stored_type);
  }
  if (values == 0) return;
  // netCDF-C wants pointers even for a scalar.
  first.push_back(0);
  size.push_back(1);
  const std::lock_guard lock(netcdf_mutex());
  const int status = nc_get_vara(file, variable.id, first.data(), size.data(), raw);
  require(status, path, fmt::format("{}: cannot read values", variable.name));
}

template <typename Out>
void read_unpacked(int file, const std::string& path, const NetcdfVariable& variable,
                   std::span<const int64_t> start, std::span<const int64_t> count, std::span<Out> out,
                   StoredType in_place) {
  if (variable.type == in_place) {
    read_raw(file, path, variable, start, count, out.size(), out.data());
    unpack(variable.packing, reinterpret_cast<const std::byte*>(out.data()), out.size(), out.data());
    return;
  }
  const auto bytes = out.size() * static_cast<size_t>(type_bytes(variable.type));
  const auto raw = std::make_unique_for_overwrite<std::byte[]>(std::max<size_t>(bytes, 8));
  read_raw(file, path, variable, start, count, out.size(), raw.get());
  unpack(variable.packing, raw.get(), out.size(), out.data());
}

}  // namespace

void NetcdfFile::read(const NetcdfVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::span<float> out) const {
  read_unpacked(id_, path_, variable, start, count, out, StoredType::float32);
}

void NetcdfFile::read(const NetcdfVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::span<double> out) const {
  read_unpacked(id_, path_, variable, start, count, out, StoredType::float64);
}

std::vector<double> NetcdfFile::read_all(const NetcdfVariable& variable) const {
  std::vector<int64_t> start, count;
  for (const NetcdfDim& dim : variable.dims) {
    start.push_back(0);
    count.push_back(dim.size);
  }
  std::vector<double> values(static_cast<size_t>(variable.size()));
  read(variable, start, count, std::span(values));
  return values;
}

}  // namespace seqvit
