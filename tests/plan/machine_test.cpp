/// Machines by name, and this one.
#include "plan/machine.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace seqvit::plan {
namespace {

TEST(Machine, OfAWrongNameIsRefusedWithTheNearest) {
  try {
    find_machine("fronteir");
    FAIL() << "no such machine";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::usage);
    EXPECT_NE(std::string(error.what()).find("did you mean 'frontier'"), std::string::npos) << error.what();
  }
}

TEST(Machine, HasEveryFigureThatPredictionsNeed) {
  for (const std::string& name : machine_names()) {
    const Machine m = name == "this" ? this_machine(Precision::bf16, 1e9, 2, AttentionMemory::separate)
                                     : find_machine(name);
    EXPECT_EQ(m.name, name);
    EXPECT_GE(m.ranks_per_node, 1);
    EXPECT_GT(m.memory_bytes, 0);
    EXPECT_GT(m.rate(Precision::bf16), 0.0);
    EXPECT_GT(m.attention_share, 0.0);
    EXPECT_GT(m.memory_rate, 0.0);
    for (const Link& link : {m.inside, m.between}) {
      EXPECT_GT(link.bytes_per_second, 0.0);
      EXPECT_GT(link.seconds, 0.0);
    }
    EXPECT_GE(m.inside.bytes_per_second, m.between.bytes_per_second);
  }
}

TEST(Machine, WithoutARateForThePrecisionIsRefused) {
  EXPECT_THROW((void)find_machine("h100").rate(Precision::fp64), Error);
  EXPECT_EQ(this_machine(Precision::fp64, 3e9, 1, AttentionMemory::separate).rate(Precision::fp64), 3e9);
}

TEST(Machine, OfManyRanksSharesTheMemoryOut) {
  const auto one = static_cast<double>(
                 this_machine(Precision::fp32, 1e9, 1, AttentionMemory::separate).memory_bytes),
             four = static_cast<double>(
                 this_machine(Precision::fp32, 1e9, 4, AttentionMemory::separate).memory_bytes);
  EXPECT_NEAR(one / four, 4.0, 1.0);  // what is available changes between the two
}

}  // namespace
}  // namespace seqvit::plan
