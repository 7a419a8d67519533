#include "draw/markup.h"

#include <gtest/gtest.h>

#include "draw/markup_check.h"

namespace seqvit::draw {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Markup, EscapesTextAndAttributeValues) {
  const Markup page = element("p", {{"title", "\"><script>"}}, "<b>&'\"");
  EXPECT_EQ(page.str(), "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;&#39;&quot;</p>");
  EXPECT_EQ(markup_problem(page.str()), "");
}

TEST(Markup, NestsWithoutEscapingTwice) {
  const Markup page = element("ul", {}, {element("li", {}, "a & b"), "text", element("li")});
  EXPECT_EQ(page.str(), "<ul><li>a &amp; b</li>text<li></li></ul>");
  EXPECT_EQ(("<" + element("br") + "y").str(), "&lt;<br>y") << "void elements have no end tag";
}

TEST(Markup, PngsAreBase64) {
  EXPECT_EQ(png_url(bytes_of("")), "data:image/png;base64,");
  EXPECT_EQ(png_url(bytes_of("f")), "data:image/png;base64,Zg==");
  EXPECT_EQ(png_url(bytes_of("fo")), "data:image/png;base64,Zm8=");
  EXPECT_EQ(png_url(bytes_of("foobar")), "data:image/png;base64,Zm9vYmFy");
  EXPECT_EQ(png_url(bytes_of("\xff\xfe\xfb")), "data:image/png;base64,//77");
}

}  // namespace
}  // namespace seqvit::draw
