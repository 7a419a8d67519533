#include "data/netcdf.h"

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <limits>
#include <memory>
#include <netcdf.h>
#include <netcdf_mem.h>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"
#include "core/watch.h"

namespace seqvit::data {
namespace {

/// Blocks are decoded once and kept by the data set, so HDF5 needs a chunk cache only for what lies between
/// two calls; its default of up to 64 MB a variable adds up over many files.
constexpr size_t kChunkCacheBytes = size_t{1} << 20;

/// Of a dimension: beyond any use, and the sum of two is still a number.
constexpr size_t kLongestDim = size_t{1} << 48;

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
  HeaderReader(int file, const std::string& path, const Container& container)
      : file_(file), path_(path), container_(container) {}

  /// By id: those of groups have ids between them.
  std::map<int, NetcdfDim> dims() const {
    int count = 0, unlimited_count = 0;
    call(nc_inq_dimids(file_, &count, nullptr, /*include_parents=*/0));
    std::vector<int> ids(count);
    call(nc_inq_dimids(file_, &count, ids.data(), 0));
    call(nc_inq_unlimdims(file_, &unlimited_count, nullptr));
    std::vector<int> unlimited(unlimited_count);
    call(nc_inq_unlimdims(file_, &unlimited_count, unlimited.data()));
    std::map<int, NetcdfDim> result;
    for (const int id : ids) {
      char name[NC_MAX_NAME + 1] = {};
      size_t size = 0;
      call(nc_inq_dim(file_, id, name, &size));
      const bool is_unlimited = std::find(unlimited.begin(), unlimited.end(), id) != unlimited.end();
      if (is_unlimited && container_.records) size = static_cast<size_t>(*container_.records);
      check_size(name, size, kLongestDim);
      result[id] = {to_utf8(name), static_cast<int64_t>(size), is_unlimited};
    }
    return result;
  }

  NetcdfVariable variable(int id, const std::map<int, NetcdfDim>& dims) const {
    char name[NC_MAX_NAME + 1] = {};
    nc_type type = NC_NAT;
    int rank = 0, attribute_count = 0;
    call(nc_inq_var(file_, id, name, &type, &rank, nullptr, &attribute_count));
    std::vector<int> dim_ids(rank);
    call(nc_inq_vardimid(file_, id, dim_ids.data()));
    NetcdfVariable result;
    result.name = to_utf8(name);
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
      check_size(name, length, static_cast<size_t>(container_.bytes));  // never compressed
      result[to_utf8(name)] = value(variable, name, type, length);
      if (types != nullptr) (*types)[to_utf8(name)] = stored_type(type);
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
      names.push_back(to_utf8(name));
    }
    return names;
  }

 private:
  void call(int status) const { require(status, path_, "cannot read the header"); }

  void check_size(const char* name, size_t found, size_t most) const {
    if (found <= most) return;
    fail(Exit::data, "{}: {}: expected a length of at most {}, found {}; the file is damaged: copy it again",
         path_, name, most, found);
  }

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
      return to_utf8(std::move(text));
    }
    if (type == NC_STRING) {
      std::vector<char*> strings(length);
      call(nc_get_att_string(file_, variable, name, strings.data()));
      std::string text;
      for (const char* string : strings)
        text += (text.empty() ? "" : ", ") + std::string(string == nullptr ? "" : string);
      nc_free_string(length, strings.data());
      return to_utf8(std::move(text));
    }
    std::vector<double> numbers(length);
    call(nc_get_att_double(file_, variable, name, numbers.data()));
    return numbers;
  }

  int file_;
  const std::string& path_;
  const Container& container_;
};

}  // namespace

std::mutex& netcdf_mutex() {
  static std::mutex mutex;
  static thread_local bool quiet = false;
  if (!std::exchange(quiet, true)) {
    const std::lock_guard lock(mutex);  // a call of HDF5 like any other: most builds of it know no threads
    silence_hdf5();
  }
  return mutex;
}

int64_t NetcdfVariable::size() const {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t size = 1;
  for (const NetcdfDim& dim : dims) {
    if (dim.size == 0) return 0;
    size = size > kMost / dim.size ? kMost : size * dim.size;
  }
  return size;
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

NetcdfFile::NetcdfFile(const std::string& path)
    : path_(path), stamp_(stamp_of(path)), container_(check_container(path)) {
  const std::lock_guard lock(netcdf_mutex());
  read_header(nc_open(path.c_str(), NC_NOWRITE, &id_));
}

NetcdfFile::NetcdfFile(std::string name, std::unique_ptr<std::string> bytes)
    : path_(std::move(name)), bytes_(std::move(bytes)) {
  std::istringstream in(*bytes_);
  container_ = check_container(path_, in, std::ssize(*bytes_));
  const std::lock_guard lock(netcdf_mutex());
  read_header(nc_open_mem(path_.c_str(), NC_NOWRITE, bytes_->size(), bytes_->data(), &id_));
}

NetcdfFile NetcdfFile::from_memory(const std::string& name, std::string bytes) {
  return {name, std::make_unique<std::string>(std::move(bytes))};
}

/// `status` is that of opening the file; the caller holds the lock.
void NetcdfFile::read_header(int status) {
  if (status != NC_NOERR) {
    id_ = -1;
    fail(Exit::data, "{}: expected a NetCDF file, found: {}; the file is damaged{}", path_,
         nc_strerror(status),
         container_.format == ContainerFormat::hdf5
             ? ", is HDF5 but not netCDF-4, or lies on a file system without locks (then set "
               "HDF5_USE_FILE_LOCKING=FALSE)"
             : ": copy or download it again");
  }
  try {
    const HeaderReader header(id_, path_, container_);
    int variables = 0, attributes = 0;
    require(nc_inq(id_, nullptr, &variables, &attributes, nullptr), path_, "cannot read the header");
    const std::map<int, NetcdfDim> dims = header.dims();
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
      stamp_(other.stamp_),
      container_(other.container_),
      bytes_(std::move(other.bytes_)),
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

/// Reads stored values in native byte order into `raw`, which holds `values` of them.
void NetcdfFile::read_raw(const NetcdfVariable& variable, std::span<const int64_t> start,
                          std::span<const int64_t> count, size_t values, void* raw) const {
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
    fail(Exit::data, "{}: {}: expected numbers, found values of type {}; leave this variable out", path_,
         variable.name, variable.stored_type);
  }
  if (values == 0) return;
  // netCDF-C wants pointers even for a scalar.
  first.push_back(0);
  size.push_back(1);
  int status = NC_NOERR;
  {
    const std::lock_guard lock(netcdf_mutex());
    status = nc_get_vara(id_, variable.id, first.data(), size.data(), raw);
  }
  if (!bytes_) check_unchanged(path_, stamp_, stamp_of(path_));
  require(status, path_, fmt::format("{}: cannot read values", variable.name));
  sign_of_life();
}

template <typename Out>
void NetcdfFile::read_unpacked(const NetcdfVariable& variable, std::span<const int64_t> start,
                               std::span<const int64_t> count, std::span<Out> out,
                               StoredType in_place) const {
  if (variable.type == in_place) {
    read_raw(variable, start, count, out.size(), out.data());
    unpack(variable.packing, reinterpret_cast<const std::byte*>(out.data()), out.size(), out.data());
    return;
  }
  const auto bytes = out.size() * static_cast<size_t>(type_bytes(variable.type));
  const auto raw = std::make_unique_for_overwrite<std::byte[]>(std::max<size_t>(bytes, 8));
  read_raw(variable, start, count, out.size(), raw.get());
  unpack(variable.packing, raw.get(), out.size(), out.data());
}

void NetcdfFile::read(const NetcdfVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::span<float> out) const {
  read_unpacked(variable, start, count, out, StoredType::float32);
}

void NetcdfFile::read(const NetcdfVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::span<double> out) const {
  read_unpacked(variable, start, count, out, StoredType::float64);
}

std::vector<double> NetcdfFile::read_all(const NetcdfVariable& variable) const {
  std::vector<int64_t> start, count;
  for (const NetcdfDim& dim : variable.dims) {
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
