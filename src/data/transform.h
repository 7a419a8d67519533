/// What a variable is turned into before it is normalised, so that its values lie less unevenly: rain, of
/// which most is near zero.
///
/// Both count what is below zero as zero, which packing makes of dry points, and their inverse gives nothing
/// below it.
#pragma once

#include <map>
#include <span>
#include <string>

namespace seqvit::data {

class Transform {
 public:
  /// "", "sqrt", "log1p" or "log1p UNIT": log(1 + x / UNIT), 1 in the units of the data if it is not said.
  /// Throws Error(usage); `setting` stands in the message.
  static Transform parse(const std::string& text, const std::string& setting);

  bool identity() const { return kind_ == Kind::none; }
  double apply(double x) const;
  void apply(std::span<float> values) const;
  double invert(double y) const;
  /// As parse() reads it.
  std::string text() const;

 private:
  enum class Kind { none, sqrt, log1p };
  Kind kind_ = Kind::none;
  double unit_ = 1.0;
};

/// By variable, as in `data.transform`.
std::map<std::string, Transform> parse_transforms(const std::map<std::string, std::string>& texts);

}  // namespace seqvit::data
