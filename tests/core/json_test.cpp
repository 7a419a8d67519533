#include "core/json.h"

#include <gtest/gtest.h>

namespace seqvit {
namespace {

using nlohmann::json;

TEST(Json, IsWrittenWhateverBytesItHolds) {
  EXPECT_EQ(json_text(json{{"units",
                            "\xB0"
                            "C"}}),
            "{\"units\":\"\xEF\xBF\xBD"
            "C\"}");
  EXPECT_EQ(json_text(json{{"units", "°C"}}, 1), "{\n \"units\": \"°C\"\n}");
}

TEST(Json, CountsAreWholeAndFitAndAreNotNegative) {
  EXPECT_EQ(count_of(json::parse("9223372036854775807")), std::numeric_limits<int64_t>::max());
  for (const char* none : {"9223372036854775808", "-1", "1.0", "1e300", "\"12\"", "true", "null", "[1]"})
    EXPECT_EQ(count_of(json::parse(none)), std::nullopt) << none;
  EXPECT_EQ(counts_of(json::parse("[0, 7]")), (std::vector<int64_t>{0, 7}));
  EXPECT_EQ(counts_of(json::parse("[0, -7]")), std::nullopt);
  EXPECT_EQ(counts_of(json::parse("{\"a\": 7}")), std::nullopt);
}

}  // namespace
}  // namespace seqvit
