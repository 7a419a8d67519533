/// Work on many things at once, for what is not libtorch's: decoding of files.
#pragma once

#include <cstdint>
#include <functional>

namespace seqvit {

/// Threads that a call of `for_each_index` may use, its own among them: OMP_NUM_THREADS where it is a number,
/// else the cores that this process may run on. 1 on a thread that such a call has started, so that calls
/// inside calls do not multiply.
int worker_threads();

/// body(0), ..., body(count - 1), each once, in any order, on several threads; returns when all are done.
/// What one of them throws first is thrown here; those not begun by then are left out. Threads last as long
/// as the call, so a body should take a tenth of a millisecond or more.
void for_each_index(int64_t count, const std::function<void(int64_t)>& body);

}  // namespace seqvit
