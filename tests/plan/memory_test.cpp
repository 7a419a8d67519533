/// The predicted peak against the allocator's, of phantom ranks over strategies, ZeRO stages, recomputation
/// and depth.
#include "plan/memory.h"

#include <ATen/ops/empty.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/phantom.h"
#include "ops/flash_attention.h"
#include "ops/memory.h"
#include "phantom_step.h"

namespace seqvit {
namespace {

using Settings = std::vector<std::string>;

AttentionMemory attention_memory(const StepCase& one) {
  const auto type = one.config.train.precision == Precision::fp64 ? at::kDouble : at::kFloat;
  const Tensor q = at::empty({1, 1, 1, one.config.model.embed_dim / one.config.model.num_heads}, type);
  return flash_supports(q, q, q) ? AttentionMemory::flash : AttentionMemory::separate;
}

TEST(Memory, calibrate) {
  install_tensor_allocator();
  for (const char* strategy : {"none", "ulysses", "lss", "lss_kv", "ring", "hybrid"}) {
    for (const char* recompute : {"none", "keep_attention", "full"}) {
      for (const char* extra :
           {"parallel.zero=3 model.depth=2", "parallel.zero=0 model.depth=6",
            "parallel.zero=1 model.depth=6 parallel.tp=2",
            "parallel.zero=2 train.micro_batches=2 train.batch_size=2",
            "parallel.zero=3 parallel.pp=2 train.micro_batches=3 train.batch_size=3 model.depth=4",
            "model.depth=2 model.embed_dim=256 parallel.dp=4 parallel.zero=3"}) {
        Settings settings = {std::string("memory.recompute=") + recompute};
        if (std::string(strategy) != "none")
          settings.insert(settings.end(), {std::string("parallel.sequence=") + strategy, "parallel.sp=4"});
        for (std::string e = extra; !e.empty();) {
          const size_t space = e.find(' ');
          settings.push_back(e.substr(0, space));
          e = space == std::string::npos ? "" : e.substr(space + 1);
        }
        if (std::string(extra).find("dp=4") != std::string::npos) settings.push_back("train.batch_size=4");
        const StepCase one = make_case(128, settings);
        for (const int rank : {0, ranks_of(one.config) - 1}) {
          const int64_t before = tensor_bytes();
          const int64_t found =
              run_step(one, *make_phantom_comm(ranks_of(one.config), rank)).peak_bytes - before;
          const auto p = predict_memory(RankPart(one.shape, one.config, rank), one.shape, one.config,
                                        attention_memory(one));
          fmt::print("{:.3f}  {:8.2f} MiB  {} rank {}:", p.peak / double(found), found / 1048576.0,
                     name_of(one.config), rank);
          for (const auto& [name, bytes] : p.parts)
            fmt::print(" {} {:.2f}", name, bytes / 1048576.0);
          fmt::print("\n");
        }
      }
    }
  }
}

}  // namespace
}  // namespace seqvit
