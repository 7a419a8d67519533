#include "core/utf8.h"

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Utf8, EndsAtTheFirstByteThatIsNone) {
  for (const std::string_view good : {"", "K", "°C", "€", "𝄞", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(valid_utf8(good), good.size()) << good;
  // A lone continuation, a cut character, longer forms than needed, half a pair, beyond the last.
  for (const std::string_view bad :
       {"\x80", "\xC2", "\xE2\x82", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"})
    EXPECT_EQ(valid_utf8("ab" + std::string(bad) + "c"), 2u) << bad;
}

TEST(Utf8, TakesOtherTextForLatin1) {
  EXPECT_EQ(to_utf8("°C"), "°C");
  EXPECT_EQ(to_utf8("\xB0"
                    "C"),
            "°C");
  EXPECT_EQ(to_utf8("gr\xFC\xDF"
                    "e"),
            "grüße");
}

}  // namespace
}  // namespace seqvit
