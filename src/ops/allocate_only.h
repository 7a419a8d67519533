/// Steps without most of their arithmetic, to learn what memory a sequence takes without the time that it
/// takes.
#pragma once

namespace seqvit::ops {

/// While one lives, our attention kernel (libtorch's computes) or also the products of ops/product.h allocate
/// all that they would and give zeros. Not for several threads to change at once.
class AllocateOnly {
 public:
  enum class In { nothing, attention, attention_and_products };
  explicit AllocateOnly(In what) { what_ = what; }
  ~AllocateOnly() { what_ = In::nothing; }
  AllocateOnly(const AllocateOnly&) = delete;
  AllocateOnly& operator=(const AllocateOnly&) = delete;

  static bool attention() { return what_ != In::nothing; }
  static bool products() { return what_ == In::attention_and_products; }

 private:
  static inline In what_ = In::nothing;
};

}  // namespace seqvit::ops
