#include "data/netcdf_builder.h"

#include <cmath>
#include <stdexcept>

#include "core/file.h"

namespace seqvit::data {
namespace {

void require(int status) {
  if (status != NC_NOERR) throw std::runtime_error(nc_strerror(status));
}

}  // namespace

NetcdfBuilder::NetcdfBuilder(const std::string& path, int format) {
  require(nc_create(path.c_str(), NC_CLOBBER | format, &id_));
  require(nc_set_fill(id_, NC_FILL, nullptr));
}

NetcdfBuilder::~NetcdfBuilder() {
  nc_close(id_);
}

int NetcdfBuilder::dim(const std::string& name, size_t size) {
  const auto [place, added] = dims_.emplace(name, -1);
  if (added) require(nc_def_dim(id_, name.c_str(), size == 0 ? NC_UNLIMITED : size, &place->second));
  return place->second;
}

int NetcdfBuilder::variable(const std::string& name, nc_type type, const std::vector<std::string>& dims) {
  std::vector<int> ids;
  for (const std::string& dim : dims)
    ids.push_back(dims_.at(dim));
  int variable = -1;
  require(nc_def_var(id_, name.c_str(), type, static_cast<int>(ids.size()), ids.data(), &variable));
  return variable;
}

void NetcdfBuilder::text(int variable, const std::string& name, const std::string& value) {
  require(nc_put_att_text(id_, variable, name.c_str(), value.size(), value.c_str()));
}

void NetcdfBuilder::number(int variable, const std::string& name, nc_type type,
                           const std::vector<double>& values) {
  require(nc_put_att_double(id_, variable, name.c_str(), type, values.size(), values.data()));
}

void NetcdfBuilder::put(int variable, const std::vector<double>& values) {
  nc_enddef(id_);  // already done for the second variable
  int rank = 0;
  require(nc_inq_varndims(id_, variable, &rank));
  std::vector<int> dims(rank);
  require(nc_inq_vardimid(id_, variable, dims.data()));
  std::vector<size_t> start(rank + 1, 0), count(rank + 1, 1);
  size_t inner = 1;
  for (int d = rank - 1; d >= 0; --d) {
    require(nc_inq_dimlen(id_, dims[d], &count[d]));
    if (d == 0) count[0] = values.size() / inner;
    inner *= count[d];
  }
  const int status = nc_put_vara_double(id_, variable, start.data(), count.data(), values.data());
  if (status != NC_ERANGE) require(status);  // infinite ones are out of the range of floats, and written
}

void NetcdfBuilder::chunk(int variable, const std::vector<size_t>& sizes) {
  require(nc_def_var_chunking(id_, variable, NC_CHUNKED, sizes.data()));
  require(nc_def_var_deflate(id_, variable, 1, 1, 1));
}

void NetcdfBuilder::big_endian(int variable) {
  require(nc_def_var_endian(id_, variable, NC_ENDIAN_BIG));
}

int NetcdfBuilder::coordinate(const std::string& name, const std::vector<double>& values,
                              const std::string& units, bool unlimited, nc_type type) {
  nc_redef(id_);
  dim(name, unlimited ? 0 : values.size());
  const int id = variable(name, type, {name});
  if (!units.empty()) text(id, "units", units);
  put(id, values);
  nc_redef(id_);
  return id;
}

double GridFile::value(size_t variable, double hour, double level, double latitude, double longitude) {
  const double east = longitude - 360.0 * std::floor(longitude / 360.0);
  return 1000.0 * static_cast<double>(variable + 1) + 0.5 * hour + 0.25 * level + latitude + east / 512.0 +
         std::sin(hour + latitude) * 0.125;
}

void GridFile::write(const std::string& path) const {
  NetcdfBuilder file(path, format);
  const int time = file.coordinate(names.at('t'), hours, time_units, unlimited);
  if (!calendar.empty()) file.text(time, "calendar", calendar);
  file.coordinate(names.at('y'), latitude, "degrees_north");
  file.coordinate(names.at('x'), longitude, "degrees_east");
  if (!levels.empty()) file.coordinate(names.at('l'), levels, "hPa");
  const std::vector<double> none = {0.0};
  const std::map<char, const std::vector<double>*> axes = {
      {'t', &hours}, {'l', levels.empty() ? &none : &levels}, {'y', &latitude}, {'x', &longitude}};
  const auto add = [&](size_t index, const std::string& name, const std::string& letters) {
    std::vector<std::string> dims;
    for (const char c : letters) {
      if (c != 'l' || !levels.empty()) dims.push_back(names.at(c));
    }
    const int id = file.variable(name, type, dims);
    file.text(id, "units", units);
    file.number(id, "_FillValue", type, {-999.0});
    if (!chunk.empty() && dims.size() == chunk.size()) file.chunk(id, chunk);
    std::vector<double> values;
    std::map<char, double> at = {{'t', 0}, {'l', 0}, {'y', 0}, {'x', 0}};
    const std::function<void(size_t)> fill = [&](size_t d) {
      if (d == letters.size()) {
        const bool missing = at['x'] == missing_where;
        values.push_back(missing ? -999.0 : value(index, at['t'], at['l'], at['y'], at['x']));
        return;
      }
      for (const double coordinate : *axes.at(letters[d])) {
        at[letters[d]] = coordinate;
        fill(d + 1);
      }
    };
    fill(0);
    file.put(id, values);
    nc_redef(file.id());
  };
  for (size_t v = 0; v < variables.size(); ++v)
    add(v, variables[v], order);
  for (size_t s = 0; s < statics.size(); ++s)
    add(100 + s, statics[s], "yx");
}

void damage_last_chunk(const std::string& path) {
  std::string bytes = read_text(path, Exit::bug);
  const size_t chunk = bytes.rfind("\x78\x01");
  if (chunk == std::string::npos) throw std::runtime_error(path + ": no deflated chunk");
  for (size_t i = 2; i < 20; ++i)
    bytes[chunk + i] = 'Z';
  write_text(path, bytes, Exit::bug);
}

}  // namespace seqvit::data
