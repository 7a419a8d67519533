/// What the header of a NetCDF file says, groups and all, as netCDF-C gives it. Part of netcdf.cpp, not for
/// others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/netcdf.h"

namespace seqvit::data {

struct NetcdfHeader {
  std::vector<FileVariable> variables;  ///< of all groups, those of the root first; ids count them
  std::vector<NetcdfId> ids;            ///< of each
  std::map<std::string, Attribute> attributes;
};

/// Of an open file; the caller holds netcdf_mutex. Throws Error(data).
NetcdfHeader read_netcdf_header(int file, const std::string& path, const Container& container);

/// Throws Error(data) "PATH: WHAT: netCDF-C's reason" unless `status` is that of success.
void require_netcdf(int status, const std::string& path, const std::string& what);

/// "the filter zstd (32015), which is not installed; ..." where a variable is stored with a filter that HDF5
/// does not have; "" where it has them all. The caller holds netcdf_mutex.
std::string missing_filter(const NetcdfId& id);

}  // namespace seqvit::data
