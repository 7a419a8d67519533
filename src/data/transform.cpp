#include "data/transform.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/error.h"

namespace seqvit::data {

Transform Transform::parse(const std::string& text, const std::string& setting) {
  Transform transform;
  const size_t space = text.find(' ');
  const std::string name = text.substr(0, space);
  if (name == "sqrt" && space == std::string::npos) transform.kind_ = Kind::sqrt;
  if (name == "log1p") transform.kind_ = Kind::log1p;
  if (space != std::string::npos) {
    char* end = nullptr;
    transform.unit_ = std::strtod(text.c_str() + space, &end);
    if (*end != '\0') transform.unit_ = 0.0;
  }
  const bool known = transform.kind_ != Kind::none || text.empty();
  if (known && std::isfinite(transform.unit_) && transform.unit_ > 0.0) return transform;
  fail(Exit::usage,
       "{}: expected 'sqrt', 'log1p' or 'log1p UNIT' with a number > 0 in the units of the data, found '{}'",
       setting, text);
}

double Transform::apply(double x) const {
  if (identity() || std::isnan(x)) return x;
  x = std::max(x, 0.0);
  return kind_ == Kind::sqrt ? std::sqrt(x) : std::log1p(x / unit_);
}

void Transform::apply(std::span<float> values) const {
  if (identity()) return;
  for (float& value : values)
    value = static_cast<float>(apply(static_cast<double>(value)));
}

double Transform::invert(double y) const {
  if (identity() || std::isnan(y)) return y;
  y = std::max(y, 0.0);
  return kind_ == Kind::sqrt ? y * y : unit_ * std::expm1(y);
}

std::string Transform::text() const {
  if (identity()) return "";
  if (kind_ == Kind::sqrt) return "sqrt";
  return unit_ == 1.0 ? "log1p" : fmt::format("log1p {}", unit_);
}

std::map<std::string, Transform> parse_transforms(const std::map<std::string, std::string>& texts) {
  std::map<std::string, Transform> transforms;
  for (const auto& [name, text] : texts)
    transforms[name] = Transform::parse(text, "data.transform." + name);
  return transforms;
}

}  // namespace seqvit::data
