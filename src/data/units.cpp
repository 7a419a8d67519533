#include "data/units.h"

#include <cmath>
#include <map>
#include <memory>
#include <mutex>

#include <udunits2.h>

#include "core/log.h"
#include "core/words.h"

namespace seqvit::data {
namespace {

/// What weather and ocean files write, in words that udunits-2 knows. "mb" is a millibarn and "C" a coulomb
/// there.
std::string spelled(const std::string& units) {
  static const std::map<std::string, const char*> kSpellings = {
      {"mb", "hPa"},
      {"mbs", "hPa"},
      {"c", "degC"},
      {"deg c", "degC"},
      {"degree c", "degC"},
      {"degrees c", "degC"},
      {"degree celsius", "degC"},
      {"degrees celsius", "degC"},
      {"deg k", "K"},
      {"degrees k", "K"},
      {"gpm", "m"},
      {"geopotential meter", "m"},
      {"geopotential meters", "m"},
      {"geopotential metre", "m"},
      {"geopotential metres", "m"},
      {"m of water equivalent", "m"},
      {"(0 - 1)", "1"},
      {"(0-1)", "1"},
      {"0-1", "1"},
      {"fraction", "1"},
      {"proportion", "1"},
      {"unitless", "1"},
      {"dimensionless", "1"},
      {"none", "1"},
      {"-", "1"},
      {"degrees north", "degree"},
      {"degrees east", "degree"},
      {"decimal degrees", "degree"},
  };
  const std::string word(trimmed(units));
  const auto found = kSpellings.find(lower(word));
  return found == kSpellings.end() ? word : found->second;
}

struct FreeUnit {
  void operator()(ut_unit* unit) const { ut_free(unit); }
};
struct FreeConverter {
  void operator()(cv_converter* converter) const { cv_free(converter); }
};
using Unit = std::unique_ptr<ut_unit, FreeUnit>;
using Converter = std::unique_ptr<cv_converter, FreeConverter>;

/// udunits-2 with its lock: it is not safe under threads. One for the process, whose database never changes.
class Database {
 public:
  static Database& instance() {
    static Database database;
    return database;
  }

  std::optional<UnitConversion> convert(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    const Unit one = parse(from), other = parse(to);
    if (!one || !other || ut_are_convertible(one.get(), other.get()) == 0) return std::nullopt;
    const Converter converter(ut_get_converter(one.get(), other.get()));
    if (!converter) return std::nullopt;
    const auto at = [&](double value) { return cv_convert_double(converter.get(), value); };
    UnitConversion found{at(1.0) - at(0.0), at(0.0)};
    const double far = 1000.0 * found.scale + found.offset;
    if (!(std::abs(at(1000.0) - far) <= 1e-9 * std::abs(far))) return std::nullopt;
    if (std::abs(found.scale - 1.0) < 1e-12) found.scale = 1.0;  // rounding on the way
    return found;
  }

 private:
  Database() {
    ut_set_error_message_handler(ut_ignore);
    system_.reset(ut_read_xml(nullptr));
    if (!system_) log_warn("the database of units (udunits-2) cannot be read: units are compared as text");
  }

  Unit parse(const std::string& units) const {
    return Unit(system_ ? ut_parse(system_.get(), spelled(units).c_str(), UT_UTF8) : nullptr);
  }

  struct FreeSystem {
    void operator()(ut_system* system) const { ut_free_system(system); }
  };
  std::mutex mutex_;
  std::unique_ptr<ut_system, FreeSystem> system_;
};

}  // namespace

std::optional<UnitConversion> convert_units(const std::string& from, const std::string& to) {
  if (trimmed(from) == trimmed(to)) return UnitConversion{};
  return Database::instance().convert(from, to);
}

}  // namespace seqvit::data
