#include "comm/text.h"

#include <algorithm>
#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

namespace seqvit::comm {
namespace {

Tensor to_bytes(const std::string& text) {
  Tensor bytes = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::copy(text.begin(), text.end(), static_cast<char*>(bytes.data_ptr()));
  return bytes;
}

}  // namespace

std::vector<std::string> gather_text(Comm& comm, const std::string& mine, const char* purpose) {
  const Tensor size = at::full({1}, static_cast<int64_t>(mine.size()), at::kLong);
  const Tensor sizes = comm.all_gather(size, Counts(comm.size(), 1), purpose).wait();
  const Counts counts(sizes.const_data_ptr<int64_t>(), sizes.const_data_ptr<int64_t>() + comm.size());
  const Tensor all = comm.all_gather(to_bytes(mine), counts, purpose).wait();
  const char* at = static_cast<const char*>(all.const_data_ptr());
  std::vector<std::string> texts;
  for (const int64_t count : counts) {
    texts.emplace_back(at, count);
    at += count;
  }
  return texts;
}

std::string broadcast_text(Comm& comm, const std::string& text, int root, const char* purpose) {
  return gather_text(comm, comm.rank() == root ? text : "", purpose)[root];
}

}  // namespace seqvit::comm
