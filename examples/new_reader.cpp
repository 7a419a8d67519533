// A data source of one's own, from which Dataset reads as from a file: a wave, computed as it is asked for.
//   new_reader [wave:TIMES]     (default wave:8)
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "data/dataset.h"
#include "data/open_file.h"

using namespace seqvit;

double value_of(const std::string& name, int64_t i, int64_t y, int64_t x) {
  if (name == "time") return 6.0 * static_cast<double>(i);
  if (name == "lat") return 90.0 - 10.0 * static_cast<double>(i);
  if (name == "lon") return 10.0 * static_cast<double>(i);
  return std::cos(0.1 * static_cast<double>(y)) * std::sin(0.17 * static_cast<double>(x - i));
}

class Wave final : public data::SourceFile {
 public:
  explicit Wave(const std::string& path) : SourceFile(path, {}) {
    const int64_t times = std::stoll(path.substr(path.find(':') + 1));
    bytes_ = 1 << 20;  // what may be read is held against it
    add("time", {{"time", times}}, "hours since 2000-01-01");
    add("lat", {{"lat", 19}}, "degrees_north");
    add("lon", {{"lon", 36}}, "degrees_east");
    add("height", {{"time", times}, {"lat", 19}, {"lon", 36}}, "m");
  }

 private:
  void add(const char* name, std::vector<data::FileDim> dims, const char* units) {
    data::FileVariable made;
    made.name = name, made.dims = std::move(dims), made.attributes["units"] = units;
    made.type = made.packing.type = data::StoredType::float64;
    variables_.push_back(std::move(made));
  }
  void read_stored(const data::FileVariable& variable, std::span<const int64_t> start,
                   std::span<const int64_t> count, std::byte* out) const override {
    const bool field = start.size() == 3;
    const int64_t columns = field ? count[2] : 1, points = field ? count[1] * columns : 1;
    for (int64_t k = 0; k < count[0] * points; ++k) {
      const int64_t y = field ? start[1] + k % points / columns : 0, x = field ? start[2] + k % columns : 0;
      const double value = value_of(variable.name, start[0] + k / points, y, x);
      std::memcpy(out + k * sizeof value, &value, sizeof value);
    }
  }
};

int main(int count, char** arguments) {
  data::add_format({"wave", [](const auto& path, auto) { return path.starts_with("wave:"); },
                    [](const auto& path) { return std::make_shared<const Wave>(path); }});
  const data::Dataset dataset({.files = {count > 1 ? arguments[1] : "wave:8"}});
  std::vector<float> field(dataset.grid().points());
  dataset.read(0, 3, {0, dataset.grid().rows()}, field);
  const double found = field[7 * 36 + 5], expected = value_of("", 3, 7, 5);
  std::printf("%zu times; the fourth at 20 N, 50 E is %.6f, by formula %.6f\n", dataset.times().size(), found,
              expected);
  return std::abs(found - expected) < 1e-6 ? 0 : 1;
}
