#include "core/region.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit {
namespace {

Region parse(const std::string& text) {
  return Region::parse(text, "test.yaml: evaluate.regions");
}

TEST(Region, EdgesBelongAndLongitudesWrap) {
  const Region box{"box", -20, 20, 350, 370};
  EXPECT_TRUE(box.contains(20, 350));
  EXPECT_TRUE(box.contains(-20, 10));
  EXPECT_TRUE(box.contains(0, -5));
  EXPECT_FALSE(box.contains(0, 11));
  EXPECT_FALSE(box.contains(20.1, 0));
  EXPECT_TRUE(Region{"all"}.contains(90, 1234.5));
}

TEST(Region, EdgesBelongHoweverTheirCoordinatesAreRounded) {
  const Region box =
      parse("box=10.1,20.3,0.1,10.1");  // 10.1 - 0.1, a turn on and back, is more than 10.1 - 0.1
  for (const double turn : {-360.0, 0.0, 360.0}) {
    EXPECT_TRUE(box.contains(10.1F, 10.1F + turn)) << turn;
    EXPECT_TRUE(box.contains(20.3F, 0.1F + turn)) << turn;
    EXPECT_TRUE(box.contains(15, 10.1 + turn)) << turn;
    EXPECT_FALSE(box.contains(15, 10.11 + turn)) << turn;
    EXPECT_FALSE(box.contains(15, 0.09 + turn)) << turn;
  }
}

TEST(Region, ReadsABox) {
  const Region europe = parse("europe=35,75,-12.5, 42.5");
  EXPECT_EQ(europe.name, "europe");
  EXPECT_TRUE(europe.contains(35, 347.5)) << "12.5 W on a grid from 0 to 360";
  EXPECT_TRUE(europe.contains(75, 42.5));
  EXPECT_FALSE(europe.contains(50, 347));
  EXPECT_FALSE(europe.contains(50, 43));
}

TEST(Region, MayCrossTheDateLineAndGreenwich) {
  const Region pacific = parse("pacific=-20,20,150,-90");
  for (const double inside : {150.0, 180.0, -180.0, 200.0, 270.0, -90.0})
    EXPECT_TRUE(pacific.contains(0, inside)) << inside;
  for (const double outside : {149.0, 271.0, 0.0, 20.0})
    EXPECT_FALSE(pacific.contains(0, outside)) << outside;
  const Region africa = parse("africa=-35,35,340,50");
  for (const double inside : {340.0, -20.0, 0.0, 50.0})
    EXPECT_TRUE(africa.contains(0, inside)) << inside;
  EXPECT_FALSE(africa.contains(0, 180));
  EXPECT_TRUE(parse("x=0,10,300,-180").contains(0, 60));
  EXPECT_TRUE(parse("all=-90,90,-180,180").contains(0, 180)) << "once round";
  EXPECT_TRUE(parse("all=-90,90,0,360").contains(0, -0.5));
}

TEST(Region, RefusesBadBoxes) {
  const std::pair<const char*, const char*> cases[] = {{"75", "name=south,north,west,east"},
                                                       {"x=1,2,3", "name=south"},
                                                       {"x=1,2,3,4,5", "name=south"},
                                                       {"x=1,2,three,4", "name=south"},
                                                       {"x=1,2,nan,4", "name=south"},
                                                       {"=1,2,3,4", "name=south"},
                                                       {"", "name=south"},
                                                       {"x=50,30,0,10", "south 50 and north 30"},
                                                       {"x=30,95,0,10", "north 95"},
                                                       {"x=30,30,0,10", "south < north"},
                                                       {"x=0,10,5,5", "west 5 and east 5"},
                                                       {"x=0,10,0,400", "from -360 to 360"},
                                                       {"x=0,10,-180,300", "at most 360 degrees"},
                                                       {"global=0,10,0,10", "'global' is always"}};
  for (const auto& [text, words] : cases)
    expect_error(Exit::usage, {"test.yaml: evaluate.regions", words}, [&, t = text] { parse(t); });
}

}  // namespace
}  // namespace seqvit
