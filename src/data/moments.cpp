#include "data/moments.h"

#include <algorithm>

namespace seqvit::data {

void RunningMoments::merge(const RunningMoments& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {  // not through the sums below: what is constant stays exactly so
    *this = other;
    return;
  }
  const auto mine = static_cast<double>(count_), theirs = static_cast<double>(other.count_);
  const double difference = other.mean_ - mean_, total = mine + theirs;
  mean_ += difference * theirs / total;
  squares_ += other.squares_ + difference * difference * mine * theirs / total;
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

template <typename T>
void RunningMoments::add_piece(const T* values, size_t size) {
  constexpr size_t kPiece = 4096;
  for (size_t begin = 0; begin < size; begin += kPiece) {
    const T *first = values + begin, *last = values + std::min(size, begin + kPiece);
    const T* valid = std::find_if(first, last, [](T value) { return value == value; });
    if (valid == last) continue;
    // Deviations from any value near the mean keep their digits; the first of the piece is near enough.
    const auto shift = static_cast<double>(*valid);
    RunningMoments piece;
    double sum = 0.0, squares = 0.0;
    for (const T* value = valid; value != last; ++value) {
      if (*value != *value) continue;
      const double deviation = static_cast<double>(*value) - shift;
      sum += deviation;
      squares += deviation * deviation;
      ++piece.count_;
      piece.min_ = std::min(piece.min_, static_cast<double>(*value));
      piece.max_ = std::max(piece.max_, static_cast<double>(*value));
    }
    const double mean = sum / static_cast<double>(piece.count_);
    piece.mean_ = shift + mean;
    piece.squares_ = squares - sum * mean;
    if (piece.squares_ < 0.0) piece.squares_ = 0.0;  // NaN, of infinite values, stays
    merge(piece);
  }
}

template void RunningMoments::add_piece(const float*, size_t);
template void RunningMoments::add_piece(const double*, size_t);

}  // namespace seqvit::data
