/// Steps that allocate all that they would but compute nothing, to learn what memory a sequence takes without
/// the time that it takes: results and gradients are zero.
#pragma once

namespace seqvit {

/// Lasts while one lives. Serves our attention kernel (libtorch's computes) and the products of
/// ops/product.h. Not for several threads to change at once.
class Phantom {
 public:
  enum class Of { nothing, attention, attention_and_products };
  explicit Phantom(Of what) { what_ = what; }
  ~Phantom() { what_ = Of::nothing; }
  Phantom(const Phantom&) = delete;
  Phantom& operator=(const Phantom&) = delete;

  static bool attention() { return what_ != Of::nothing; }
  static bool products() { return what_ == Of::attention_and_products; }

 private:
  static inline Of what_ = Of::nothing;
};

}  // namespace seqvit
