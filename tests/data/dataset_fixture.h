/// Data sets of GridFile's formula and the check that a data set holds it, however its files are laid out.
#pragma once

#include <cmath>

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {

class DatasetTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const GridFile& file = {}) {
    const std::string path = directory_ / name;
    file.write(path);
    return path;
  }

  static double hour(const Dataset& dataset, int64_t time) {
    const TimeStamp origin = to_time_stamp({2000, 1, 1}, dataset.calendar());
    return static_cast<double>(dataset.times()[time] - origin) / 3600.0;
  }

  /// `read(rows, out)` gives the formula's values of `variable` on these rows; NaN at the column of
  /// `missing_where`.
  template <typename Read>
  static void expect_rows(const Dataset& dataset, size_t variable, double at_hour, double level, Range rows,
                          Read&& read, double missing_where = -1) {
    const grid::Grid& grid = dataset.grid();
    std::vector<float> field(static_cast<size_t>(rows.size() * grid.columns()), -1.0F);
    read(rows, std::span(field));
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      for (int64_t x = 0; x < grid.columns(); ++x) {
        const float found = field[static_cast<size_t>((y - rows.begin) * grid.columns() + x)];
        if (std::abs(std::remainder(grid.longitude[x] - missing_where, 360.0)) < 1e-6) {
          ASSERT_TRUE(std::isnan(found));
          continue;
        }
        const double expected =
            GridFile::value(variable, at_hour, level, grid.latitude[y], grid.longitude[x]);
        ASSERT_EQ(found, static_cast<float>(expected))
            << "hour " << at_hour << " row " << y << " column " << x;
      }
    }
  }

  /// Every time of variable `index` of the data set, read whole and in slabs of every size.
  static void expect_formula(const Dataset& dataset, int64_t index, size_t variable, double level = 0,
                             double missing_where = -1) {
    for (int64_t t = 0; t < static_cast<int64_t>(dataset.times().size()); ++t) {
      const auto read = [&](Range rows, std::span<float> out) { dataset.read(index, t, rows, out); };
      const int64_t rows = dataset.grid().rows();
      for (const int64_t size : {rows, int64_t{1}, int64_t{2}}) {
        for (int64_t begin = 0; begin < rows; begin += size) {
          const Range slab{begin, std::min(rows, begin + size)};
          expect_rows(dataset, variable, hour(dataset, t), level, slab, read, missing_where);
        }
      }
    }
  }

  TemporaryDirectory directory_;
};

}  // namespace seqvit::data
